"""What a run of the connect engine says about itself, for progress and the summary."""

from dataclasses import dataclass

from scanner.core.plan.recall import HiddenOpen
from scanner.core.rate.found import PathRate


@dataclass(frozen=True, slots=True)
class ConnectStatistics:
    """What was found of ways and hosts so far, and what may have been missed."""

    hidden: HiddenOpen
    """Open ports that may be hidden still, and endpoints whose silence was not proved."""
    outages: int = 0
    """How often a host or a way out fell silent."""
    rates: tuple[PathRate, ...] = ()
    """What was found of each way out; empty at a fixed rate."""
    slow: tuple[str, ...] = ()
    """What holds the slowest hosts back, a sentence each."""
    fragile: tuple[str, ...] = ()
    """Addresses that were let go because they answered ever more slowly."""
