"""How fast a sweep may go, as the user said it: ceilings that always hold, and how the rate is found below them.

Without a word of the user's the rate finds itself (`flows.py`): on the own link as fast as hosts bear, through routers
up to a ceiling of new flows (`paces.py`). `limits` are the user's own ceilings. A fixed rate is sent as it is said,
without listening to the path: for measurements, and for those who know their path better.
"""

from dataclasses import dataclass, replace

from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.rate.paces import PACES, Pace

USUAL_PACE = 3
"""The pace of a sweep unless the user says otherwise: the place in `PACES`."""

FIXED = Limits()
"""What a fixed rate is where only one of its two limits is named: 5,000 a second, 1,000 to one address."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """What the user allows, and how it is used."""

    limits: Limits = UNLIMITED
    """The user's ceilings in probes a second; None where they named none."""
    max_rate: float | None = None
    """Lifts or lowers the ceiling of new flows a second through routers; None leaves it at `paces.ROUTED`."""
    pace: Pace = PACES[USUAL_PACE]
    """How eager to begin and to grow."""
    adaptive: bool = True
    """Whether the rate finds itself below the ceilings; otherwise `limits` are the rate."""

    def part(self, limits: Limits) -> "Pacing":
        """Return the same within other ceilings: a sender's part of them."""
        return replace(self, limits=limits)


def fixed(limits: Limits) -> Pacing:
    """Return a pacing that sends at these limits, whatever the path makes of it."""
    return Pacing(limits=limits, adaptive=False)
