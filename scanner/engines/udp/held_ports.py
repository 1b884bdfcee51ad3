"""Source ports that sockets of ours hold while a sweep runs, and never read from.

Answers to frames come to ports that the kernel knows nothing of, and it would tell their senders so by
port-unreachable: servers would log that, and other scans of this machine would pay for it. So each port of the block
is bound. The sockets hear nothing: their filter drops all that comes, which costs no memory.

The block is as large as descriptors allow, because the port that an endpoint is asked from is part of its proof. It
lies outside of the ephemeral range where there is room, so that no other program's port is taken from it.
"""

import errno
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scanner.core.errors import InvalidInput
from scanner.engines.bpf import assemble_filter, attach_filter
from scanner.engines.socket_budget import socket_budget

MOST_HELD = 4096
"""How many ports are held where descriptors allow it: twelve bits of proof."""
_LOWEST, _HIGHEST = 10_000, 65_535
_NOTHING = assemble_filter([("ret", 0)])
_TRIES = 50
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True)
class HeldPorts:
    """A block of ports."""

    first: int
    """The lowest of them."""
    sockets: tuple[socket.socket, ...]
    """One for each port, ascending."""

    @property
    def count(self) -> int:
        """Return how many ports there are: a power of two."""
        return len(self.sockets)

    @property
    def numbers(self) -> frozenset[int]:
        """Return the ports."""
        return frozenset(range(self.first, self.first + self.count))

    def close(self) -> None:
        """Give the ports back."""
        for each in self.sockets:
            each.close()


def hold_ports(pick: Callable[[int], int], most: int = MOST_HELD) -> HeldPorts:
    """Bind a block of ports for IPv4 and IPv6; `pick(n)` chooses among n places to begin.

    Raises:
        InvalidInput: there are not even a few free ports in a row.
    """
    count = 1 << (socket_budget(2 * most).bit_length() - 2)  # the rest is for others
    while count >= 1:
        for first in _beginnings(count, pick):
            sockets = _bound(range(first, first + count))
            if sockets:
                return HeldPorts(first, sockets)
        count //= 2
    raise InvalidInput("no UDP port can be bound to ask from", cure="use --engine connect")


def _beginnings(count: int, pick: Callable[[int], int]) -> Iterable[int]:
    """Yield first ports to try: below the ephemeral range, above it, and then anywhere."""
    low, high = map(int, _EPHEMERAL.read_text().split())
    for lowest, highest in ((_LOWEST, low - 1), (high + 1, _HIGHEST), (_LOWEST, _HIGHEST)):
        places = highest - lowest + 2 - count
        if places > 0:
            yield from (lowest + pick(places) for _ in range(_TRIES))


def _bound(ports: Iterable[int]) -> tuple[socket.socket, ...]:
    """Return a socket for each port; none at all where one of them is taken."""
    sockets: list[socket.socket] = []
    try:
        for port in ports:
            sockets.append(_socket())
            attach_filter(sockets[-1], _NOTHING)
            sockets[-1].bind(("", port))
    except OSError as error:
        for each in sockets:
            each.close()
        if error.errno not in (errno.EADDRINUSE, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            raise
        return ()
    return tuple(sockets)


def _socket() -> socket.socket:
    """Return a socket that holds a port for both IP versions, or for IPv4 where there is no other."""
    with suppress(OSError):
        both = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return both
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
