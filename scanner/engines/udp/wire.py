"""What the UDP engine wants of a network, and what it hears from it.

Three wires do this: `error_queue.py` with one unconnected socket on Linux, `connected.py` with one connected socket an
endpoint anywhere else, neither of which needs a right, and `frames.py` with frames of its own, which needs raw sockets.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from scanner.core.columns import U8, U64
from scanner.core.model import Address
from scanner.core.packets.datagrams import datagram_checksum
from scanner.core.plan.reasons import Reason
from scanner.core.udp.question import Payload

NO_ROOM: Final = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.ENOMEM})
"""Errors that say: not now."""
_ENOUGH_QUOTED = 8
"""Bytes of a payload that say as much as a checksum."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One datagram to send."""

    address: Address
    """Where it goes."""
    text: str
    """The same as text."""
    port: int
    """To which port."""
    payload: Payload
    """The question."""
    token: bytes
    """The token of the endpoint; not read where the question has none."""
    source: str = ""
    """The address of this machine to send from; empty leaves it to the routes."""
    way: int = 0
    """The number of the way there (`UdpWire.ways`)."""
    last: bool = False
    """Whether it must leave after the others that are sent with it: it proves something about them."""

    @property
    def data(self) -> bytes:
        """Return the datagram's payload."""
        return self.payload.of(self.token)


class WayState(Enum):
    """What is known of the way to a host."""

    OPEN = auto()
    """Datagrams can go."""
    SOUGHT = auto()
    """The next hop is being looked for, or its link may come back: wait."""
    ABSENT = auto()
    """The host is a neighbour, and does not answer for its address."""
    NO_GATEWAY = auto()
    """The gateway does not answer for its address."""
    NO_ROUTE = auto()
    """There is none."""
    LINK_DOWN = auto()
    """The link is down, and has been for long."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """Something that came from somewhere."""

    address: str
    """Its sender's address, as text."""
    port: int
    """Its sender's port."""
    data: bytes
    """The whole of it."""
    to: int = 0
    """The port of ours that it came to; 0 where one port asks all of them."""
    expected: bool = True
    """Whether that is the port from which its sender was asked, if it was."""
    at: float = 0.0
    """When it came, on the monotonic clock; 0 for now."""


@dataclass(frozen=True, slots=True)
class QuotedHeader:
    """What an ICMP error quotes of a datagram's headers."""

    source: bytes
    """The packed address it came from."""
    destination: bytes
    """The packed address it went to."""
    source_port: int
    """The port it came from."""
    checksum: int
    """Its UDP checksum."""


@dataclass(frozen=True, slots=True)
class ErrorAbout:
    """An ICMP error about a datagram that was sent, or claims to be."""

    address: str
    """To which address it went."""
    port: int
    """To which port."""
    reason: Reason
    """What type and code of the error say."""
    sender: str
    """Who sent the error; empty where the system does not say."""
    quoted: bytes
    """As much of the datagram's payload as the error quotes."""
    header: QuotedHeader | None = None
    """The headers it quotes, where they are seen."""
    at: float = 0.0
    """When it came, on the monotonic clock; 0 for now."""

    def is_about(self, payload: bytes) -> bool:
        """Return whether what is quoted may be a datagram with this payload."""
        begins = payload.startswith(self.quoted)
        if self.header is None:
            return begins
        if begins and len(self.quoted) >= _ENOUGH_QUOTED:
            return True
        header = self.header
        wanted = datagram_checksum(header.source, header.destination, header.source_port, self.port, payload)
        return wanted == header.checksum


News: TypeAlias = Datagram | ErrorAbout


class UdpWire(Protocol):
    """Sends datagrams and hears of them."""

    @property
    def gather(self) -> float:
        """Return seconds in which work should gather: a turn costs as much for one datagram as for hundreds."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the summary should say of how datagrams were sent."""
        ...

    def ways(self, version: U8, high: U64, low: U64) -> list[int]:
        """Begin to look for the way to each of some addresses; return a number for each way."""
        ...

    def way(self, number: int, now: float) -> WayState:
        """Return what is known of a way by now."""
        ...

    def was_cut(self, number: int, since: float) -> bool:
        """Return whether a way's link was down at that moment or later, so that silence says nothing."""
        ...

    def keep_up(self, now: float, most: int) -> int:
        """Do what ways need, with at most so many packets; return how many were sent."""
        ...

    def send(self, probes: Sequence[Probe]) -> Mapping[int, int]:
        """Send datagrams in any order but for `Probe.last`; return the errno for each place that did not leave."""
        ...

    def hear(self) -> Iterator[News]:
        """Yield what came since the last call: never waiting, and a bounded number."""
        ...

    def own_ports(self) -> frozenset[int]:
        """Return the ports of this machine that are bound for asking."""
        ...

    def source_port(self, address: Address, port: int) -> int:
        """Return the port from which an endpoint is asked; 0 where one port asks all of them."""
        ...

    def done_with(self, address: str, port: int) -> None:
        """Expect nothing more from an endpoint."""
        ...

    def filenos(self) -> Sequence[int]:
        """Return descriptors that become readable when there is something to hear; none to be looked at in turns."""
        ...

    def close(self) -> None:
        """Close the sockets."""
        ...
