"""How often an endpoint is asked: until the open ports that may still be hidden are few enough.

Theory. If an endpoint that would answer stays silent at a try with probability p_i, independently, it is missed by
all its tries with probability M = p_1 p_2 ... Of those that would answer "open", N in all, N M are then expected to
be hidden. N is not known; the share of open ones among those settled so far, one added to the count, says about how
many there are in the plan. So M may be at most `hidden` / N (`miss_target`), and as many tries are needed as bring
the product below that (`tries_needed`).

The p_i are not known either: canaries and answers by try give counts, and these an upper bound (`upper_loss`), with
the Poisson distribution for the binomial one, which errs on the careful side. A try in a time without any evidence
counts for nothing (p = 1). That is a stronger use of tries than a fixed number: on a path without loss two are
enough, after a cut nothing asked meanwhile counts.

Hosts that never answered anything have no p: they are asked `NEVER_ANSWERED` times, a third try being worth as much
as it is on a path that loses 5 % each way (1 in 1,000 missed).
"""

from collections.abc import Sequence
from math import ceil, log, sqrt
from statistics import NormalDist

NEVER_ANSWERED = 3
"""Tries for a host that never answered anything."""
MOST = 10
"""Tries after which it is said instead what was missed."""
HIDDEN = 0.01
"""Open ports that may be expected to be hidden at the end, over all."""
CONFIDENCE = 0.95
"""Of upper bounds."""


def upper_loss(lost: float, asked: float, *, confidence: float = CONFIDENCE) -> float:
    """Upper confidence bound of the share of questions that stay without an answer, 0 to 1; 1 where none was asked.

    The quantile of the gamma distribution by Wilson and Hilferty ("The distribution of chi-square", PNAS 17, 1931).
    """
    if asked <= 0:
        return 1.0
    if lost <= 0:
        return min(1.0, -log(1 - confidence) / asked)
    shape = lost + 1
    deviate = NormalDist().inv_cdf(confidence)
    most = shape * (1 - 1 / (9 * shape) + deviate / (3 * sqrt(shape))) ** 3
    return float(min(1.0, most / asked))


def expected_open(found_open: int, asked: int, planned: int) -> float:
    """Open ports in the whole plan, if the rest of it is like the `asked` endpoints of which `found_open` were open."""
    return (found_open + 1) * max(planned, 1) / max(asked, 1)


def miss_target(found_open: int, asked: int, planned: int, *, hidden: float = HIDDEN) -> float:
    """The probability with which an open port may be missed, so that `hidden` of all of them are expected to be."""
    return min(1.0, hidden / expected_open(found_open, asked, planned))


def tries_needed(losses: Sequence[float], next_loss: float, target: float, *, most: int = MOST) -> int:
    """How many more tries an unanswered endpoint needs; 0 for none.

    Args:
        losses: upper bounds of loss at the tries made (`loss.LossLedger.miss`).
        next_loss: the same for a try made now.
        target: the probability with which it may be missed (`miss_target`).
        most: tries in all that are worth making.
    """
    missed = 1.0
    for loss in losses:
        missed *= loss
    left = most - len(losses)
    if missed <= target or left <= 0:
        return 0
    if next_loss <= 0:
        return 1
    if next_loss >= 1:
        return left
    return min(left, ceil(log(target / missed) / log(next_loss) - 1e-9))


def expected_hidden(found_open: int, missed: float) -> float:
    """Open ports expected to be hidden where each is missed with probability `missed` (Horvitz, Thompson, 1952)."""
    if missed <= 0:
        return 0.0
    if missed >= 1:
        return float("inf")
    return (found_open + 1) * missed / (1 - missed)
