"""Every address of a file, collected in bounded memory, as the target set of a plan.

IPv4 addresses cost four bytes each. Where they are scattered over very many ranges, the smallest gaps are closed: the
plan then holds addresses of which the file says nothing, and they count as not covered.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet

MOST_RANGES = 1 << 16
"""Ranges of IPv4 addresses in a plan, before gaps are closed."""
MOST_V6 = 1 << 20
"""IPv6 addresses in a file; a gap between them cannot be closed, it may hold more than any plan."""
_AT_ONCE = 1 << 18


class AddressBook:
    """Collects addresses."""

    def __init__(self, name: str) -> None:
        """`name` is what errors call the file."""
        self._name = name
        self._recent: list[int] = []
        self._v4: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._v6: set[int] = set()
        self._last: Address | None = None

    def add(self, address: Address) -> None:
        """Add an address. Raises InvalidInput where there are too many."""
        if address is self._last:
            return
        self._last = address
        if address.version == 4:
            self._recent.append(int(address))
            if len(self._recent) >= _AT_ONCE:
                self._settle()
            return
        self._v6.add(int(address))
        if len(self._v6) > MOST_V6:
            raise InvalidInput(f"holds more than {MOST_V6:,} IPv6 addresses", where=self._name, cure="split the file")

    def targets(self, *, exact: bool) -> TargetSet:
        """Return all addresses; with `exact`, no gap is closed."""
        self._settle()
        return TargetSet([*self._ranges4(exact=exact), *(Span(6, each, each) for each in self._v6)])

    def _settle(self) -> None:
        self._v4 = np.unique(np.concatenate([self._v4, np.array(self._recent, np.uint32)]))
        self._recent.clear()

    def _ranges4(self, *, exact: bool) -> Iterator[Span]:
        if not len(self._v4):
            return
        gaps = np.diff(self._v4.astype(np.int64))
        breaks = np.flatnonzero(gaps > 1)
        if not exact and len(breaks) >= MOST_RANGES:
            widest = np.argpartition(gaps[breaks], -(MOST_RANGES - 1))[-(MOST_RANGES - 1) :]
            breaks = np.sort(breaks[widest])
        firsts = self._v4[np.concatenate([[0], breaks + 1])].tolist()
        lasts = self._v4[np.concatenate([breaks, [len(self._v4) - 1]])].tolist()
        yield from (Span(4, first, last) for first, last in zip(firsts, lasts, strict=True))
