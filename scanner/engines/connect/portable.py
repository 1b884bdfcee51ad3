"""The portable prober, for any system whose sockets asyncio can watch: a new socket for each probe.

It takes three times the processor time of `epoll.py`, but nothing that only Linux has. Without an error queue an ICMP
port-unreachable cannot be told from a reset; where there is one, it is read here too.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from errno import EINPROGRESS
from time import monotonic

from scanner.engines.connect.attempt import Attempt, OutcomeSink, report_end
from scanner.engines.connect.icmp_errors import ask_for_icmp_errors
from scanner.engines.connect.outcome import PENDING_ERRNOS, SENT, given_up
from scanner.engines.connect.schedule import Turn


class PortableProber:
    """Sockets watched by asyncio's own loop. Obeys `attempt.Prober`."""

    def __init__(self, sink: OutcomeSink, awake: Callable[[], None]) -> None:
        """`awake` is called after outcomes were reported: there is room for more probes."""
        self._sink = sink
        self._awake = awake
        self._loop = asyncio.get_running_loop()
        self._attempts: dict[Attempt, None] = {}
        self._woken = False
        self.in_flight = 0

    def launch(self, turns: Iterable[Turn]) -> int:
        """Begin an attempt for each turn, on a new socket each."""
        begun = 0
        for turn in turns:
            try:
                sock = socket.socket(turn[2].family, socket.SOCK_STREAM)
            except OSError as failure:
                self._sink.no_socket(turn, failure.errno or 0)
                break
            begun += 1
            self._begin(sock, turn)
        return begun

    def drain(self) -> None:
        """Do nothing: outcomes are reported as they come."""
        self._woken = False

    def expire(self, before: float) -> None:
        """Give up what was started before that time, after one last look: the loop may have been held up."""
        for attempt in [each for each in self._attempts if each.started < before]:
            self._ended(attempt, given_up(_last_word(attempt.socket)))

    def attempts(self) -> Iterable[Attempt]:
        """Return every socket there is."""
        return self._attempts

    def close(self) -> None:
        """Close the sockets."""
        for attempt in list(self._attempts):
            attempt.leave_no_trace()
            self._drop(attempt)

    def _begin(self, sock: socket.socket, turn: Turn) -> None:
        sock.setblocking(False)
        ask_for_icmp_errors(sock)
        attempt = Attempt(sock)
        attempt.begin(turn, monotonic())
        self._attempts[attempt] = None
        self.in_flight += 1
        error = sock.connect_ex(attempt.target)
        if error in SENT:
            attempt.wave.sent += 1
        if error in PENDING_ERRNOS:
            self._loop.add_writer(sock, self._ready, attempt)
        else:
            self._ended(attempt, error, at_once=True)

    def _ready(self, attempt: Attempt) -> None:
        """Report the outcome of a socket that has one."""
        self._ended(attempt, _last_word(attempt.socket))
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._awake)

    def _ended(self, attempt: Attempt, error: int, *, at_once: bool = False) -> None:
        if report_end(self._sink, attempt, error, at_once=at_once):
            self._drop(attempt)

    def _drop(self, attempt: Attempt) -> None:
        attempt.busy = False
        self.in_flight -= 1
        del self._attempts[attempt]
        self._loop.remove_writer(attempt.socket)
        attempt.socket.close()


def _last_word(sock: socket.socket) -> int:
    """Return the errno of a connect() without waiting; EINPROGRESS where it has not ended."""
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        return error
    try:
        sock.getpeername()
    except OSError:  # not connected
        return EINPROGRESS
    return 0
