"""How long a sweep will take, as an honest range: it depends on who is there, which nobody knows before.

An address with nobody on it is known to be empty after a probe or two where its link says so; one that answers takes a
probe for each port; one that drops everything takes every retry of every port, and the wait between them. Arithmetic
only: what `--dry-run` says, and nothing that a sweep is steered by.
"""

from dataclasses import dataclass

from scanner.core.rate.limits import Limits, fastest

TIME_MARGIN = 1.1
"""What pacing, start-up and the last answers add to the longest time: 2 to 9 % where it was measured, rounded up."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """How long an engine goes on asking an endpoint that does not answer."""

    tries: int
    """Probes of it, the first included."""
    gap: float
    """Seconds from one probe of it to the next."""
    wait: float
    """Seconds to wait for an answer to the last one."""

    @property
    def silent_seconds(self) -> float:
        """Seconds after which an endpoint that never answers is settled."""
        return (self.tries - 1) * self.gap + self.wait


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Seconds that a sweep takes, without questions to open ports (`--identify`)."""

    least: float
    """Where no address has a host on it, and the link says so."""
    answered: float
    """Where every endpoint answers."""
    most: float
    """Where no endpoint answers and nothing says why."""


def time_range(endpoints: int, addresses: int, limits: Limits, persistence: Persistence) -> TimeRange | None:
    """The range for so many endpoints on so many addresses; None where no limit says how fast it may go."""
    rate = fastest(limits, addresses)
    if rate is None:
        return None
    answered = endpoints / rate
    return TimeRange(
        least=min(answered, addresses / rate + persistence.wait),
        answered=answered,
        most=TIME_MARGIN * (answered * persistence.tries + persistence.silent_seconds),
    )
