"""When each place of a wave was probed, by try.

The moment of a probe is asked for only when an answer to it comes, for the round-trip time. So sending just writes a
line, "these places, then", and the lines are spread out into a column for each try when the first answer asks. Of a
network that is silent, which is most of most networks, nothing is ever spread out: it costs a line a batch.
"""

from collections import deque

import numpy as np

from scanner.core.columns import F32, WaveIndices
from scanner.engines.syn.indices import run_of


class SendLog:
    """The moments of one wave's probes."""

    def __init__(self, size: int) -> None:
        """`size`: places in the wave."""
        self._size = size
        self._lines: deque[tuple[int, slice | WaveIndices, float]] = deque()
        self._columns: list[F32] = []

    def note(self, attempt: int, places: WaveIndices, moment: float) -> None:
        """These places were probed in that try, at `moment` (seconds, on whatever clock the reader uses)."""
        self._lines.append((attempt, run_of(places), moment))

    def moments(self, attempt: int) -> F32:
        """When each place was probed in that try; NaN where it was not."""
        while self._lines:
            which, where, moment = self._lines.popleft()
            self._column(which)[where] = moment
        return self._column(attempt)

    def _column(self, attempt: int) -> F32:
        while len(self._columns) <= attempt:
            self._columns.append(np.full(self._size, np.nan, np.float32))
        return self._columns[attempt]
