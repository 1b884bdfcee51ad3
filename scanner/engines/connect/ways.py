"""The ways out of this machine, as this engine knows them: each has its silence, its loss and its rate.

Which way an address takes is for the caller to say (`WayOf`): only its routing knows links and next hops.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from scanner.core.model import Address
from scanner.core.path.watch import PATHS

MOST_WAYS = PATHS
"""Ways out that are told apart; further ones count as one with the last."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """One way out: a link, and a next hop where there is one."""

    name: str
    """The name to show to people: `eth0`, `eth0 by 10.0.0.1`."""
    routed: bool
    """Whether a router stands between this machine and the targets."""


WayOf = Callable[[Address], WayOut]
"""Returns the way that an address takes. Equal values are one way."""


class Way:
    """The state of a way out while a run goes on."""

    __slots__ = ("left", "out", "paused", "place", "verdict")

    def __init__(self, out: WayOut, place: int) -> None:
        self.out = out
        self.place = place
        """Its row in everything that is kept about ways."""
        self.left: float = inf
        """Probes that may still go now."""
        self.paused = False
        """Whether it is silent, so that no ordinary probe goes."""
        self.verdict: int | None = None
        """The reason code that settles every endpoint behind it, once it is given up."""


class Ways:
    """The ways out of one run, in the order in which they were met."""

    def __init__(self, way_of: WayOf | None) -> None:
        """`way_of`: None where all addresses take one way, by a router."""
        self._way_of = way_of or _one_way
        self._ways: dict[WayOut, Way] = {}
        self._list: list[Way] = []

    def of(self, address: Address) -> Way:
        """Return the way that an address takes."""
        out = self._way_of(address)
        way = self._ways.get(out)
        if way is None:
            if len(self._list) < MOST_WAYS:
                self._list.append(Way(out, len(self._list)))
            way = self._ways[out] = self._list[-1]
        return way

    def __getitem__(self, place: int) -> Way:
        return self._list[place]

    def __iter__(self) -> Iterator[Way]:
        return iter(self._list)

    def __len__(self) -> int:
        return len(self._list)

    @property
    def stalled(self) -> bool:
        """Whether no ordinary probe may go by any way."""
        return bool(self._list) and all(way.paused for way in self._list)


_THE_PATH = WayOut("the path", routed=True)


def _one_way(_: Address) -> WayOut:
    return _THE_PATH
