"""How often an endpoint is asked: until the expected number of hidden open ports is small. API first."""

from collections.abc import Sequence

NEVER_ANSWERED = 3
"""Tries for a host that never answered anything."""


def upper_loss(lost: int, asked: int, *, confidence: float = 0.95) -> float:
    """Upper confidence bound of the share of questions that stay without an answer; 1.0 where none was asked."""
    raise NotImplementedError


def miss_target(found_open: int, asked: int, planned: int, *, hidden: float = 0.01) -> float:
    """The probability of missing an open port that may remain, so that all of them together expect to hide `hidden`."""
    raise NotImplementedError


def tries_needed(losses: Sequence[float], next_loss: float, target: float, *, most: int = 10) -> int:
    """How many more tries: `losses` are upper bounds in force at the tries made, `next_loss` the one in force now."""
    raise NotImplementedError
