"""The ways that frames take: route and next hop of each host, as the routing tables and the neighbours have it.

A way is the number of a next hop (`routing/next_hops.py`); hosts behind one gateway share theirs.
"""

from dataclasses import dataclass

import numpy as np

from scanner.core.columns import U8, U64
from scanner.engines.routing.link_states import LinkState, LinkStates
from scanner.engines.routing.neighbours import Neighbours
from scanner.engines.routing.netlink import LinkWatch, Medium, Netlink
from scanner.engines.routing.next_hops import NO_HOP, Hops, HopState
from scanner.engines.routing.routes import Route, Routes
from scanner.engines.udp.wire import WayState


@dataclass(frozen=True, slots=True)
class Leaving:
    """How a frame to some host leaves."""

    route: Route
    """Its route."""
    mac: bytes
    """Link-layer address of the next hop; zero where the link has none."""


class FrameWays:
    """Finds ways. Made and used in the namespace that is scanned; needs CAP_NET_RAW once a neighbour is asked."""

    def __init__(self, interface: str | None) -> None:
        """`interface` forces every datagram through that one.

        Raises:
            InvalidInput: there is no such interface.
        """
        self._kernel, self._watch = Netlink(), LinkWatch()
        self._routes = Routes(self._kernel, interface=interface)
        self._states = LinkStates(self._kernel.links(), self._watch)
        self._hops = Hops()
        self._neighbours = Neighbours(self._kernel, self._hops)

    def find(self, version: U8, high: U64, low: U64, now: float) -> list[int]:
        """Return the way to each address, and begin to ask for what it takes."""
        numbers = self._routes.find(version, high, low)
        hops, questions = self._hops.find(self._routes.known, numbers, high, low, now)
        self._neighbours.ask(questions, now)
        found: list[int] = hops.tolist()
        return found

    def state(self, number: int, now: float) -> WayState:
        """Return what is known of a way by now."""
        if number == NO_HOP:
            return WayState.NO_ROUTE
        link = self._route(number).link.index
        if self._states.troubled((link,)):
            return WayState.SOUGHT if self._states.state(link, now) is LinkState.WAIT else WayState.LINK_DOWN
        known = self._hops.state[number]
        if known == HopState.READY:
            return WayState.OPEN
        if known == HopState.ASKED:
            return WayState.SOUGHT
        return WayState.ABSENT if self._hops.direct[number] else WayState.NO_GATEWAY

    def leaving(self, number: int) -> Leaving:
        """Return how frames leave by a way that is open."""
        return Leaving(self._route(number), self._hops.mac[number].tobytes())

    def macs(self, numbers: list[int]) -> U8:
        """Return the link-layer addresses of next hops, uint8 (n, 6)."""
        return self._hops.mac[np.array(numbers, np.intp)]

    def route_number(self, number: int) -> int:
        """Return a number that ways by the same route share."""
        return int(self._hops.route[number])

    def is_loopback(self, number: int) -> bool:
        """Return whether a way leads to this very machine."""
        return self._route(number).link.medium is Medium.LOOPBACK

    def link_failed(self, number: int, now: float) -> None:
        """Note that the link of a way took no frame."""
        self._states.went_down(self._route(number).link.index, now)

    def was_cut(self, number: int, since: float) -> bool:
        """Return whether the link of a way was down at that moment or later."""
        return number != NO_HOP and self._states.down_since(self._route(number).link.index, since)

    def keep_up(self, now: float, most: int) -> int:
        """Hear of links and neighbours, and ask for the latter; return how many packets were sent."""
        self._states.update(now)
        return self._neighbours.step(now, most)

    def close(self) -> None:
        """Close every socket."""
        for each in (self._neighbours, self._watch, self._kernel):
            each.close()

    def _route(self, number: int) -> Route:
        return self._routes.known[int(self._hops.route[number])]
