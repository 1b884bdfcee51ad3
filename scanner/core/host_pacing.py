"""No host gets more than its share: spacing for each address, over whole batches of probes.

Each host has a time before which it gets no further probe; sending one moves that time on by 1/rate. A host that
was idle may catch up at most `SLACK` seconds, so that in any rolling second no host sees more than 1 % above its
rate (and one probe), nor a burst after a stop. Times are kept in a table of fixed size, host number modulo its
size: hosts that share a place share an allowance. That errs on the quiet side, and only where there are more than
a million hosts, among which a global rate leaves each of them next to nothing anyway.
"""

import numpy as np
import numpy.typing as npt

SLACK = 0.008
"""Seconds of unused allowance that a host keeps."""
PLACES = 1 << 20
"""Size of the table; a power of two."""

U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]


class HostPacing:
    """Says which of a batch of probes may go, so that no host exceeds its rate."""

    def __init__(self, rate: float, *, hosts: int = PLACES) -> None:
        """`rate`: probes a second to one host; `hosts`: size of the table, a power of two."""
        self._gap = 1.0 / rate
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
        order = np.argsort(place, kind="stable")
        turn = np.empty(len(place), np.int64)
        turn[order] = _count_within(place[order])
        due = np.maximum(self._next[place], now - SLACK) + turn * self._gap
        allowed: npt.NDArray[np.bool_] = due <= now
        if int(allowed.sum()) > most:
            allowed[np.flatnonzero(allowed)[most:]] = False
        np.maximum.at(self._next, place[allowed], due[allowed] + self._gap)
        return allowed


def _count_within(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each of sorted values, how many equal ones come before it."""
    positions = np.arange(len(values))
    begins = np.ones(len(values), np.bool_)
    begins[1:] = values[1:] != values[:-1]
    return positions - np.maximum.accumulate(np.where(begins, positions, 0))
