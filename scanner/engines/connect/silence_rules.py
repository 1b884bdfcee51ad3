"""What follows for endpoints that stayed silent: wait for proof, ask again, or settle them, and as what.

A function of what is known, without a clock or a socket. What is known of silence is in `core/path/watch.py`, how often
is often enough in `core/path/effort.py`.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, I64, U16
from scanner.core.path.effort import Effort, Unanswered
from scanner.core.path.exchange import Gate
from scanner.core.path.watch import PATH_PATIENCE, Watch
from scanner.core.plan.reasons import Reason, reason_code

_NO_PROOF = PATH_PATIENCE + 10.0
"""Seconds after which proof is no longer waited for."""
_PATH_LOST = reason_code(Reason.PATH_LOST)
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
class Judgement:
    """What follows for each of them."""

    next: npt.NDArray[np.int8]
    """`Next`."""
    code: U16
    """Reason code of those to be settled."""
    last: F64
    """When the last try of each left."""


def judge(these: Unanswered, count: I64, watch: Watch, effort: Effort, now: float) -> Judgement:
    """Judge endpoints that stayed silent, after `count` tries of each (1 or more). What is settled counts as such.

    Those whose silence is yet to be proved are asked for by the watch.
    """
    last: F64 = np.stack(these.tries)[count - 1, np.arange(len(count))]
    efforts = effort.of(these)
    code = watch.codes(these.host, these.path, last)
    needs = effort.again(efforts) & (count < effort.most_passes)
    gate = watch.gates(these.host, these.path)
    unproved = watch.undecided(these.host, these.path, last) & (now - last < _NO_PROOF)
    lost = (gate == Gate.LOST) & np.isin(code, _LOST)
    following = np.where(needs & ~lost, Next.AGAIN, Next.SETTLE)
    following = np.where((unproved & ~needs) | (gate == Gate.WAIT), Next.WAIT, following)
    code = np.where((efforts.made <= 0) & ~np.isin(code, _LOST), _PATH_LOST, code).astype(np.uint16)
    settled = following == Next.SETTLE
    proved = ~np.isin(code[settled], _LOST)
    effort.add(efforts[settled], proved)
    effort.unproven += int(np.count_nonzero(~proved))
    return Judgement(following.astype(np.int8), code, last)
