"""Hosts that limit their resets: how many tries of open and of closed ports stayed without an answer, by host."""

import numpy as np

from scanner.core.columns import I64, Indices, Mask
from scanner.core.path.canaries import resets_limited


class ResetCounts:
    """Four counts for each row: tries at open and at closed ports, and those of them that stayed silent."""

    def __init__(self, rows: int) -> None:
        self._asked: I64 = np.zeros((2, rows), np.int64)
        self._silent: I64 = np.zeros((2, rows), np.int64)
        self._limited: set[int] = set()

    def note(self, rows: Indices, is_open: Mask, *, asked: I64 | int, silent: I64 | int) -> None:
        """Endpoints of these rows (which may repeat) were tried so often, and so many tries stayed silent."""
        kind = is_open.astype(np.intp)
        np.add.at(self._asked, (kind, rows), asked)
        np.add.at(self._silent, (kind, rows), silent)

    def forget(self, rows: Indices) -> None:
        """These rows stand for other hosts from now on."""
        self._asked[:, rows] = self._silent[:, rows] = 0
        self._limited.difference_update(rows.tolist())

    def find(self, rows: Indices) -> None:
        """Look whether these rows limit their resets. Who was found to do so stays so."""
        for row in rows.tolist():
            if resets_limited(
                open_asked=int(self._asked[1, row]),
                open_silent=int(self._silent[1, row]),
                closed_asked=int(self._asked[0, row]),
                closed_silent=int(self._silent[0, row]),
            ):
                self._limited.add(row)

    @property
    def limited(self) -> frozenset[int]:
        """The rows that were found to limit them."""
        return frozenset(self._limited)

    def held(self, rows: Indices) -> Mask:
        """Which of these rows limit them."""
        if not self._limited:
            return np.zeros(len(rows), np.bool_)
        return np.isin(rows, list(self._limited))
