"""The ways to the targets while a sweep runs: routes, next hops, links, and what becomes of them.

A gateway fails over to another machine, a host gets another network card, our own address is replaced: what was looked
up once is looked up again where nothing answers any more (`renew`), and when the kernel reports a change. A neighbour
that does not answer then keeps its old link-layer address: it may only be silent for a while.
"""

from collections.abc import Iterable

import numpy as np

from scanner.core.columns import I32, I64
from scanner.core.plan.wave import Wave
from scanner.engines.routing.link_states import LinkStates
from scanner.engines.routing.neighbours import Neighbours
from scanner.engines.routing.netlink import LinkWatch, Medium, Netlink
from scanner.engines.routing.next_hops import NO_HOP, HopQuestion, Hops
from scanner.engines.routing.routes import Route, Routes

RENEW_EVERY = 1.0
"""Seconds between two times that one way is looked up again."""
MOVED_EVERY = 0.1
"""Seconds between two times that changes of addresses and routes are looked at: routers may report many."""


class SynWays:
    """Finds the way to each endpoint, and keeps it right."""

    def __init__(self, interface: str | None) -> None:
        """`interface` forces every probe through that one.

        Raises:
            InvalidInput: there is no such interface.
            OSError: there is no rtnetlink.
        """
        self._kernel = Netlink()
        self._news = LinkWatch()
        self._routes = Routes(self._kernel, interface=interface)
        self.states = LinkStates(self._kernel.links(), self._news)
        self.hops = Hops()
        self.neighbours = Neighbours(self._kernel, self.hops)
        self._renewed: dict[int, float] = {}
        self._moved_at = -np.inf

    @property
    def routes(self) -> list[Route]:
        """The routes in use, by number. A row may be replaced by `renew`."""
        return self._routes.known

    def hops_of(self, wave: Wave, now: float) -> I32:
        """The next hop of each endpoint, NO_HOP where there is no route; what must be looked up is asked."""
        numbers = self._routes.find(wave.version, wave.high, wave.low)
        hop, questions = self.hops.find(self._routes.known, numbers, wave.high, wave.low, now)
        self.neighbours.ask(questions, now)
        return hop

    def name(self, number: int) -> str:
        """A way out in words."""
        if number >= len(self.routes):
            return "the path"
        route = self.routes[number]
        if route.gateway is not None:
            return f"the path by {route.gateway} on {route.link.name}"
        return f"the path by {route.link.name}"

    def routed(self, number: int) -> bool:
        """Whether there are routers on the way, as far as we know."""
        return self.routes[number].gateway is not None or self.routes[number].link.medium is Medium.BARE

    def update(self, now: float) -> list[int]:
        """Take in the news of the kernel. The routes that are others from now on."""
        self.states.update(now)
        if not self._news.moved or now < self._moved_at + MOVED_EVERY:
            return []
        self._news.moved, self._moved_at = False, now
        self._routes.forget()
        self._renewed.clear()
        return self.renew(range(len(self.routes)), now)

    def renew(self, numbers: Iterable[int], now: float) -> list[int]:
        """Look up some ways again. The routes that are others from now on."""
        changed: list[int] = []
        for number in numbers:
            if number >= len(self.routes) or now < self._renewed.get(number, -np.inf) + RENEW_EVERY:
                continue
            self._renewed[number] = now
            if self._routes.renew(number):
                changed.append(number)
            gateway = self.routes[number].gateway
            hop = self.hops.shared(number)
            if gateway is not None and hop != NO_HOP:
                self.neighbours.renew(HopQuestion(hop, self.routes[number], gateway), now)
        return changed

    def renew_hosts(self, wave: Wave, now: float) -> None:
        """Look up hosts again that are neighbours of ours, one for each endpoint."""
        hop = self.hops_of(wave, now)
        known: I64 = np.flatnonzero(hop >= 0)
        for place in known[self.hops.direct[hop[known]]].tolist():
            route = self.routes[int(self.hops.route[hop[place]])]
            self.neighbours.renew(HopQuestion(int(hop[place]), route, wave.address(place)), now)

    def close(self) -> None:
        """Close every socket."""
        for each in (self.neighbours, self._news, self._kernel):
            each.close()
