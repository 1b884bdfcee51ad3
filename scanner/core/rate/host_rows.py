"""Which row of the columns belongs to which host: a table of fixed size, in numpy.

State is kept for hosts that are being asked or have answered, not for an address space. A host's number is hashed to a
set of four places. A new host takes a free one, or that of the host unused for longest, if that is long enough;
otherwise it gets none, and is held by the path's rate and the static cap alone. That happens where more hosts are asked
at once than there are rows, and then each gets next to nothing of the path's rate anyway.
"""

import numpy as np

from scanner.core.columns import F64, I64, U64, Indices, Mask

_WAYS = 4
_NOBODY = np.uint64(0xFFFFFFFFFFFFFFFF)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
IDLE = 10.0
"""Seconds for which a host must not have been asked before its place may be another's."""


class HostRows:
    """Rows of hosts."""

    def __init__(self, rows: int = 1 << 16) -> None:
        """`rows`: a power of two, 4 or more; 400 bytes each, with what `Flows` keeps."""
        self._host: U64 = np.full((rows // _WAYS, _WAYS), _NOBODY)
        self._used: F64 = np.full((rows // _WAYS, _WAYS), -np.inf)
        self._shift = np.uint64(64 - (rows // _WAYS).bit_length() + 1)

    def find(self, host: U64) -> I64:
        """The row of each host, -1 where it has none."""
        sets = self._sets(host)
        same = self._host[sets] == host[:, None]
        return np.where(same.any(axis=1), sets * _WAYS + same.argmax(axis=1), -1)

    def host(self, rows: Indices) -> U64:
        """The host of each row."""
        return self._host.reshape(-1)[rows]

    def claim(self, host: U64, now: float) -> tuple[I64, Mask]:
        """A row for each of distinct hosts, -1 where there is none free, and which of the rows are new to them.

        What the columns hold at new rows is another's: begin them anew (`Flows.begin`, `SilenceBook.forget`).
        """
        row = self.find(host)
        self.touch(row[row >= 0], now)
        new = np.zeros(len(host), np.bool_)
        for _ in range(_WAYS):
            left = np.flatnonzero(row < 0)
            if not len(left):
                break
            sets, first = np.unique(self._sets(host[left]), return_index=True)
            way = self._used[sets].argmin(axis=1)
            free = self._used[sets, way] <= now - IDLE
            chosen = left[first[free]]
            self._host[sets[free], way[free]] = host[chosen]
            self._used[sets[free], way[free]] = now
            row[chosen], new[chosen] = sets[free] * _WAYS + way[free], True
        return row, new

    def touch(self, rows: Indices, now: float) -> None:
        """These rows' hosts were asked."""
        self._used.reshape(-1)[rows] = now

    def _sets(self, host: U64) -> I64:
        if len(self._host) == 1:
            return np.zeros(len(host), np.int64)
        return (host * _MULTIPLIER >> self._shift).astype(np.int64)
