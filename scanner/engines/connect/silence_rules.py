"""What follows for endpoints that stayed silent: wait for proof, ask again, or settle them, and as what.

A function of what is known, without a clock or a socket. The theory is in `core/path/silence.py` and `retries.py`.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, I64, U16, U64, Mask
from scanner.core.path.exchange import Gate
from scanner.core.path.retries import MOST, NEVER_ANSWERED, miss_target
from scanner.core.path.watch import PATH_PATIENCE, Watch
from scanner.core.plan.reasons import Reason, reason_code

_MOST_IN_VAIN = 10
"""Tries of one endpoint that may be lost to silence of its host or way before it is given up."""
_NO_PROOF = PATH_PATIENCE + 10.0
"""Seconds after which proof is no longer waited for."""
_SILENT_HOST, _PATH_LOST = reason_code(Reason.SILENT_HOST), reason_code(Reason.PATH_LOST)
_LOST = np.array([reason_code(Reason.HOST_LOST), _PATH_LOST], np.uint16)


class Next(IntEnum):
    """What follows."""

    WAIT = 0
    """Wait until a canary proves the silence or shows that it is not the endpoint's own."""
    AGAIN = 1
    """Ask again."""
    SETTLE = 2
    """Settle it."""


@dataclass(frozen=True, slots=True)
class TriesRule:
    """How often to ask."""

    exact: int | None
    """Tries in all; None for as many as it takes."""
    planned: int | None = None
    """Endpoints of the whole plan, where that is known."""

    def target(self, found_open: int, settled: int) -> float:
        """Return the probability with which an open port may be missed."""
        asked = max(settled, 1)
        return miss_target(found_open, asked, max(self.planned or 0, asked))


@dataclass(frozen=True, slots=True)
class Silent:
    """Endpoints that did not answer their last try; all columns have one length."""

    count: I64
    """Tries of each, 1 or more."""
    tries: list[F64]
    """When the first of each left, the second, ...; nan beyond `count`."""
    host: U64
    """Numbers of their hosts."""
    way: I64
    """Places of their ways out."""

    @property
    def last(self) -> F64:
        """When the last try of each left."""
        last: F64 = np.stack(self.tries)[self.count - 1, np.arange(len(self.count))]
        return last


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows for each of them."""

    next: npt.NDArray[np.int8]
    """`Next`."""
    code: U16
    """Reason code of those to be settled."""
    missed: F64
    """Upper bound of the probability that an answer was missed, all tries together."""


def judge(silent: Silent, watch: Watch, rule: TriesRule, target: float, now: float) -> Judgement:
    """Judge endpoints that stayed silent; `target` is the probability with which an open port may be missed.

    Those whose silence is yet to be proved are asked for by the watch.
    """
    last = silent.last
    in_vain = np.stack([watch.voided(silent.host, silent.way, each) for each in silent.tries])
    useful = silent.count - in_vain.sum(axis=0)
    missed = _missed(silent, watch, in_vain)
    code = watch.codes(silent.host, silent.way, last)
    if rule.exact is not None:
        needs = useful < rule.exact
    else:
        needs = np.where(code == _SILENT_HOST, useful < NEVER_ANSWERED, (missed > target) & (useful < MOST))
    needs &= silent.count < useful + _MOST_IN_VAIN
    gate = watch.gates(silent.host, silent.way)
    unproved = watch.undecided(silent.host, silent.way, last) & (now - last < _NO_PROOF)
    lost = (gate == Gate.LOST) & np.isin(code, _LOST)
    following = np.where(needs & ~lost, Next.AGAIN, Next.SETTLE)
    following = np.where((unproved & ~needs) | (gate == Gate.WAIT), Next.WAIT, following)
    code = np.where((useful <= 0) & ~np.isin(code, _LOST), _PATH_LOST, code)
    return Judgement(following.astype(np.int8), code.astype(np.uint16), missed)


def _missed(silent: Silent, watch: Watch, in_vain: Mask) -> F64:
    """The bound of loss over all tries of each."""
    missed = np.ones(len(silent.count))
    for way in np.unique(silent.way).tolist():
        here, ledger = silent.way == way, watch.ledger(way)
        for place, times in enumerate(silent.tries):
            counted = here & (silent.count > place) & ~in_vain[place]
            if counted.any():
                missed[counted] *= ledger.miss(times[counted])
    return missed
