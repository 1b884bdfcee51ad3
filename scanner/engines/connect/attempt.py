"""One socket and what it is asking, and the two ways of asking that there are.

`Prober` is what `connect_epoll.py` (fast, Linux) and `connect_portable.py` (anywhere) have in common. A prober
keeps sockets and tells what came of each attempt; it decides nothing.
"""

import socket
import struct
from collections.abc import Iterable
from typing import Protocol

from scanner.engines.connect.hosts import Host
from scanner.engines.connect.icmp_errors import IcmpError, read_icmp_error
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.outcome import OPENED, PENDING
from scanner.engines.connect.schedule import Turn

_LINGER_NOT = struct.pack("ii", 1, 0)
_RTT_IN_TCP_INFO = 68

Refusal = tuple[InFlightWave, int, float]
"""A wave, a place in it, and the seconds that its reset took."""


class Attempt:
    """A probe under way. Written anew for each probe where its socket is used again."""

    __slots__ = ("busy", "host", "place", "socket", "started", "target", "wave")

    busy: bool
    """Whether an outcome is awaited."""
    wave: InFlightWave
    """The wave that asks."""
    place: int
    """For which of its places."""
    host: Host
    """The host of that place."""
    target: tuple[str, int]
    """Address and port, as the socket module likes them."""
    started: float
    """When, on the monotonic clock."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.busy = False

    def begin(self, turn: Turn, started: float) -> None:
        """The socket asks a place from now on."""
        self.wave, self.place, self.host = turn
        self.target = (self.host.text, self.wave.ports[self.place])
        self.started = started
        self.busy = True

    def leave_no_trace(self) -> None:
        """Make the end of a connection a reset (a linger time of 0), on both sides at once.

        Neither a TIME_WAIT here, nor a handler there that waits for somebody who has no more to say, nor sixty
        thousand half-closed connections to a tarpit. Nothing was sent that could get lost.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)

    def handshake_time(self) -> float | None:
        """Seconds from SYN to SYN-ACK as the kernel measured them; None where it does not tell (tcp(7), TCP_INFO)."""
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
        """Whether the connection's other end is a socket of ours.

        On this machine's own addresses the kernel may choose the target port as our source port, and the SYN meets
        itself, or a SYN of ours that goes the other way: a simultaneous open (RFC 9293 section 3.5) without any
        listener. Sockets of another process of ours (`alone` is False then) cannot be looked at: a connection with
        this machine itself is doubted once, and who is met a second time is a listener.
        """
        try:
            here, there = self.socket.getsockname(), self.socket.getpeername()
        except OSError:  # already hung up, so it can no longer be told who it was: doubted once
            return self.host.is_this_machine and not self.wave.strikes[self.place]
        if here[0] != there[0]:
            return False
        if here == there or any(_local_port(other) == there[1] for other in others if other.busy):
            return True
        return not alone and not self.wave.strikes[self.place]


class OutcomeSink(Protocol):
    """Who is told what came of an attempt."""

    def refused(self, refusals: list[Refusal]) -> None:
        """Resets came: the usual answer, so it has a way of its own."""
        ...

    def no_socket(self, turn: Turn, error: int) -> None:
        """No socket was to be had for a turn."""
        ...

    def ended(self, attempt: Attempt, error: int, news: IcmpError | None, *, at_once: bool = False) -> None:
        """connect() said `error`, with an ICMP error or without; `at_once` where the first call said so.

        The socket is still there to be asked; it is closed afterwards.
        """
        ...


def tell_end(judge: OutcomeSink, attempt: Attempt, error: int, *, at_once: bool) -> bool:
    """Tell an outcome other than a plain reset; whether there was one, after which the socket is not used again."""
    news = read_icmp_error(attempt.socket, attempt.target)
    if news is None and error in PENDING:
        return False
    judge.ended(attempt, error, news, at_once=at_once)
    if error in OPENED:
        attempt.leave_no_trace()
    return True


class Prober(Protocol):
    """Keeps sockets and asks with them."""

    in_flight: int
    """Attempts whose outcome is awaited."""

    def launch(self, turns: Iterable[Turn]) -> int:
        """Begin an attempt for each turn, until there are no more turns or sockets; how many were begun.

        Outcomes may be told before this returns.
        """
        ...

    def drain(self) -> None:
        """Tell the outcomes that are there."""
        ...

    def expire(self, before: float) -> None:
        """Give up the attempts that were started before that time: each ended with ETIMEDOUT."""
        ...

    def attempts(self) -> Iterable[Attempt]:
        """Every socket there is."""
        ...

    def close(self) -> None:
        """Give every socket back."""
        ...


def _local_port(attempt: Attempt) -> int:
    try:
        return int(attempt.socket.getsockname()[1])
    except OSError:
        return 0
