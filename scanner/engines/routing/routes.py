"""How a probe is routed: interface, source address and next hop of each destination, a wave at a time.

The kernel is asked, not imitated, but not once per address: inside an interval of addresses that no prefix of any
routing table and no policy rule divides, the kernel's decision is one and the same. So the boundaries of all prefixes
cut the address space into elementary intervals, a binary search finds the interval of each destination, and
`RTM_GETROUTE` is asked about one address of each interval the first time it is touched. A sweep of 10.0.0.0/8 through
one gateway asks one question.

What the kernel decides by something other than the destination is not seen: firewall marks, rules on the source
address, and the flow hash of a multipath route (one of its next hops is used for the whole interval). Routes are read
when the sweep begins, and again when `netlink.LinkWatch` reports a change (`forget`, `renew`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from scanner.core.columns import I32, U8, U64
from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.core.targets.targets import to_address
from scanner.engines.routing.netlink import Link, LinkAddress, Medium, Netlink, RouteEntry, RouteKind

Keys = npt.NDArray[np.uint64] | npt.NDArray[np.bytes_]
"""Addresses of one IP version as numpy values that sort as the addresses do."""

NO_ROUTE = -1
"""Instead of a route number: there is no route to that destination."""
_UNKNOWN = -2


@dataclass(frozen=True, slots=True)
class Route:
    """How packets reach some destinations."""

    link: Link
    """The interface they leave by."""
    source: Address
    """The source address they carry."""
    gateway: Address | None
    """The next hop; None where each destination is its own."""

    @property
    def needs_neighbour(self) -> bool:
        """Whether frames need the link-layer address of the next hop."""
        return self.link.resolves


@dataclass(frozen=True, slots=True)
class Interfaces:
    """What `--iflist` shows: how this machine is connected."""

    links: tuple[Link, ...]
    """Every interface."""
    addresses: tuple[LinkAddress, ...]
    """Every address of them."""
    routes: tuple[RouteEntry, ...]
    """The rows of the routing tables, local ones left out, IPv4 first."""


def interfaces() -> Interfaces:
    """Read the kernel's tables. Needs no privilege. Raises OSError where there is no rtnetlink."""
    with Netlink() as kernel:
        routes = [entry for version in (4, 6) for entry in kernel.routes(version)]
        kept = tuple(entry for entry in routes if entry.kind is RouteKind.UNICAST)
        return Interfaces(tuple(kernel.links()), tuple(kernel.addresses()), kept)


def find_link(name: str, links: Iterable[Link]) -> Link:
    """Return the interface with that name.

    Raises:
        InvalidInput: there is none.
    """
    links = tuple(links)
    for link in links:
        if link.name == name:
            return link
    known = ", ".join(link.name for link in links)
    raise InvalidInput(f"no interface {name!r}", where="-e", cure=f"there are: {known}")


