"""How many probes may go now, at a rate that may change: the one arithmetic of all limits.

What may go next has a time before which it may not, `due`; sending moves that time on by a gap. Time that passes unused
is kept for `slack` seconds at most, so there is no burst after a pause (a suspended process, a sleeping machine).

Theorem. Let r(t) be the rate in force, S the slack, and let the gap be (1 + S) / r. Then any rolling second holds at
most ceil(m) probes, where m is the mean of r over that second and the S seconds before it. So a constant rate of r
lets at most ceil(r) through, and a ceiling that r never exceeds holds in every rolling second, however r changes.

Proof. Let V(t) be the integral of r / (1 + S): a clock that runs one tick a gap. Probes are due on consecutive ticks
of V or later: after a probe `due` is one gap on, and `set_rate` keeps what is owed or saved as it is counted in gaps,
which is what V counts. A probe that went at t was due at t - S or later, since `due` is raised to that. Of n probes in
a second that begins with the first of them at w, the first was due at w - S or later and the last before w + 1,
and n - 1 ticks lie between: n - 1 < V(w + 1) - V(w - S) = m (1 + S) / (1 + S) = m. As n is whole, n <= ceil(m).

This is the generic cell rate algorithm (ITU-T I.371, Annex A) with a rate that moves. It costs S of the speed (0.7 %).
What was let go and left late, because another process had the processor, moves `due` on by as much (`took`): the
promise holds on the wire, not only in our books. Half a millisecond (`PUNCTUAL`) need not be reported: it is part of S.

Several senders that cannot hear of each other each keep a part of the limit (`limits.divide`).

Batches: b probes that go at once use b - 1 gaps of slack that are paid beforehand, so they need not be slack of time:
b probes every b gaps of 1 / (r - (b - 1)) keep the same promise (put S = (b - 1) gaps in the proof).
"""

from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F64, I64, U64, Mask

SLACK = 0.006
"""Seconds of unused allowance that are kept: twice the time from one look at the clock to the next."""
PUNCTUAL = 0.0005
"""Seconds that a probe may leave later than it was let go without it being reported."""
TICK = 0.02
"""Seconds of probes in a batch: coarse enough to cost nothing, fine enough to look even."""
PLACES = 1 << 20
"""Size of the table of hosts; a power of two."""

_ROUNDING = 1e-6
"""Gaps: what floating point may make of sums of gaps; the gap is longer by more than that."""


class Allowance:
    """A limit on one stream of probes. Times in seconds on any clock that never goes back."""

    __slots__ = ("_due", "_gap", "_slack")

    def __init__(self, rate: float | None, *, slack: float = SLACK) -> None:
        """`rate` probes a second, None for no limit; `slack` seconds of unused allowance are kept.

        Raises:
            ValueError: a rate that is not above 0.
        """
        self._slack = slack
        self._gap = gap(rate, slack)
        self._due = float("-inf")

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return not self._gap

    def set_rate(self, rate: float | None, now: float) -> None:
        """From `now` on another rate (None: no limit). What is owed or saved stays so, counted in probes.

        Raises:
            ValueError: a rate that is not above 0.
        """
        new = gap(rate, self._slack)
        if self._gap and new:
            self._due = now - (now - max(self._due, now - self._slack)) * (new / self._gap)
        elif new:
            self._due = now
        self._gap = new

    def ready(self, now: float, most: int) -> int:
        """How many may go at `now`, at most `most`; they count when `took` says so."""
        if not self._gap:
            return most
        self._due = max(self._due, now - self._slack)
        return max(0, min(most, int((now - self._due) / self._gap + 1.0 + _ROUNDING)))

    def took(self, count: int, late: float = 0.0) -> None:
        """So many of those that `ready` offered have gone, the first of them `late` seconds after it was asked."""
        if self._gap:
            self._due += count * self._gap + late

    def take(self, now: float, wanted: int = 1) -> int:
        """How many of the wanted probes may go now; they count as gone."""
        count = self.ready(now, wanted)
        self.took(count)
        return count

    def wait(self, now: float) -> float:
        """Seconds until one may go; 0 where one may go now."""
        wait = self._due - now
        return wait if self._gap and wait > _ROUNDING * self._gap else 0.0

    def is_idle(self, now: float) -> bool:
        """Whether nothing is owed, so that it may be forgotten and made anew."""
        return not self._gap or self._due <= now


