"""Rates that find themselves: the flows of ways out and of hosts, and the allowances that they drive.

What a host may get a second is what its own flow says, what may leave by a way what that way's says, and behind a
router no more than so many new and half-open flows (`paces.py`). The flows follow from what becomes of the probes
(`flows.py`); this file keeps the books for them: which rows are in use, and which of them to look at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F64, I64, U64, Indices
from scanner.core.rate.allowance import SLACK, Allowance
from scanner.core.rate.flow_state import Field, Held, Phase
from scanner.core.rate.flows import Flows
from scanner.core.rate.host_rows import HostRows
from scanner.core.rate.paces import HalfOpen, path_ceiling
from scanner.core.rate.pacing import Pacing

PATHS = 256
"""Ways out; an engine lets any further ones share the last."""
HOSTS = 1 << 16
_ACTIVE = 4.0
"""Seconds for which a flow is looked at after it was last sent to."""
_EVERY = 0.008
"""Seconds from one look at the flows to the next, where there are few."""
_LOOKS_AT_ALL = 0.03
"""Seconds from one look for hosts that are sent to, to the next."""
_LOOKS = 2e-5
"""Seconds between two looks for each host that is looked at: a look costs a tenth of that."""
_EAGER = 0.5
"""Share of its rate that a host must be sent before it is worth asking what it bears."""
_ON_LINK = 10
"""How many times as fast as through routers is begun, and sent where nothing answers: to hosts that ARP found."""
_BINDS = 1.5
"""How many times as much as the ways the hosts may bear together for it to be worth asking what a host bears."""
ROUTED_SLACK, HOST_SLACK = 0.012, 0.03
"""Seconds of unused rate that are kept for ways through routers, and for hosts and ways without.

