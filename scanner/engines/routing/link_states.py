"""Which links can carry probes now, and which could not at some time.

A link that goes down is waited for, since cables are pulled and access points restart; after `LINK_PATIENCE` seconds
its endpoints are settled as unknown instead, one wave after another. Silence proves nothing about an endpoint whose
link was down while its wave was in flight, so each wave is checked for that when it ends.
"""

from collections.abc import Iterable
from enum import Enum, auto

from scanner.engines.routing.netlink import Link, LinkWatch

LINK_PATIENCE = 10.0
"""Seconds that a link may be down before its endpoints are given up."""


class LinkState(Enum):
    """What to do with probes for a link."""

    UP = auto()
    """Send them."""
    WAIT = auto()
    """Keep them back: the link may come back."""
    DOWN = auto()
    """Give them up."""


class LinkStates:
    """Follows the links that a sweep uses."""

    def __init__(self, links: Iterable[Link], watch: LinkWatch) -> None:
        """Links that are down already are not waited for."""
        self._watch = watch
        self._down: dict[int, float] = {link.index: float("-inf") for link in links if not link.up}
        self._last_down: dict[int, float] = dict.fromkeys(self._down, float("inf"))

    def troubled(self, indices: Iterable[int]) -> bool:
        """Return whether any of these links is down now."""
        return not self._down.keys().isdisjoint(indices)

    def update(self, now: float) -> None:
        """Take in the news of the kernel."""
        for link in self._watch.changes():
            if link.up:
                self.came_up(link.index, now)
            elif link.index not in self._down:
                self.went_down(link.index, now)

    def went_down(self, index: int, now: float) -> None:
        """Note that a link is down as of now."""
        self._down.setdefault(index, now)
        self._last_down[index] = float("inf")

    def came_up(self, index: int, now: float) -> None:
        """Note that a link is up as of now."""
        if self._down.pop(index, None) is not None:
            self._last_down[index] = now

    def state(self, index: int, now: float) -> LinkState:
        """Return what to do with probes for a link."""
        since = self._down.get(index)
        if since is None:
            return LinkState.UP
        return LinkState.WAIT if now - since < LINK_PATIENCE else LinkState.DOWN

    def down_since(self, index: int, moment: float) -> bool:
        """Return whether a link was down at `moment` or later."""
        return self._last_down.get(index, float("-inf")) >= moment
