"""Next hops by number: what a frame to some destination must carry in front of its IP header.

A hop is a route (`routes.py`) and, where the link resolves neighbours, one address on that link: the gateway, or the
destination itself. A wave holds a hop number for each index, so that "may this be framed yet" and "which MAC goes in"
are array look-ups over a whole batch. `neighbours.py` resolves addresses and writes the outcome here.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, I32, U8, U64
from scanner.core.model import Address
from scanner.core.targets.address_columns import distinct
from scanner.core.targets.targets import to_address
from scanner.engines.routing.netlink import Medium
from scanner.engines.routing.routes import NO_ROUTE, Keys, Route, address_keys, key_number

NO_HOP = -1
"""Instead of a hop number: there is no route to that destination."""
FORGET_ABSENT = 30.0
"""Seconds after which a neighbour that did not answer is asked again when a wave wants it."""


class HopState(IntEnum):
    """What is known of a next hop."""

    ASKED = 0
    """Its link-layer address is not known yet."""
    READY = 1
    """Frames can be built."""
    ABSENT = 2
    """It did not answer."""


@dataclass(frozen=True, slots=True)
class HopQuestion:
    """A neighbour whose link-layer address is wanted."""

    hop: int
    """The number of the hop."""
    route: Route
    """How it is reached."""
    address: Address
    """Its address on the link."""


class Hops:
    """A growing table of next hops. About 60 bytes for a neighbour, whatever the sweep does with it."""

    def __init__(self) -> None:
        self.count = 0
        self.state: U8 = np.zeros(64, np.uint8)
        self.mac: npt.NDArray[np.uint8] = np.zeros((64, 6), np.uint8)
        self.route: I32 = np.zeros(64, np.int32)
        self.direct: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        """Whether the hop is the destination itself: its absence is the destination's."""
        self._counted: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        self._since: F64 = np.zeros(64, np.float64)
        self._any_absent = False
        self._of_route: dict[int, int] = {}
        self._on_link: dict[tuple[int, int], _Known] = {}

    def find(self, routes: list[Route], number: I32, high: U64, low: U64, now: float) -> tuple[I32, list[HopQuestion]]:
        """Return hop numbers of destinations that take routes `number`, int32[n], and what must be resolved first."""
        found = np.full(len(number), NO_HOP, np.int32)
        questions: list[HopQuestion] = []
        for each in distinct(number):
            if each == NO_ROUTE:
                continue
            mask = number == each
            route = routes[each]
            if route.needs_neighbour and route.gateway is None:
                keys = address_keys(route.source.version, high[mask], low[mask])
                found[mask], asked = self._neighbours(int(each), route, keys, now)
            else:
                found[mask], asked = self._shared(int(each), route, now)
            questions += asked
        return found, questions

    def shared(self, number: int) -> int:
        """Return the one hop of a route through a gateway; NO_HOP where it has none."""
        return self._of_route.get(number, NO_HOP)

    def count_absent(self, hop: I32) -> int:
        """Return how many of these hops are destinations that are absent and were not counted before."""
        if not self._any_absent:
            return 0
        wanted = distinct(hop[hop >= 0])
        new = wanted[(self.state[wanted] == HopState.ABSENT) & self.direct[wanted] & ~self._counted[wanted]]
        self._counted[new] = True
        return len(new)

    def settle(self, hop: int, mac: bytes | None, now: float) -> None:
        """Write the outcome of a question: its link-layer address, or None for no answer."""
        self.state[hop] = HopState.ABSENT if mac is None else HopState.READY
        self._since[hop] = now
        self._any_absent |= mac is None
        if mac is not None:
            self.mac[hop] = np.frombuffer(mac, np.uint8)

    def _shared(self, number: int, route: Route, now: float) -> tuple[int, list[HopQuestion]]:
        """Return the one hop of a route through a gateway or over a link without neighbours."""
        new = number not in self._of_route
        if new:
            self._of_route[number] = self._add(1, number, direct=False)
        hop = self._of_route[number]
        if route.gateway is None:
            own = route.link.mac if route.link.medium is Medium.ETHERNET else b""
            self.settle(hop, own or bytes(6), now)
            return hop, []
        again = self._ask_again(np.array([hop], np.int32), now)
        return hop, [HopQuestion(hop, route, route.gateway)] if new or again.size else []

    def _neighbours(self, number: int, route: Route, keys: Keys, now: float) -> tuple[I32, list[HopQuestion]]:
        """Return the hops of destinations that are neighbours themselves."""
        version = route.source.version
        known = self._on_link.setdefault((number, version), _Known(keys[:0]))
        _, row, inverse = np.unique(keys, return_index=True, return_inverse=True)
        wanted: Keys = keys[row]
        hops = known.find(wanted)
        new = np.flatnonzero(hops == NO_HOP)
        if new.size:
            first = self._add(len(new), number, direct=True)
            hops[new] = np.arange(first, first + len(new), dtype=np.int32)
            known.add(wanted[new], hops[new])
        again = self._ask_again(hops, now)
        asked = [
            HopQuestion(int(hops[row]), route, to_address(version, key_number(wanted[row])))
            for row in np.concatenate([new, again]).tolist()
        ]
        return hops[inverse], asked

    def _ask_again(self, hops: I32, now: float) -> npt.NDArray[np.intp]:
        """Return the rows of those that were absent long enough ago; they count as asked from now on."""
        old = (self.state[hops] == HopState.ABSENT) & (self._since[hops] < now - FORGET_ABSENT)
        again = np.flatnonzero(old)
        self.state[hops[again]] = HopState.ASKED
        return again

    def _add(self, count: int, route: int, *, direct: bool) -> int:
        first, self.count = self.count, self.count + count
        while self.count > len(self.state):
            for name in ("state", "mac", "route", "direct", "_counted", "_since"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        self.route[first : self.count] = route
        self.direct[first : self.count] = direct
        return first


class _Known:
    """Which hop an address on a link has: two sorted columns."""

    def __init__(self, empty: Keys) -> None:
        self._keys = empty
        self._hops: I32 = np.zeros(0, np.int32)

    def find(self, keys: Keys) -> I32:
        """Return hop numbers, NO_HOP for addresses not met before."""
        if not len(self._keys):
            return np.full(len(keys), NO_HOP, np.int32)
        row = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[row] == keys, self._hops[row], np.int32(NO_HOP))

    def add(self, keys: Keys, hops: I32) -> None:
        """Take in new addresses."""
        merged = np.concatenate([self._keys, keys])
        order = np.argsort(merged, kind="stable")
        self._keys, self._hops = merged[order], np.concatenate([self._hops, hops])[order]
