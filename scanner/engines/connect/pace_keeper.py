"""The rate of each way out and of each host, found while probes go: what may leave now, and what is to be measured.

The controller is `core/rate/flows.py`, the promise of each ceiling `core/rate/allowance.py`. This counts what leaves
and what comes, moves the allowances of ways and hosts, and has canaries asked where something is to be measured.
On the own link there is no ceiling but what the hosts bear, and the start is bolder: there is no router to protect, and
what is done wrong is known within a millisecond. Times are arguments, in seconds on a monotonic clock.
"""

from collections.abc import Iterable

import numpy as np

from scanner.core.columns import F64, I64, U64, Mask
from scanner.core.path.exchange import Ask, Echo
from scanner.core.path.watch import PATHS
from scanner.core.rate.allowance import TICK, Allowance
from scanner.core.rate.flow_state import Field, Phase
from scanner.core.rate.flows import Flows
from scanner.core.rate.host_rows import HostRows
from scanner.core.rate.limits import Limits
from scanner.core.rate.paces import HalfOpen, Pace, path_ceiling
from scanner.engines.connect.hosts import Host, HostBook
from scanner.engines.connect.schedule import Turn
from scanner.engines.connect.vigil import AT_ONCE, Vigil
from scanner.engines.connect.ways import Way

ON_LINK = 10.0
"""How much bolder hosts and ways on our own link begin, and go while nothing answers."""
_FASTEST = 1e6
_EVERY = 0.005
"""Seconds between two looks at the rates."""
_LOOKS_AT = 256
"""Hosts that are looked at as often as ways; more of them are looked at less often."""
_BUSY = 3.0
"""Seconds for which a host is looked at after its last probe."""
_OPEN_EVERY = 1 / 16
"""Seconds between two connections to open ports of one host that serve to measure only."""