class HostAllowances:
    """The same for the hosts of a batch, in numpy.

    Hosts' times are kept in a table of fixed size, host number modulo its size: hosts that share a place share an
    allowance. That errs on the quiet side, and only where there are more than a million hosts, among which a global
    rate leaves each of them next to nothing anyway. A host's new rate is in force from the next look at it on.
    """

    def __init__(self, ceiling: float | None = None, *, hosts: int = PLACES, slack: float = SLACK) -> None:
        """Nothing was sent yet.

        Args:
            ceiling: probes a second to one host that no other rate exceeds.
            hosts: places, a power of two.
            slack: seconds of unused allowance that are kept.
        """
        self._slack = slack
        self._least = gap(ceiling, slack)
        self._mask = np.uint64(hosts - 1)
        self._due: F64 = np.zeros(hosts, np.float64)
        self._gaps: F64 | None = None  # of each place when it was last looked at, once hosts have rates of their own

    def allow(self, host: U64, now: float, most: int, rate: F64 | None = None) -> Mask:
        """Which probes may go at `now`, earlier ones first, at most `most` in all; these count as sent.

        Args:
            host: number of each probe's host, uint64[n], in the order in which they want to go.
            now: seconds on any monotonic clock.
            most: how many may go in all.
            rate: what each probe's host may get a second, above 0, float64[n]; the same for all of one host.
        """
        place = self._place(host)
        gaps = np.full(len(host), self._least) if rate is None else self._rescale(place, now, rate)
        due = np.maximum(self._due[place], now - self._slack) + _turns(place) * gaps
        allowed: Mask = due <= now + _ROUNDING * gaps
        if int(allowed.sum()) > most:
            allowed[np.flatnonzero(allowed)[most:]] = False
        self._due[place[allowed]] = due[allowed] + gaps[allowed]  # of a host's several, the last and latest stays
        return allowed

    def went_late(self, host: U64, late: float) -> None:
        """What `allow` let go to these hosts left so many seconds later; so must what comes next."""
        self._due[self._place(host)] += late  # once for each host, however often it is named

    def _place(self, host: U64) -> I64:
        return (host & self._mask).astype(np.int64)

    def _rescale(self, place: I64, now: float, rate: F64) -> F64:
        """The gaps that hold now; what places owe or have saved is kept as counted in gaps."""
        gaps = np.maximum(_stretch(self._slack) / rate, self._least)
        if self._gaps is None:
            self._gaps = np.full(len(self._due), self._least)
        old, due = self._gaps[place], np.maximum(self._due[place], now - self._slack)
        ratio = np.divide(gaps, old, out=np.ones(len(place)), where=old > 0)
        self._due[place] = now - (now - due) * ratio
        self._gaps[place] = gaps
        return gaps


@dataclass(frozen=True, slots=True)
class Batching:
    """Batches at a distance: no window of one second holds more than the rate they were made for."""

    batch: int
    """Probes that go at once."""
    period: float
    """Seconds from the start of one batch to the start of the next."""


def batching(rate: float, tick: float = TICK) -> Batching:
    """The batches, about `tick` seconds apart, that keep to `rate` probes a second."""
    _check(rate)
    batch = max(1, int(rate * tick))
    return Batching(batch, batch / (rate - (batch - 1)))


def gap(rate: float | None, slack: float = SLACK) -> float:
    """Seconds between two probes that keep to `rate` in any rolling second; 0 for no limit.

    Raises:
        ValueError: a rate that is not above 0.
    """
    if rate is None or rate == float("inf"):
        return 0.0
    _check(rate)
    return _stretch(slack) / rate


def _stretch(slack: float) -> float:
    return (1.0 + slack + PUNCTUAL) * (1.0 + 10 * _ROUNDING)


def _check(rate: float) -> None:
    if not rate > 0:
        raise ValueError(f"a rate is above 0, not {rate}")


def _turns(places: I64) -> I64:
    """For each place, how many equal ones come before it; below 2^40, so that row numbers fit beside them.

    Sorting numbers of place and row together keeps rows in order, and is many times as fast as a stable sort by place.
    """
    rows = np.arange(len(places))
    shift = len(places).bit_length()
    ordered = np.sort(places << shift | rows)
    begins = np.ones(len(places), np.bool_)
    begins[1:] = ordered[1:] >> shift != ordered[:-1] >> shift
    turns = np.empty(len(places), np.int64)
    turns[ordered & ((1 << shift) - 1)] = rows - np.maximum.accumulate(np.where(begins, rows, 0))
    return turns
