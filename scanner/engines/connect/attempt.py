"""One socket and the probe that it carries, and the interface of the two probers.

`Prober` is what `epoll.py` (fast, Linux) and `portable.py` (everywhere) have in common. A prober keeps sockets and
reports the outcome of each attempt to an `OutcomeSink`; it decides nothing.
"""

import socket
import struct
from collections.abc import Iterable
from typing import Protocol

from scanner.engines.connect.hosts import Host
from scanner.engines.connect.icmp_errors import IcmpError, read_icmp_error
from scanner.engines.connect.in_flight import Probed
from scanner.engines.connect.outcome import OPENED, PENDING_ERRNOS
from scanner.engines.connect.schedule import Turn

_LINGER_NOT = struct.pack("ii", 1, 0)
_RTT_IN_TCP_INFO = 68

Refusal = tuple[Probed, int, float, float]
"""What was probed, an index in it, when the probe left and when its reset came, on the monotonic clock."""


class Attempt:
    """A probe under way. Overwritten for each probe where its socket is used again."""

    __slots__ = ("busy", "host", "index", "socket", "started", "target", "wave")

    busy: bool
    """Whether an outcome is awaited."""
    wave: Probed
    """The wave that is probed, or the canaries."""
    index: int
    """The index in it."""
    host: Host
    """The host at that index."""
    target: tuple[str, int]
    """Address and port in the form that the socket module takes."""
    started: float
    """When the probe began, on the monotonic clock."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.busy = False

    def begin(self, turn: Turn, started: float) -> None:
        """Use the socket for a turn from now on."""
        self.wave, self.index, self.host = turn
        self.target = (self.host.text, self.wave.ports[self.index])
        self.started = started
        self.busy = True

    def leave_no_trace(self) -> None:
        """End the connection with a reset (a linger time of 0), on both sides at once.

        This leaves no TIME_WAIT here, no handler there that waits for a request, and no sixty thousand half-closed
        connections to a tarpit. Nothing was sent that could get lost.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)

    def handshake_time(self) -> float | None:
        """Return the seconds from SYN to SYN-ACK as the kernel measured them; None where it does not say (tcp(7),
        TCP_INFO)."""
        if not hasattr(socket, "TCP_INFO"):
            return None
        try:
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT_IN_TCP_INFO + 4)
        except OSError:  # the other side has already hung up
            return None
        if len(info) < _RTT_IN_TCP_INFO + 4:
            return None
        microseconds: int = struct.unpack_from("=I", info, _RTT_IN_TCP_INFO)[0]
        return microseconds / 1e6 if microseconds else None

    def met_ourselves(self, others: Iterable["Attempt"], *, alone: bool) -> bool:
        """Return whether the other end of the connection is a socket of ours.

        On this machine's own addresses the kernel may choose the target port as our source port, and the SYN meets
        itself, or a SYN of ours that goes the other way: a simultaneous open (RFC 9293 section 3.5) without any
        listener. Sockets of other worker processes (`alone` is False then) cannot be inspected: a connection to this
        machine is doubted the first time, and a peer that is met a second time is a listener.
        """
        try:
            here, there = self.socket.getsockname(), self.socket.getpeername()
        except OSError:  # closed by the peer: no address to compare, so treat it as ours the first time
            return self.host.is_this_machine and not self.wave.local_failures[self.index]
        if here[0] != there[0]:
            return False
        if here == there or any(_local_port(other) == there[1] for other in others if other.busy):
            return True
        return not alone and not self.wave.local_failures[self.index]


class OutcomeSink(Protocol):
    """Receives the outcomes of attempts."""

    def refused(self, refusals: list[Refusal]) -> None:
        """Take resets. They are the usual answer, so they come in batches."""
        ...

    def no_socket(self, turn: Turn, error: int) -> None:
        """Note that no socket was to be had for a turn."""
        ...

    def ended(self, attempt: Attempt, error: int, news: IcmpError | None, *, at_once: bool = False) -> None:
        """Take `error`, the result of connect(), with an ICMP error or without; `at_once` where the first call gave it.

        The socket is still open during this call; it is closed afterwards.
        """
        ...


def report_end(sink: OutcomeSink, attempt: Attempt, error: int, *, at_once: bool) -> bool:
    """Report an outcome other than a plain reset. Returns whether there was one; the socket is then not used again."""
    news = read_icmp_error(attempt.socket, attempt.target)
    if news is None and error in PENDING_ERRNOS:
        return False
    sink.ended(attempt, error, news, at_once=at_once)
    if error in OPENED:
        attempt.leave_no_trace()
    return True


class Prober(Protocol):
    """Keeps sockets and probes with them."""

    in_flight: int
    """Attempts whose outcome is awaited."""

    def launch(self, turns: Iterable[Turn]) -> int:
        """Begin an attempt for each turn, until turns or sockets run out; return how many were begun.

        Outcomes may be reported before this returns.
        """
        ...

    def drain(self) -> None:
        """Report the outcomes that are ready."""
        ...

    def expire(self, before: float) -> None:
        """Give up the attempts that were started before that time: each ended with ETIMEDOUT."""
        ...

    def attempts(self) -> Iterable[Attempt]:
        """Return every socket there is."""
        ...

    def close(self) -> None:
        """Close every socket."""
        ...


def _local_port(attempt: Attempt) -> int:
    try:
        return int(attempt.socket.getsockname()[1])
    except OSError:
        return 0
