"""How often each endpoint of a wave was asked so that it counts, and who must be asked again.

A try made while its host or its way was silent does not count. With a fixed number of tries, all must count. As often
as it takes (`retries.py`) means: until the chance that every try at an open port was lost is small enough, by the
losses known of the way at the time of each try.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F64, I64, U64, Mask
from scanner.core.path.retries import MOST, NEVER_ANSWERED, expected_hidden, miss_target
from scanner.core.path.watch import Watch
from scanner.core.plan.recall import HiddenOpen

MOST_IN_VAIN = 20
"""Passes beyond those wanted, where tries fall into outages."""
EVIDENCE = 32
"""Questions to known endpoints after which the loss of a way is known well enough to judge tries by it."""
_LIKELY = 0.5
"""Confidence at which a fixed number of tries is judged: it is the user's, and is called too few only where it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Unanswered:
    """Endpoints that did not answer, as columns of one length."""

    host: U64
    """The host's number."""
    path: I64
    """Its way out."""
    tries: Sequence[F64]
    """For each pass, when each endpoint was probed; NaN where it was not."""


@dataclass(frozen=True, slots=True, eq=False)
class Efforts:
    """What was done to have these endpoints answer."""

    made: I64
    """Tries of each that count."""
    missed: F64
    """The chance that all of them were lost."""
    known: Mask
    """Whether its host ever answered."""

    def __getitem__(self, which: Mask) -> "Efforts":
        return Efforts(self.made[which], self.missed[which], self.known[which])


class Effort:
    """Says who is asked again, and adds up what may have been missed."""

    def __init__(self, watch: Watch, *, attempts: int | None, planned: int = 0) -> None:
        """`attempts`: tries of each, None for as many as it takes; `planned`: endpoints of the plan, if known."""
        self._watch, self._attempts, self._planned = watch, attempts, planned
        self.open = 0
        """Open ports found so far."""
        self.settled = 0
        """Endpoints settled so far."""
        self.unproven = 0
        """Of them, those whose silence was not proved."""
        self._missed = self._counted = 0.0

    @property
    def least_passes(self) -> int:
        """Passes over a wave in which nothing answers."""
        return NEVER_ANSWERED if self._attempts is None else self._attempts

    @property
    def most_passes(self) -> int:
        """Passes after which an endpoint is not asked any more."""
        return MOST_IN_VAIN + (MOST if self._attempts is None else self._attempts)

    @property
    def automatic(self) -> bool:
        """Whether there are as many tries as it takes."""
        return self._attempts is None

    def of(self, these: Unanswered) -> Efforts:
        """What was done for these endpoints."""
        size, watch = len(these.host), self._watch
        made, missed = np.zeros(size, np.int64), np.ones(size)
        for moments in these.tries:
            counts = ~np.isnan(moments)
            counts[counts] = ~watch.voided(these.host[counts], these.path[counts], moments[counts])
            made += counts
            missed[counts] *= self._losses(these.path[counts], moments[counts])
        return Efforts(made, missed, watch.rows(these.host) >= 0)

    def again(self, efforts: Efforts) -> Mask:
        """Who must be asked again."""
        if self._attempts is not None:
            again: Mask = efforts.made < self._attempts
            return again
        target = miss_target(self.open, self.settled, max(self._planned, self.settled))
        enough = np.where(
            efforts.known, (efforts.missed <= target) | (efforts.made >= MOST), efforts.made >= NEVER_ANSWERED
        )
        return ~enough

    def add(self, efforts: Efforts, proved: Mask) -> None:
        """These endpoints are settled without an answer; `proved`: whose silence is. Others count as `unproven`."""
        counts = efforts.known & proved
        self._missed += float(efforts.missed[counts].sum())
        self._counted += int(np.count_nonzero(counts))

    def hidden(self) -> HiddenOpen:
        """What may have been missed so far."""
        mean = self._missed / self._counted if self._counted else 0.0
        return HiddenOpen(found=self.open, hidden=expected_hidden(self.open, mean), unproven=self.unproven)

    @property
    def too_few(self) -> bool:
        """Whether more may have been missed by loss on the way than is promised."""
        hidden = self.hidden()
        return HiddenOpen(hidden.found, hidden.hidden).degraded

    def lacks_evidence(self, paths: I64) -> I64:
        """How many more questions each of these ways needs before its loss is known well enough."""
        asked = np.array([self._watch.ledger(each).counts[1] for each in paths.tolist()], np.int64)
        return np.maximum(EVIDENCE - asked, 0)

    def _losses(self, path: I64, moments: F64) -> F64:
        confidence = {} if self._attempts is None else {"confidence": _LIKELY}
        losses = np.ones(len(path))
        for each in np.unique(path).tolist():
            here = path == each
            losses[here] = self._watch.ledger(each).miss(moments[here], **confidence)
        return losses
