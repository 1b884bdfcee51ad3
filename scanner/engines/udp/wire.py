"""What the UDP engine wants of a network, and what it hears from it.

`error_queue.py` does this with one unconnected socket on Linux, `connected.py` with one connected socket an endpoint
anywhere else; neither needs a right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from scanner.core.plan.reasons import Reason


@dataclass(frozen=True, slots=True)
class Datagram:
    """Something that came from somewhere."""

    address: str
    """Its sender's address, as text."""
    port: int
    """Its sender's port."""
    data: bytes
    """The whole of it."""


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


News: TypeAlias = Datagram | ErrorAbout


class UdpWire(Protocol):
    """Sends datagrams and hears of them."""

    def send(self, version: int, address: str, port: int, payload: bytes, source: str = "") -> int:
        """Send a datagram to an endpoint; 0, or the errno where nothing left.

        `source` is the address to send from, one of this machine's; empty leaves it to the routes.
        """
        ...

    def hear(self) -> Iterator[News]:
        """Yield what came since the last call: never waiting, and a bounded number."""
        ...

    def own_ports(self) -> frozenset[int]:
        """Return the ports of this machine that are bound for asking."""
        ...

    def done_with(self, address: str, port: int) -> None:
        """Expect nothing more from an endpoint."""
        ...

    def filenos(self) -> Sequence[int]:
        """Return descriptors that become readable when there is something to hear."""
        ...

    def close(self) -> None:
        """Close the sockets."""
        ...
