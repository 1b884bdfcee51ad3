"""The rate of each way out and of each host, found while probes go: what may leave now, and what is to be measured.

The rates are those of `core/rate/found.py`. This engine has its hosts wait each behind an allowance of its own
(`schedule.py`), so these follow here, and connections that only measure do not come too often to an open port: they
are whole handshakes, of which a service may take notice. Times are arguments, in seconds on a monotonic clock.
"""

from collections.abc import Iterable

import numpy as np

from scanner.core.columns import F64, I64, U64, Indices, Mask
from scanner.core.path.exchange import Ask, Echo
from scanner.core.rate.allowance import TICK, Allowance
from scanner.core.rate.found import FoundRates, PathRate
from scanner.core.rate.pacing import Pacing
from scanner.engines.connect.hosts import Host, HostBook
from scanner.engines.connect.schedule import Turn
from scanner.engines.connect.vigil import CANARIES_AT_ONCE, Vigil
from scanner.engines.connect.ways import Way

_OPEN_EVERY = 1 / 16
"""Seconds between two connections to open ports of one host that serve to measure only."""
_NEAR_SLACK = 0.1
"""Seconds of what a host or way on our own link allows that may be made up for: this process is the slowest there, and
what other processes took of the processor is not lost."""


class PaceKeeper:
    """Rates of ways out and hosts."""

    def __init__(self, pacing: Pacing, book: HostBook) -> None:
        """`pacing`: ceilings, and how eager to be below them."""
        self.found = FoundRates(pacing, slack=TICK, near=_NEAR_SLACK)
        self._total = Allowance(pacing.limits.rate, slack=TICK)
        self._book = book
        self._begun = 0
        self._connected: dict[int, float] = {}  # by host number, when an open port was last asked to measure
        self._trouble = False

    def begin(self, hosts: list[Host], now: float) -> None:
        """A wave begins with these hosts, each of them once."""
        for way in [*self._book.ways][self._begun :]:
            self.found.begin(way.place, now, routed=way.out.routed)
            way.left = 0
        self._begun = len(self._book.ways)
        fresh = [host for host in hosts if host.bucket is None]
        numbers: U64 = np.array([host.number for host in fresh], np.uint64)
        ways: I64 = np.array([host.way.place for host in fresh], np.int64)
        for host, rate in zip(fresh, self.found.host_rates(numbers, now, ways).tolist(), strict=True):
            host.bucket = Allowance(rate, slack=TICK if host.way.out.routed else _NEAR_SLACK)

    def open(self, ways: Iterable[Way], now: float, most: int) -> int:
        """Set how many probes each way lets through now; return how many that are, at most `most`."""
        together = self._total.ready(now, most)
        for way in ways:
            way.left = self.found.room(way.place, now, together)
        return min(together, int(sum(way.left for way in ways)))

    @property
    def rate(self) -> float:
        """Probes a second that all ways let through together."""
        return float(self.found.paths.rate.sum())

    def sent(self, launched: list[Turn], canary: Mask, now: float) -> None:
        """These probes left; `canary` says which of them are canaries."""
        hosts: U64 = np.array([turn[2].number for turn in launched], np.uint64)
        ways: I64 = np.array([turn[2].way.place for turn in launched], np.int64)
        self._total.took(len(launched))
        for way in np.unique(ways).tolist():
            for kind in (False, True):
                here = (ways == way) & (canary == kind)
                if here.any():
                    self.found.went(hosts[here], way, now, canaries=kind)

    def heard(self, host: U64, ways: I64, sent_at: F64, at: F64) -> None:
        """Ordinary probes that left then were answered at these moments."""
        self.found.heard(host, ways, sent_at, at)

    def echoed(self, echo: Echo, at: float) -> None:
        """Canaries were answered, not before `at`."""
        self.found.heard(echo.host, echo.path, echo.sent_at, np.maximum(echo.sent_at, at), canaries=True)

    def trouble(self) -> None:
        """Something failed on this machine: what is under way says nothing of paths and hosts."""
        self._trouble = True

    def decide(self, vigil: Vigil, now: float) -> None:
        """Let the rates follow what came, and have canaries asked where they are to tell more."""
        if self._trouble:
            self._trouble = False
            for way in self._book.ways:
                self.found.trouble(way.place, now)
        for number, rate in self.found.decide(now):
            host = self._book.numbered(number)
            if host is not None and host.bucket is not None:
                host.bucket.set_rate(rate, now)
        if not vigil.waits:
            self._measure(vigil, now)

    def _measure(self, vigil: Vigil, now: float) -> None:
        """Have as many canaries asked as are needed to know the rates."""
        hosts, counts = self.found.wanted_of_hosts(now)
        asked = self._ask_hosts(vigil, hosts, counts, now)
        ways, wanted = self.found.wanted_of_paths(now)
        wanted = wanted - np.bincount(asked, minlength=len(self._book.ways))[ways]
        lacking: Indices = np.flatnonzero(wanted > 0)
        if len(lacking):
            vigil.ask(self._spared(vigil, vigil.watch.spare(ways[lacking], wanted[lacking], CANARIES_AT_ONCE), now))

    def _ask_hosts(self, vigil: Vigil, hosts: U64, counts: I64, now: float) -> I64:
        """Ask so many canaries of these hosts; the way of each that is asked."""
        rows = vigil.watch.rows(hosts)
        known = rows >= 0
        if not known.any():
            return np.zeros(0, np.int64)
        ask = self._spared(vigil, vigil.watch.spare_of_hosts(rows[known], counts[known], CANARIES_AT_ONCE), now)
        vigil.ask(ask)
        return ask.path

    def _spared(self, vigil: Vigil, ask: Ask, now: float) -> Ask:
        """The same without those that would connect to the open ports of a host too often."""
        keep = np.ones(len(ask), np.bool_)
        for place in np.flatnonzero(ask.open).tolist():
            number = int(ask.host[place])
            keep[place] = now - self._connected.get(number, float("-inf")) >= _OPEN_EVERY
            if keep[place]:
                self._connected[number] = now
        if not keep.all():
            vigil.watch.withdraw(ask[~keep])
        return ask[keep]

    @property
    def rates(self) -> tuple[PathRate, ...]:
        """What was found of each way out."""
        return tuple(self.found.found(lambda place: self._book.ways[place].out.name))

    @property
    def fragile(self) -> tuple[str, ...]:
        """The addresses of hosts that were let go, not to break them."""
        return tuple(filter(None, map(self._name, self.found.fragile().tolist())))

    def slow(self, now: float) -> tuple[str, ...]:
        """What holds the slowest hosts back, a sentence each."""
        return tuple(words.format(self._name(number)) for number, words in self.found.slow_hosts(now))

    def _name(self, number: int) -> str:
        host = self._book.numbered(number)
        return "" if host is None else host.text