A busy machine has its turn so late now and then. Policers have small buckets, so through routers it is less.
"""
_NAMED = 3
_FASTEST = 10_000_000.0


@dataclass(frozen=True, slots=True)
class PathRate:
    """What was found of a way out, for the summary."""

    path: int
    """Its number."""
    rate: float
    """Probes a second."""
    loss: float
    """Share that is lost whatever the rate."""
    trip: float
    """Seconds of the least round trip; NaN where none is known."""
    held: str
    """What holds it back, in a sentence."""

    def words(self) -> str:
        """One line for people."""
        lost = f", {self.loss:.1%} lost whatever the rate" if self.loss >= 0.001 else ""
        return f"{self.held} (at the end {self.rate:,.0f} probes/s{lost})"


class FoundRates:
    """The rates of ways out and hosts. Times in seconds on a monotonic clock."""

    def __init__(self, pacing: Pacing, *, slack: float = SLACK, near: float = SLACK) -> None:
        """`pacing`: the user's ceilings, and how eager to be below them.

        `slack`: seconds of what a way allows that may be made up for; `near`: the same of ways without a router.
        """
        self._pacing, self._slack = pacing, (near, slack)
        self.paths, self.hosts = Flows(PATHS), Flows(HOSTS)
        self._allowances: dict[int, Allowance] = {}
        self._half_open: dict[int, HalfOpen] = {}
        self._near: set[int] = set()  # ways without a router
        self._rows = HostRows(HOSTS)
        self._asked_at: F64 = np.full(HOSTS, -np.inf)
        self._rows_active: Indices = np.zeros(0, np.intp)
        self._next = self._next_hosts = self._active_until = float("-inf")

    def begin(self, path: int, now: float, *, routed: bool) -> None:
        """A way out is used for the first time, or is another from now on."""
        pacing, pace = self._pacing, self._pacing.pace
        ceiling = path_ceiling(pace, routed=routed, rate=pacing.limits.rate, max_rate=pacing.max_rate)
        self.paths.begin(
            np.array([path]),
            now,
            ceiling=ceiling,
            start=pace.start if routed else _ON_LINK * pace.start,
            blind=pace.blind if routed else _ON_LINK * pace.blind,
            tender=False,
        )
        self._allowances[path] = Allowance(float(self.paths.rate[path]), slack=self._slack[routed])
        (self._near.discard if routed else self._near.add)(path)
        if routed and pacing.max_rate is None:
            self._half_open[path] = HalfOpen()

    def room(self, path: int, now: float, most: int) -> int:
        """How many may leave by a way now."""
        ready = self._allowances[path].ready(now, most)
        half_open = self._half_open.get(path)
        return ready if half_open is None else min(ready, half_open.room(now))

    def wait(self, now: float) -> float:
        """Seconds until one may leave by some way."""
        return min((each.wait(now) for each in self._allowances.values()), default=0.0)

    def host_rates(self, host: U64, now: float, path: I64 | None = None) -> F64:
        """What each of these hosts may get a second; a host without a row is held by its way alone.

        `path`: the way of each, where hosts on our own link are to begin as boldly as they may.
        """
        rows = self._find(host, now, path)
        return np.where(rows >= 0, self.hosts.rate[rows], _FASTEST)

    def went(self, host: U64, path: int, now: float, *, late: float = 0.0, canaries: bool = False) -> None:
        """Probes to these hosts left by a way; the first of them `late` seconds after it was let go."""
        count = len(host)
        self._allowances[path].took(count, late)
        kind = "canaries" if canaries else "probes"
        told = {"probes": 0, "canaries": 0} | {kind: count}
        self.paths.sent(np.array([path]), **told)
        if not canaries and path in self._half_open:
            self._half_open[path].note(now, count)
        rows = self._find(host, now)
        rows = rows[rows >= 0]
        self._asked_at[rows] = now
        self.hosts.sent(rows, probes=int(not canaries), canaries=int(canaries))

    def heard(self, host: U64, path: I64, sent_at: F64, now: float | F64, *, canaries: bool = False) -> None:
        """Endpoints of these hosts answered, by these ways; all `now`, or each at a moment of its own."""
        told = {"probes": int(not canaries), "canaries": int(canaries)}
        at = np.broadcast_to(now, sent_at.shape)
        self.paths.heard(path, sent_at, at, **told)
        rows = self._rows.find(host)
        known = rows >= 0
        self.hosts.heard(rows[known], sent_at[known], at[known], **told)
        if not canaries and len(at):
            for each, half_open in self._half_open.items():
                half_open.note(float(at.max()), 0, int(np.count_nonzero(path == each)))

    def decide(self, now: float, heard_until: float | None = None) -> list[tuple[int, float]]:
        """Judge the rounds that are over, and let the allowances follow. Call it before sending, often.

        `heard_until`: up to when all answers were told to `heard`, if that is not now. Returns the numbers of hosts
        whose rate is another now, and the rate.
        """
        if now < self._next:
            return []
        self._next = now + _EVERY
        known = np.array(list(self._allowances), np.int64)
        for path in self.paths.decide(now, known, heard_until=heard_until).tolist():
            self._allowances[path].set_rate(float(self.paths.rate[path]), now)
        if now >= self._next_hosts:
            active = self._active(now)
            changed = self.hosts.decide(now, active, heard_until=heard_until)
            self._next_hosts = now + max(_EVERY, _LOOKS * len(active))
            return [*zip(self._rows.host(changed).tolist(), self.hosts.rate[changed].tolist(), strict=True)]
        return []

    def wanted_of_paths(self, now: float) -> tuple[I64, I64]:
        """The ways whose loss canaries should tell now, and how many for each."""
        known = np.array(list(self._allowances), np.int64)
        wanted = self.paths.wanted(known, now)
        return known[wanted > 0], wanted[wanted > 0]

    def wanted_of_hosts(self, now: float) -> tuple[U64, I64]:
        """The hosts of which canaries should tell whether they bear more, and how many for each.

        None where the ways bear less than the hosts together: then nothing is learnt of hosts.
        """
        active = self._active(now)
        if self.hosts.rate[active].sum() > _BINDS * self.paths.rate[list(self._allowances)].sum():
            active = active[:0]
        part = self.hosts.columns[:, active]
        busy = part[Field.SENT] >= _EAGER * part[Field.RATE] * (now - part[Field.OPENED])
        active = active[busy & (part[Field.PHASE] != Phase.FRAGILE)]
        wanted = self.hosts.wanted(active, now)
        return self._rows.host(active[wanted > 0]), wanted[wanted > 0]

    def trouble(self, path: int, now: float) -> None:
        """What is in flight by a way may be lost by our own fault."""
        self.paths.trouble(np.array([path]), now)
        active = self._active(now)
        if len(active):
            self.hosts.trouble(active, now)

    def found(self, name: Callable[[int], str]) -> Iterator[PathRate]:
        """Yield what was found of each way; `name` gives its name in sentences."""
        columns = self.paths.columns
        for path in self._allowances:
            noise, trip = float(columns[Field.NOISE, path]), float(columns[Field.BASE, path])
            yield PathRate(path, float(self.paths.rate[path]), noise, trip, self.paths.what_holds(path, name(path)))

    def fragile(self) -> U64:
        """The numbers of hosts that were let go."""
        return self._rows.host(np.flatnonzero(self.hosts.columns[Field.PHASE] == Phase.FRAGILE))

    def slow_hosts(self, now: float) -> Iterator[tuple[int, str]]:
        """Yield the numbers of the slowest hosts of those that hold us back, and a sentence with a place for a name."""
        active = self._active(now)
        held = self.hosts.columns[Field.HELD, active]
        active = active[(held == Held.LOSS) | (held == Held.ROUND_TRIP) | (held == Held.FRAGILE)]
        for row in active[np.argsort(self.hosts.rate[active])][:_NAMED].tolist():
            yield int(self._rows.host(np.array([row]))[0]), self.hosts.what_holds(row, "{}")

    def _active(self, now: float) -> Indices:
        if now >= self._active_until:
            self._rows_active = np.flatnonzero(self._asked_at > now - _ACTIVE)
            self._active_until = now + _LOOKS_AT_ALL
        return self._rows_active

    def _find(self, host: U64, now: float, path: I64 | None = None) -> I64:
        """The row of each host; it is made where there is none yet."""
        rows = self._rows.find(host)
        self._rows.touch(rows[rows >= 0], now)
        missing = rows < 0
        if missing.any():
            numbers, first = np.unique(host[missing], return_index=True)
            claimed, new = self._rows.claim(numbers, now)
            near = np.zeros(len(host), np.bool_) if path is None else np.isin(path, [*self._near])
            for on_link in (False, True):
                self._begin_hosts(claimed[new & (near[missing][first] == on_link)], now, on_link=on_link)
            rows[missing] = self._rows.find(host[missing])
        return rows

    def _begin_hosts(self, rows: Indices, now: float, *, on_link: bool) -> None:
        limits, pace = self._pacing.limits, self._pacing.pace
        ceiling = min(limits.host_rate or _FASTEST, pace.host_ceiling or _FASTEST)
        bolder = _ON_LINK if on_link else 1
        start, blind = pace.host_start * bolder, pace.blind * bolder
        self.hosts.begin(rows, now, ceiling=ceiling, start=start, blind=blind, tender=True)