class Routes:
    """Routes by destination. Grows by one each time a new one is met."""

    def __init__(self, kernel: Netlink, *, interface: str | None = None) -> None:
        """`interface` forces every probe through that one, as `-e` does.

        Raises:
            InvalidInput: there is no such interface.
        """
        links = kernel.links()
        self._kernel = kernel
        self._links = {link.index: link for link in links}
        self._loopback = next((link for link in links if link.medium is Medium.LOOPBACK), None)
        self._forced = find_link(interface, links) if interface else None
        self._numbers: dict[Route, int] = {}
        self._intervals: dict[int, Intervals] = {}
        self._samples: list[Address] = []  # a destination of each route
        self.known: list[Route] = []

    def find(self, version: U8, high: U64, low: U64) -> I32:
        """Return the number of each destination's route in `known`, int32[n]; NO_ROUTE where there is none."""
        found = np.full(len(low), NO_ROUTE, np.int32)
        four = version == 4
        for number, mask in ((4, four), (6, ~four)):
            if mask.any():
                keys = address_keys(number, high[mask], low[mask])
                found[mask] = self._table(number).find(keys, partial(self._ask, number))
        return found

    def renew(self, number: int) -> bool:
        """Ask the kernel again about a route that is in use. Return whether it is another from now on."""
        destination = self._samples[number]
        entry = self._kernel.route_to(destination, link=self._forced.index if self._forced else 0)
        route = None if entry is None else self._route_of(entry)
        if route is None or route == self.known[number]:
            return False
        self.known[number] = route
        self._numbers.setdefault(route, number)
        return True

    def forget(self) -> None:
        """The routing tables have changed: ask anew from now on."""
        self._links = {link.index: link for link in self._kernel.links()}
        self._intervals.clear()

    def _table(self, version: int) -> "Intervals":
        if version not in self._intervals:
            prefixes = [(entry.destination, entry.prefix) for entry in self._kernel.routes(version)]
            prefixes += self._kernel.rule_prefixes(version)
            self._intervals[version] = Intervals(version, prefixes)
        return self._intervals[version]

    def _ask(self, version: int, destination: int) -> int:
        """Return the kernel's answer for one address, as a route number."""
        forced = self._forced.index if self._forced else 0
        entry = self._kernel.route_to(to_address(version, destination), link=forced)
        route = None if entry is None else self._route_of(entry)
        if route is None:
            return NO_ROUTE
        if route not in self._numbers:
            self._numbers[route] = len(self.known)
            self.known.append(route)
            self._samples.append(to_address(version, destination))
        return self._numbers[route]

    def _route_of(self, entry: RouteEntry) -> Route | None:
        link = self._loopback if entry.kind is RouteKind.LOCAL else self._links.get(entry.link)
        usable = entry.kind in (RouteKind.UNICAST, RouteKind.LOCAL, RouteKind.BROADCAST)
        if not usable or link is None or link.medium is None or entry.source is None:
            return None
        return Route(link, entry.source, entry.gateway if link.resolves else None)


class Intervals:
    """The address space of one IP version, cut at the boundaries of prefixes; asks once per interval."""

    def __init__(self, version: int, prefixes: Iterable[tuple[Address, int]]) -> None:
        bits = 32 if version == 4 else 128
        cuts = {0}
        for address, length in prefixes:
            first = int(address) >> (bits - length) << (bits - length)
            cuts |= {first, first + (1 << (bits - length))}
        starts = sorted(cut for cut in cuts if cut < 1 << bits)
        words = np.array([[cut >> 64, cut & 0xFFFFFFFFFFFFFFFF] for cut in starts], np.uint64)
        self._starts = address_keys(version, words[:, 0], words[:, 1])
        self._answers: I32 = np.full(len(starts), _UNKNOWN, np.int32)

    def find(self, keys: Keys, ask: Callable[[int], int]) -> I32:
        """Return the answer for each key, int32[n]; `ask` is called with one address of an interval not yet known."""
        interval_of = self._intervals_of(keys)
        unknown = np.flatnonzero(self._answers[interval_of] == _UNKNOWN)
        for interval, first in zip(*np.unique(interval_of[unknown], return_index=True), strict=True):
            self._answers[interval] = ask(key_number(keys[unknown[first]]))
        return self._answers[interval_of]

    def _intervals_of(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Return the interval of each key. Mostly all of a wave lies in one, and two look-ups are enough."""
        if keys.dtype == np.uint64 and len(keys):
            ends = np.searchsorted(self._starts, np.array([keys.min(), keys.max()]), side="right") - 1
            if ends[0] == ends[1]:
                return np.broadcast_to(ends[0], keys.shape)
        return np.searchsorted(self._starts, keys, side="right") - 1


def address_keys(version: int, high: U64, low: U64) -> Keys:
    """Return addresses of one version as values that sort as they do: uint64, or 16 bytes, big-endian."""
    if version == 4:
        return low
    pairs = np.empty((len(high), 2), ">u8")
    pairs[:, 0], pairs[:, 1] = high, low
    return pairs.view("S16").reshape(len(high))


def key_number(key: np.uint64 | np.bytes_) -> int:
    """Return the address of a key, as a number."""
    if isinstance(key, bytes):
        return int.from_bytes(key.ljust(16, b"\0"), "big")  # numpy drops the zeros at the end of bytes
    return int(key)
