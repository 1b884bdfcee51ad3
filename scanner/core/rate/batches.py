"""How many probes may go now, over whole batches: for everybody together and for each host.

What may go next has a time before which it may not; sending moves that time on by a gap of T. Who was idle may catch
up at most S = `SLACK` seconds: that much may go at once after a stop (the process was suspended, the machine slept).

Theory. If n probes go within less than a second, the last of them was due (n - 1) T after the first, which went S late
at most: (n - 1) T < 1 + S. So there are at most ceil((1 + S) / T) of them, and T = (1 + S) / rate makes that the rate,
in every rolling second, for 0.6 % of the speed. Whoever says that what was allowed left late, because another process
had the processor, moves the schedule on by as much: the promise is kept on the wire, not only in our books. Half a
millisecond (`PUNCTUAL`) need not be told: it is part of S here.

Hosts' times are kept in a table of fixed size, host number modulo its size: hosts that share a place share an
allowance. That errs on the quiet side, and only where there are more than a million hosts, among which a global
rate leaves each of them next to nothing anyway.
"""

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, U64

SLACK = 0.006
"""Seconds of unused allowance that are kept: twice the time from one look at the clock to the next."""
PUNCTUAL = 0.0005
"""Seconds that a probe may leave later than it was let go without anybody saying so."""
_ROUNDING = 1e-9
PLACES = 1 << 20
"""Size of the table; a power of two."""


class Spacing:
    """Says how many probes may go, whatever their host."""

    def __init__(self, rate: float | None) -> None:
        """`rate`: probes a second; None for as many as one likes."""
        self._gap = _gap(rate) if rate else 0.0
        self._next = 0.0

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return not self._gap

    def ready(self, now: float, most: int) -> int:
        """How many may go at `now` (seconds on any monotonic clock), at most `most`."""
        if not self._gap:
            return most
        self._next = max(self._next, now - SLACK)
        return min(most, int((now - self._next) / self._gap) + 1) if now >= self._next else 0

    def took(self, count: int, late: float = 0.0) -> None:
        """So many of those that `ready` offered have gone, the first of them `late` seconds after it was asked."""
        self._next += count * self._gap + late

    def wait(self, now: float) -> float:
        """Seconds until the next one may go; 0 where there is no limit."""
        return max(0.0, self._next - now)


class HostSpacing:
    """Says which of a batch of probes may go, so that no host exceeds its rate."""

    def __init__(self, rate: float, *, hosts: int = PLACES) -> None:
        """`rate`: probes a second to one host; `hosts`: size of the table, a power of two."""
        self._gap = _gap(rate)
        self._mask = np.uint64(hosts - 1)
        self._next: F64 = np.zeros(hosts, np.float64)

    def allow(self, host: U64, now: float, most: int) -> npt.NDArray[np.bool_]:
        """Which probes may go at `now`, earlier ones first, at most `most` in all; these count as sent.

        Args:
            host: number of each probe's host, uint64[n], in the order in which they want to go.
            now: seconds on any monotonic clock.
            most: how many may go in all.
        """
        place = (host & self._mask).astype(np.int64)
        due = np.maximum(self._next[place], now - SLACK) + _turns(place) * self._gap
        allowed: npt.NDArray[np.bool_] = due <= now
        if int(allowed.sum()) > most:
            allowed[np.flatnonzero(allowed)[most:]] = False
        self._next[place[allowed]] = due[allowed] + self._gap  # of a host's several, the last and latest stays
        return allowed

    def went_late(self, host: U64, late: float) -> None:
        """What `allow` let go to these hosts left so many seconds later; so must what comes next."""
        self._next[(host & self._mask).astype(np.int64)] += late  # once for each host, however often it is named


def _gap(rate: float) -> float:
    """Seconds between two probes that keep to `rate` in any rolling second, whatever rounding makes of their sums."""
    return (1.0 + SLACK + PUNCTUAL) / rate * (1.0 + _ROUNDING)


def _turns(places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
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
