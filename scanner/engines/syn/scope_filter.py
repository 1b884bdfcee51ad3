"""The second check of scope: a mask over the very columns that frames are filled from.

Sorted ranges and one binary search per batch; a single range, the usual case, is two comparisons. It shares no code
with the plan that it guards against.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U64, Mask
from scanner.core.targets.ranges import Span, merge
from scanner.engines.routing.routes import Keys, address_keys

_WORD = (1 << 64) - 1


class ScopeFilter:
    """Checks which addresses lie in some ranges. Obeys `options.Permitted`."""

    def __init__(self, ranges: Iterable[Span]) -> None:
        spans = merge(ranges)
        self._ends = {version: _ends(version, spans) for version in (4, 6)}

    def __call__(self, version: U8, high: U64, low: U64) -> Mask:
        """Return bool[n]: whether each address is permitted."""
        four = version == 4
        if four.all():
            return _inside(low, *self._ends[4])
        permitted = np.empty(len(low), np.bool_)
        permitted[four] = _inside(low[four], *self._ends[4])
        six = ~four
        permitted[six] = _inside(address_keys(6, high[six], low[six]), *self._ends[6]) & (version[six] == 6)
        return permitted


def _ends(version: int, spans: Iterable[Span]) -> tuple[Keys, Keys]:
    """Return first and last addresses of the ranges of one version, as keys."""
    chosen = [span for span in spans if span.version == version]
    numbers = [[span.first for span in chosen], [span.last for span in chosen]]
    words = [
        (np.array([n >> 64 for n in each], np.uint64), np.array([n & _WORD for n in each], np.uint64))
        for each in numbers
    ]
    return address_keys(version, *words[0]), address_keys(version, *words[1])


def _inside(keys: npt.NDArray[Any], first: npt.NDArray[Any], last: npt.NDArray[Any]) -> Mask:
    if not len(first):
        return np.zeros(len(keys), np.bool_)
    if len(first) == 1:
        inside: Mask = (keys >= first[0]) & (keys <= last[0])
        return inside
    span = np.searchsorted(first, keys, side="right") - 1
    held: Mask = (span >= 0) & (keys <= last[np.maximum(span, 0)])
    return held