class PaceKeeper:
    """Rates of ways out and hosts."""

    def __init__(self, limits: Limits, pace: Pace, *, max_rate: float | None = None, rows: int = 1 << 16) -> None:
        """`limits` are ceilings, `max_rate` one that lifts the ceiling for routed targets; `rows`: hosts at a time."""
        self._limits, self._pace, self._max_rate = limits, pace, max_rate
        self._total = Allowance(limits.rate, slack=TICK)
        self.ways, self.hosts = Flows(PATHS), Flows(rows + 1)
        self._rows = HostRows(rows)
        self._allowances: list[Allowance] = []
        self._half_open: list[HalfOpen | None] = []
        self._by_row: dict[int, Host] = {}
        self._last: dict[int, float] = {}  # by row, when a host was last probed
        self._connected: dict[int, float] = {}  # by host number, when an open port was last asked to measure
        self._due = self._due_hosts = float("-inf")
        self._trouble = False

    # -- hosts and ways begin ----------------------------------------------------------------------------------

    def begin(self, hosts: list[Host], book: HostBook, now: float) -> None:
        """A wave begins with these hosts, each of them once."""
        for way in [*book.ways][len(self._allowances) :]:
            self._begin_way(way, now)
        numbers: U64 = np.array([host.number for host in hosts], np.uint64)
        rows, new = self._rows.claim(numbers, now)
        for routed in (False, True):
            mine = np.array([host.way.out.routed is routed for host in hosts], np.bool_)
            bolder = 1.0 if routed else ON_LINK
            self.hosts.begin(
                rows[new & mine],
                now,
                ceiling=self._host_ceiling,
                start=min(self._pace.host_start * bolder, self._host_ceiling),
                blind=self._pace.blind * bolder,
                tender=True,
            )
        for host, row in zip(hosts, rows.tolist(), strict=True):
            if host.row != row or host.bucket is None:
                host.row = row
                rate = self._host_ceiling if row < 0 else float(self.hosts.rate[row])
                host.bucket = Allowance(rate, slack=TICK)
            if row >= 0:
                self._by_row[row] = host

    def _begin_way(self, way: Way, now: float) -> None:
        routed = way.out.routed
        ceiling = path_ceiling(self._pace, routed=routed, rate=self._limits.rate, max_rate=self._max_rate)
        bolder = 1.0 if routed else ON_LINK
        row = np.array([way.place])
        start = min(self._pace.start * bolder, ceiling)
        self.ways.begin(row, now, ceiling=ceiling, start=start, blind=self._pace.blind * bolder, tender=False)
        self._allowances.append(Allowance(start, slack=TICK))
        self._half_open.append(HalfOpen() if routed and self._max_rate is None else None)

    @property
    def _host_ceiling(self) -> float:
        given = [each for each in (self._limits.host_rate, self._pace.host_ceiling) if each is not None]
        return min(given, default=_FASTEST)

    # -- what may leave ----------------------------------------------------------------------------------------

    def open(self, ways: Iterable[Way], now: float, most: int) -> int:
        """Set how many probes each way lets through now; return how many that are, at most `most`."""
        together = self._total.ready(now, most)
        for way in ways:
            half_open = self._half_open[way.place]
            room = together if half_open is None else min(together, half_open.room(now))
            way.left = self._allowances[way.place].ready(now, room)
        return min(together, int(sum(way.left for way in ways)))

    @property
    def rate(self) -> float:
        """Probes a second that all ways let through together."""
        return float(self.ways.rate[: len(self._allowances)].sum())

    # -- what left and what came -------------------------------------------------------------------------------

    def sent(self, launched: list[Turn], canary: Mask, now: float) -> None:
        """These probes left; `canary` says which of them are canaries."""
        rows: I64 = np.array([turn[2].row for turn in launched], np.int64)
        ways: I64 = np.array([turn[2].way.place for turn in launched], np.int64)
        asked = canary.astype(np.int64)
        self.ways.sent(ways, probes=1 - asked, canaries=asked)
        self.hosts.sent(rows, probes=1 - asked, canaries=asked)
        self._total.took(len(launched))
        for place, count in enumerate(np.bincount(ways).tolist()):
            self._allowances[place].took(count)
            if (half_open := self._half_open[place]) is not None:
                half_open.note(now, count)
        busy = np.unique(rows[rows >= 0])
        self._rows.touch(busy, now)
        self._last.update(dict.fromkeys(busy.tolist(), now))

    def heard(self, rows: I64, ways: I64, sent_at: F64, now: float) -> None:
        """Ordinary probes were answered that left then."""
        self.ways.heard(ways, sent_at, now)
        self.hosts.heard(rows, sent_at, now)
        self._ended(ways, now)

    def echoed(self, echo: Echo, now: float) -> None:
        """Canaries were answered."""
        rows = self._rows.find(echo.host)
        self.ways.heard(echo.path, echo.sent_at, now, probes=0, canaries=1)
        self.hosts.heard(rows, echo.sent_at, now, probes=0, canaries=1)
        self._ended(echo.path, now)

    def trouble(self) -> None:
        """Something failed on this machine: what is under way says nothing of paths and hosts."""
        self._trouble = True

    def _ended(self, ways: I64, now: float) -> None:
        for place in np.unique(ways).tolist():
            if (half_open := self._half_open[place]) is not None:
                half_open.note(now, 0, int((ways == place).sum()))

    # -- what follows ------------------------------------------------------------------------------------------

    def decide(self, vigil: Vigil, now: float) -> None:
        """Let the rates follow what came, and have canaries asked where they are to tell more."""
        if now < self._due or not self._allowances:
            return
        self._due = now + _EVERY
        ways = np.arange(len(self._allowances))
        busy = self._busy(now)
        if self._trouble:
            self._trouble = False
            self.ways.trouble(ways, now)
            self.hosts.trouble(busy, now)
        for place in self.ways.decide(now, among=ways).tolist():
            self._allowances[place].set_rate(float(self.ways.rate[place]), now)
        if now >= self._due_hosts and len(busy):
            self._due_hosts = now + _EVERY * max(1, len(busy) // _LOOKS_AT)
            for row in self.hosts.decide(now, among=busy).tolist():
                bucket = self._by_row[row].bucket
                if bucket is not None:
                    bucket.set_rate(float(self.hosts.rate[row]), now)
        if not vigil.waits:
            self._measure(vigil, ways, busy, now)

    def _busy(self, now: float) -> I64:
        """Rows of the hosts that were probed lately."""
        idle = [row for row, last in self._last.items() if now - last > _BUSY]
        for row in idle:
            del self._last[row]
        return np.fromiter(self._last, np.int64, len(self._last))

    def _measure(self, vigil: Vigil, ways: I64, busy: I64, now: float) -> None:
        """Have as many canaries asked as rates need to be known."""
        asked = self._asked_of_hosts(vigil, busy, now)
        wanted = self.ways.wanted(ways, now)
        wanted -= np.bincount(asked, minlength=len(ways))[: len(ways)]
        lacking = np.flatnonzero(wanted > 0)
        if len(lacking):
            vigil.ask(self._spared(vigil, vigil.watch.spare(lacking, wanted[lacking], AT_ONCE), now))

    def _asked_of_hosts(self, vigil: Vigil, busy: I64, now: float) -> I64:
        """Ask canaries of hosts; the way of each that is asked."""
        wanted = self.hosts.wanted(busy, now)
        lacking = busy[wanted > 0]
        rows = vigil.watch.rows(self._rows.host(lacking))
        known = rows >= 0
        if not known.any():
            return np.zeros(0, np.int64)
        ask = vigil.watch.spare_of_hosts(rows[known], wanted[wanted > 0][known], AT_ONCE)
        ask = self._spared(vigil, ask, now)
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

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def fragile(self) -> list[str]:
        """Addresses that were let go, not to break them."""
        rows = np.flatnonzero(self.hosts.columns[Field.PHASE] == Phase.FRAGILE).tolist()
        return [self._by_row[row].text for row in rows if row in self._by_row]
