"""What share of probes was lost on a path, by when they left: upper bounds for the arithmetic of retries.

Every question whose fate is known counts at the time when it left: canaries, and endpoints that answered in the end,
whose earlier tries are then known to be lost. Time is cut into bins; when there are too many, two become one, so
memory is constant and a bin is never longer than a 256th of the sweep.

A second holds few canaries, too few for a bound of their own. So bins that show no loss beyond chance are taken
together; only bins that do stand for themselves, and so do bins without evidence, of which nothing is known: loss 1.
"""

import numpy as np

from scanner.core.columns import F64, Mask
from scanner.core.path.retries import CONFIDENCE, upper_loss

_BINS = 512
_BAD_LOST = 2.0
_BAD_SHARE = 0.2
_REACH = 2
"""Bins without evidence that are believed to be like the good one before them."""


class LossLedger:
    """Questions with a known fate, by time of sending. One a path, or one a host."""

    def __init__(self, start: float, *, width: float = 1.0) -> None:
        """`start`: no earlier time is asked about, in seconds on a monotonic clock; `width`: of a bin, at first."""
        self._start, self._width = start, width
        self._asked, self._lost = np.zeros(_BINS), np.zeros(_BINS)

    def note(self, sent_at: F64, lost: Mask) -> None:
        """These questions left then; `lost` are those that stayed without an answer."""
        if not len(sent_at):
            return
        while (float(sent_at.max()) - self._start) / self._width >= _BINS:
            self._halve()
        places = self._places(sent_at)
        self._asked += np.bincount(places, minlength=_BINS)
        self._lost += np.bincount(places, weights=lost, minlength=_BINS)

    def note_answers(self, sent_at: F64) -> None:
        """An endpoint answered its last try, and no earlier one: when its tries left, in order."""
        lost = np.ones(len(sent_at), np.bool_)
        lost[-1:] = False
        self.note(sent_at, lost)

    def miss(self, sent_at: F64, *, confidence: float = CONFIDENCE) -> F64:
        """Upper bounds of loss for questions that left then, 0 to 1."""
        bounds = self._bounds(confidence)
        late = (sent_at - self._start) / self._width >= _BINS
        return np.where(late, 1.0, bounds[self._places(np.minimum(sent_at, self._start + self._width * _BINS))])

    def usual(self, *, confidence: float = CONFIDENCE) -> float:
        """Upper bound of loss while nothing is wrong: what a try made now may be expected to lose."""
        good = self._good()
        return upper_loss(float(self._lost[good].sum()), float(self._asked[good].sum()), confidence=confidence)

    @property
    def counts(self) -> tuple[int, int]:
        """Questions that were lost, and all of them."""
        return int(self._lost.sum()), int(self._asked.sum())

    def _good(self) -> Mask:
        """Bins with evidence and no loss beyond chance."""
        bad = (self._lost >= _BAD_LOST) & (self._lost > _BAD_SHARE * self._asked)
        good: Mask = (self._asked > 0) & ~bad & (self._lost < np.maximum(self._asked, 1.0))
        return good

    def _bounds(self, confidence: float) -> F64:
        good = self._good()
        bounds = np.ones(_BINS)
        bounds[self._reached(good)] = self.usual(confidence=confidence)
        for each in np.flatnonzero((self._asked > 0) & ~good).tolist():
            bounds[each] = upper_loss(float(self._lost[each]), float(self._asked[each]), confidence=confidence)
        return bounds

    def _reached(self, good: Mask) -> Mask:
        """Good bins, and empty ones between two good ones that are not far apart."""
        places = np.arange(_BINS)
        before = np.maximum.accumulate(np.where(good, places, -_BINS))
        after = np.minimum.accumulate(np.where(good, places, 3 * _BINS)[::-1])[::-1]
        reached: Mask = good | ((self._asked == 0) & (after - before <= _REACH + 1))
        return reached

    def _places(self, sent_at: F64) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        places = np.floor((sent_at - self._start) / self._width).astype(np.intp)
        return np.clip(places, 0, _BINS - 1)

    def _halve(self) -> None:
        self._width *= 2
        for column in (self._asked, self._lost):
            column[: _BINS // 2] = column.reshape(-1, 2).sum(axis=1)
            column[_BINS // 2 :] = 0.0
