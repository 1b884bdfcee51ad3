"""Columns over the indices of one wave: when each endpoint was probed, by attempt.

The moment of a probe is asked for only when an answer to it comes, for the round-trip time. So sending just writes a
line, "these indices, then", and the lines are spread out into a column for each attempt when the first answer asks. Of
a network that is silent, which is most of most networks, nothing is ever spread out: it costs a line a batch.
"""

from collections import deque

import numpy as np

from scanner.core.columns import F32, WaveIndices


def run_of(indices: WaveIndices) -> slice | WaveIndices:
    """Return indices as a slice where they follow one another without a gap: indexing by it then copies nothing."""
    if len(indices) and indices[-1] - indices[0] + 1 == len(indices):
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


class SendLog:
    """The moments of one wave's probes."""

    def __init__(self, size: int) -> None:
        """`size`: endpoints of the wave."""
        self._size = size
        self._lines: deque[tuple[int, slice | WaveIndices, float]] = deque()
        self._columns: list[F32] = []

    def note(self, attempt: int, indices: WaveIndices, moment: float) -> None:
        """Note that these endpoints were probed at `moment` (seconds, on whatever clock the reader uses)."""
        self._lines.append((attempt, run_of(indices), moment))

    def moments(self, attempt: int) -> F32:
        """Return when each endpoint was probed in that attempt; NaN where it was not."""
        while self._lines:
            which, where, moment = self._lines.popleft()
            self._column(which)[where] = moment
        return self._column(attempt)

    def _column(self, attempt: int) -> F32:
        while len(self._columns) <= attempt:
            self._columns.append(np.full(self._size, np.nan, np.float32))
        return self._columns[attempt]
