"""A target set as numpy columns: index to address and back, a whole wave at a time.

An IPv6 address is two 64-bit words, `high` and `low`; an IPv4 address is `low` alone. Finding the index of an
address is a binary search over the first address of each range, with the range's end checked afterwards: an
address that is not in the set gives -1, even where a peer claims it. Engines use that as the second check of
scope, right where frames are built.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from scanner.core.columns import I64, U8, U64
from scanner.core.targets.ranges import Span

Number = TypeVar("Number", bound=np.integer[Any])

_WORD = (1 << 64) - 1


class AddressColumns:
    """The ranges of a target set (sorted, disjoint, IPv4 first) as arrays."""

    def __init__(self, ranges: Iterable[Span]) -> None:
        spans = tuple(ranges)
        sizes = np.array([span.size for span in spans], np.uint64)
        self._ends: U64 = np.cumsum(sizes, dtype=np.uint64)
        self._starts: U64 = self._ends - sizes
        self._version: U8 = np.array([span.version for span in spans], np.uint8)
        self._high: U64 = np.array([span.first >> 64 for span in spans], np.uint64)
        self._low: U64 = np.array([span.first & _WORD for span in spans], np.uint64)
        self._fours = int(np.count_nonzero(self._version == 4))
        self._keys6 = _sortable(self._high[self._fours :], self._low[self._fours :])

    def words(self, host: U64) -> tuple[U8, U64, U64]:
        """`version`, `high` and `low` of the addresses at indices `host`, uint64[n], each in the set."""
        if len(self._ends) == 1:  # the usual case, and several times as quick without a search
            return self._run(np.broadcast_to(np.intp(0), host.shape), host)
        place = np.searchsorted(self._ends, host, side="right")
        return self._run(place, host - self._starts[place])

    def _run(self, place: npt.NDArray[np.intp], offset: U64) -> tuple[U8, U64, U64]:
        """The addresses so far into the ranges at `place`. What all of them share is held once."""
        low = self._low[place] + offset
        if self._fours == len(self._ends):
            return np.broadcast_to(np.uint8(4), low.shape), np.broadcast_to(np.uint64(0), low.shape), low
        high = self._high[place] + (low < offset).astype(np.uint64)
        version = self._version[place] if self._fours else np.broadcast_to(np.uint8(6), low.shape)
        return version, high, low

    def find(self, version: U8, high: U64, low: U64) -> I64:
        """The index of each address, int64[n]; -1 where the set does not hold it."""
        found = np.full(len(low), -1, np.int64)
        four = version == 4
        if self._fours and four.any():
            place = np.searchsorted(self._low[: self._fours], low[four], side="right") - 1
            found[four] = self._inside(place, high[four], low[four])
        if len(self._keys6) and not four.all():
            six = ~four
            place = np.searchsorted(self._keys6, _sortable(high[six], low[six]), side="right") - 1
            found[six] = self._inside(np.where(place < 0, -1, place + self._fours), high[six], low[six])
        return found

    def _inside(self, place: npt.NDArray[np.intp], high: U64, low: U64) -> I64:
        """Indices of addresses that could only be in range `place`; -1 where they lie outside of it."""
        at = np.maximum(place, 0)
        offset = low - self._low[at]
        borrow = (low < self._low[at]).astype(np.uint64)
        size = self._ends[at] - self._starts[at]
        good = (place >= 0) & (high - borrow == self._high[at]) & (offset < size)
        return np.where(good, (self._starts[at] + offset).astype(np.int64), np.int64(-1))


def ranges_held(*columns: npt.NDArray[Any]) -> int:
    """Bytes that columns take; a value that was broadcast takes one place, however long its column seems."""
    return sum(column.itemsize if is_shared(column) else column.nbytes for column in columns)


def is_shared(column: npt.NDArray[Any]) -> bool:
    """Return whether one value was broadcast over the whole column."""
    return column.strides == (0,)


def distinct(column: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The values in a column, each once, ascending; quick where there is but one."""
    if len(column) and (is_shared(column) or (column == column[0]).all()):
        return column[:1]
    return np.unique(column)


def _sortable(high: U64, low: U64) -> npt.NDArray[np.bytes_]:
    """Addresses as 16 big-endian bytes each, which compare as the addresses do."""
    pairs = np.empty((len(high), 2), ">u8")
    pairs[:, 0], pairs[:, 1] = high, low
    return pairs.view("S16").reshape(len(high))
