"""Learn from the kernel which addresses on our own links do not answer ARP or neighbour discovery.

After three requests without an answer the kernel reports this to the sockets whose packets it kept, oldest first, by
ICMP errors, of which it sends fifty at once at most. A scanner's oldest packets belong to sockets that have long given
up, so the report may never reach a living one. The kernel also announces it once, with the address, on the neighbour
group of rtnetlink; that group is read here. No privilege is needed. rtnetlink(7), linux/neighbour.h.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from scanner.core.model import Address

NEIGHBOUR_NEWS_AVAILABLE = sys.platform.startswith("linux")
"""Whether this system announces failed neighbours."""

_HEADER = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_ATTRIBUTE = struct.Struct("=HH")
_NEW_NEIGHBOUR, _DESTINATION, _FAILED = 28, 1, 0x20
_NEIGHBOUR_GROUP = 1 << 2


class AbsenceWatch:
    """A socket that receives news of failed neighbours."""

    def __init__(self) -> None:
        """Open the socket. Raises OSError where the system allows no such socket."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        try:
            self._socket.bind((0, _NEIGHBOUR_GROUP))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def absent(self) -> Iterator[Address]:
        """Yield the addresses that turned out to be absent since the last call. Never waits."""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: more news than room. What was missed is learnt by timeouts
                continue
            yield from failed_neighbours(data)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def failed_neighbours(data: bytes) -> Iterator[Address]:
    """Yield the addresses that rtnetlink messages report as failed."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, offset)
        if size < _HEADER.size + _NEIGHBOUR.size or offset + size > len(data):
            return
        if kind == _NEW_NEIGHBOUR:
            yield from _failed(data[offset + _HEADER.size : offset + size])
        offset += (size + 3) & ~3


def _failed(body: bytes) -> Iterator[Address]:
    """Yield the address of one neighbour message, if it says that the neighbour failed."""
    family, _, state, *_ = _NEIGHBOUR.unpack_from(body)
    offset = _NEIGHBOUR.size
    while state & _FAILED and offset + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, offset)
        value = body[offset + _ATTRIBUTE.size : offset + size]
        if kind == _DESTINATION and family == socket.AF_INET and len(value) == 4:
            yield IPv4Address(value)
        elif kind == _DESTINATION and family == socket.AF_INET6 and len(value) == 16:
            yield IPv6Address(value)
        offset += max(4, (size + 3) & ~3)
