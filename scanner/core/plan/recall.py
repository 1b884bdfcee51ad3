"""How much a sweep has probably missed, told by when its answers came.

Theory. Whoever did not answer the first try is asked again, so the answers thin out from try to try as a
population does that is trapped and removed: this is the removal method of Moran ("A mathematical theory of
animal trapping", Biometrika 38, 1951) and Zippin ("An evaluation of the removal method of estimating animal
populations", Biometrics 12, 1956). If each try of an endpoint that would answer succeeds with probability q,
independently, the first success falls on try j of k with probability proportional to r^(j-1), r = 1 - q: a
truncated geometric distribution. Its one sufficient statistic is the mean number of failures m before the
answer, and the most likely r solves

    r / (1 - r)  -  k r^k / (1 - r^k)  =  m,

whose left side grows from 0 at r = 0 to (k - 1) / 2 at r = 1. What k tries find is the share 1 - r^k.

What it cannot know: endpoints that never answer are no part of the population (a firewall that drops is not
loss), and loss that differs between networks makes it a little too hopeful, since the worst part is missing
from the answers too. Only TCP answers count: ICMP errors are rate limited by those who send them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

PROMISED = 0.999
"""Share of the open ports that a complete sweep promises to have found."""
ALLOWED = 0.01
"""Open ports that may be expected to be hidden, however few there are."""

_STEPS = 60

_LEAST = 0.0001
"""The least share that is shown: nothing estimated is called a whole, or free of error, by rounding."""


@dataclass(frozen=True, slots=True)
class HiddenOpen:
    """What may have been missed, from what is known of loss on the way (`core/path`): the promise and its words."""

    found: int
    """Open ports that were found."""
    hidden: float
    """Open ports that are expected to be hidden still: an upper bound."""
    unproven: int = 0
    """Endpoints whose silence was not proved: asked while the path or the host did not answer."""

    @property
    def recall(self) -> float:
        """A lower bound of the share that was found, 0 to 1."""
        return self.found / (self.found + self.hidden) if self.found else float(self.hidden <= ALLOWED)

    @property
    def degraded(self) -> bool:
        """Whether more may be hidden than is promised: 0.1 % of what is open, or a hundredth of a port."""
        return self.unproven > 0 or self.hidden > max(ALLOWED, (1 - PROMISED) / PROMISED * self.found)

    def words(self) -> str:
        """One line for people, without false precision."""
        if self.unproven:
            return f"endpoints whose silence proves nothing, as nothing answered at the time: {self.unproven:,}"
        if self.hidden <= ALLOWED:
            return "no open port is expected to have been missed"
        if self.hidden < 1:
            return f"an open port may have been missed; {self.found:,} were found"
        return f"up to {self._rounded(self.hidden):,} open ports may have been missed; {self.found:,} were found"

    def _rounded(self, count: float) -> int:
        """One leading digit, upwards: the estimate knows no more."""
        digits: int = 10 ** (len(str(int(count))) - 1)
        return ceil(count / digits) * digits


@dataclass(frozen=True, slots=True)
class Recall:
    """What the answers say of those that did not come."""

    answers: int
    """How many endpoints answered."""
    per_try: float
    """The probability that one try of one endpoint that would answer is answered."""
    found: float
    """The share of them that all tries together find: the recall, 0 to 1."""
    error: float
    """Standard error of `found`."""

    def words(self) -> str:
        """The estimate in a line for people. Without any late answer it is no figure: two answers show as little."""
        if self.per_try == 1.0:
            return "no endpoint that answered had to be asked twice: no sign of loss on the way"
        margin = f", give or take {2 * self.error:.2%}" if 2 * self.error >= _LEAST else ""
        share = f"about {self.found:.2%}" if self.found < 1 - _LEAST else f"more than {1 - _LEAST:.2%}"
        return f"by when the answers came, {share} of what would answer was found{margin}"


def estimate(answers_by_try: Sequence[int]) -> Recall | None:
    """The most likely recall; None where the answers do not tell (one try, no answers, or no decline)."""
    tries, answers = len(answers_by_try), sum(answers_by_try)
    if tries < 2 or not answers:
        return None
    mean = sum(place * count for place, count in enumerate(answers_by_try)) / answers
    if mean >= (tries - 1) / 2:
        return None
    miss = _solve(mean, tries)
    return Recall(answers, 1 - miss, 1 - miss**tries, _error(miss, tries, answers))


def add_up(waves: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The answers by try of several waves together."""
    longest = max(map(len, waves), default=0)
    return tuple(sum(wave[place] for wave in waves if place < len(wave)) for place in range(longest))


def _mean_failures(miss: float, tries: int) -> float:
    """Mean failures before an answer that came within `tries`; `miss` is r, below 1."""
    return miss / (1 - miss) - tries * miss**tries / (1 - miss**tries)


def _solve(mean: float, tries: int) -> float:
    """The r whose mean is `mean`, by bisection: the left side is monotone."""
    low, high = 0.0, 1.0 - 1e-9
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _mean_failures(middle, tries) < mean:
            low = middle
        else:
            high = middle
    return low


def _error(miss: float, tries: int, answers: int) -> float:
    """By the delta method: an exponential family in log r, so the mean's variance is r times its slope."""
    if miss == 0.0:
        return 0.0
    slope = 1 / (1 - miss) ** 2 - tries**2 * miss ** (tries - 1) / (1 - miss**tries) ** 2
    return tries * miss ** (tries - 1) * sqrt(miss / (answers * slope))
