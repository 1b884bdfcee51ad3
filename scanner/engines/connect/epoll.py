"""The fast prober: non-blocking sockets on an epoll object of our own, used again after each refusal.

A refused connect() leaves its socket as good as new, so the next endpoint costs neither a socket() nor a close() nor an
epoll_ctl(). Sockets are registered once, edge-triggered. After an event a second connect() gives the outcome:
ECONNREFUSED (and the socket is free), EALREADY (the event belonged to the last use of the socket; a look at the flags
alone would take it for an answer), EISCONN or 0. The epoll object has a descriptor itself, and asyncio's loop watches
that one.

An ICMP error that arrives while the kernel still holds the socket (from a firewall on the same machine, over a veth
link) does not end the connection attempt: connect() goes on returning EALREADY, and only EPOLLERR and the error queue
show it.
"""

import asyncio
import select
import socket
from collections.abc import Callable, Iterable
from errno import ECONNREFUSED, EINPROGRESS
from time import monotonic

from scanner.engines.connect.attempt import Attempt, OutcomeSink, Refusal, report_end
from scanner.engines.connect.icmp_errors import ERRORS_QUEUED, NONE_QUEUED, ask_for_icmp_errors
from scanner.engines.connect.outcome import EXHAUSTED, PENDING_ERRNOS, SENT, given_up
from scanner.engines.connect.schedule import Turn

EPOLL_AVAILABLE = hasattr(select, "epoll")
"""Whether this system has epoll."""
_MOST_EVENTS = 256


class EpollProber:
    """Sockets on an epoll object. Obeys `attempt.Prober`."""

    def __init__(self, sink: OutcomeSink, awake: Callable[[], None]) -> None:
        """`awake` is called by the running loop whenever there is something to `drain`."""
        self._sink = sink
        self._attempts: dict[int, Attempt] = {}
        self._idle: dict[int, list[Attempt]] = {socket.AF_INET: [], socket.AF_INET6: []}
        self._epoll = select.epoll()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), awake)
        self.in_flight = 0

    def launch(self, turns: Iterable[Turn]) -> int:
        """Begin an attempt for each turn, on idle sockets as long as there are any.

        On loopback and between neighbours in one machine the answer is there when connect() returns. As long as that
        holds, it is read at once, and one socket that never leaves the cache does all the work.
        """
        refused: list[Refusal] = []
        begun, at_once = 0, True
        for turn in turns:
            wave, index, host = turn
            idle = self._idle[host.family]
            try:
                attempt = idle.pop() if idle else self._new(host.family)
            except OSError as failure:
                self._sink.no_socket(turn, failure.errno or 0)
                break
            begun += 1
            sock, target, started = attempt.socket, (host.text, wave.ports[index]), monotonic()
            first = error = sock.connect_ex(target)
            if at_once and first == EINPROGRESS:
                error = sock.connect_ex(target)
                if error == ECONNREFUSED and sock.getsockopt(*ERRORS_QUEUED) == NONE_QUEUED:
                    wave.sent += 1
                    host.answered = True
                    refused.append((wave, index, started, monotonic()))
                    idle.append(attempt)
                    continue
                at_once = error not in PENDING_ERRNOS
            self._begin(attempt, turn, started, first, error)
        self._sink.refused(refused)
        return begun

    def drain(self) -> None:
        """Report the outcomes of the sockets that have one."""
        while self._drain_some() == _MOST_EVENTS:
            pass

    def _drain_some(self) -> int:
        refused: list[Refusal] = []
        events = self._epoll.poll(0, _MOST_EVENTS)
        now = monotonic()
        for descriptor, flags in events:
            attempt = self._attempts.get(descriptor)
            if attempt is None or not attempt.busy:
                continue
            sock = attempt.socket
            error = sock.connect_ex(attempt.target)
            if error == ECONNREFUSED and sock.getsockopt(*ERRORS_QUEUED) == NONE_QUEUED:
                attempt.busy = False
                attempt.host.answered = True
                refused.append((attempt.wave, attempt.index, attempt.started, now))
                self._idle[attempt.host.family].append(attempt)
                self.in_flight -= 1
            elif error not in PENDING_ERRNOS or flags & select.EPOLLERR:
                self._ended(attempt, error)
        self._sink.refused(refused)
        return len(events)

    def expire(self, before: float) -> None:
        """Give up what was started before that time, after one last look: the loop may have been held up."""
        late = [each for each in self._attempts.values() if each.busy and each.started < before]
        for attempt in late:
            self._ended(attempt, given_up(attempt.socket.connect_ex(attempt.target)))

    def close(self) -> None:
        """Close every socket and the epoll object."""
        self._loop.remove_reader(self._epoll.fileno())
        for attempt in self._attempts.values():
            attempt.leave_no_trace()
            attempt.socket.close()
        self._attempts.clear()
        self._epoll.close()
        self.in_flight = 0

    def attempts(self) -> Iterable[Attempt]:
        """Return every socket there is."""
        return self._attempts.values()

    def _begin(self, attempt: Attempt, turn: Turn, started: float, first: int, error: int) -> None:
        """Note that an attempt is under way; `first` is the first result of connect(), `error` the last."""
        attempt.begin(turn, started)
        self.in_flight += 1
        if first in SENT:
            attempt.wave.sent += 1
        if error != EINPROGRESS:
            self._ended(attempt, error, at_once=first == error)

    def _ended(self, attempt: Attempt, error: int, *, at_once: bool = False) -> None:
        """Report an outcome other than a plain reset, after which the socket is not used again."""
        if report_end(self._sink, attempt, error, at_once=at_once):
            self._drop(attempt)

    def _drop(self, attempt: Attempt) -> None:
        attempt.busy = False
        self.in_flight -= 1
        del self._attempts[attempt.socket.fileno()]
        attempt.socket.close()

    def _new(self, family: socket.AddressFamily) -> Attempt:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            other = next((idle for idle in self._idle.values() if idle), None)
            if error.errno not in EXHAUSTED or other is None:
                raise
            self._close_idle(other.pop())  # an idle socket of the other family makes room
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        ask_for_icmp_errors(sock)
        attempt = self._attempts[sock.fileno()] = Attempt(sock)
        self._epoll.register(sock.fileno(), select.EPOLLOUT | select.EPOLLET)
        return attempt

    def _close_idle(self, attempt: Attempt) -> None:
        del self._attempts[attempt.socket.fileno()]
        attempt.socket.close()
