"""What is said about a sweep as a whole: before it starts (`SweepInfo`) and after it ends (`Summary`).

Outputs and the history are handed these two values and the judged observations in between, nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.core.model import Coverage, RegistryIdentity, Severity, Verdict


@dataclass(frozen=True, slots=True)
class SweepInfo:
    """What is fixed before the first probe."""

    sweep_id: str
    """Unique, and sorts by time: `20260213T220501Z-3f9a`."""
    started: datetime
    """When; aware, UTC."""
    version: str
    """The version of this program."""
    targets: str
    """The target words as the user gave them."""
    ports: str
    """The port words as the user gave them."""
    addresses: int
    """How many addresses are planned."""
    ports_per_address: int
    """How many ports on each."""
    engine: str
    """The engine's word."""
    engine_why: str
    """Why this engine, where it was chosen by itself; otherwise empty."""
    seed: int
    """Seed of the plan's order."""
    shard: str
    """Which part of the plan this is, `1/1` for the whole."""
    registry: RegistryIdentity
    """Which registry judges."""
    policy: str = ""
    """Identity of the policy that judges (name and hash), or empty."""
    scope: str = ""
    """Identity of the scope file that permits (name and hash), or empty."""
    hostnames: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each name that was resolved, with the addresses it gave."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known when the sweep has ended."""

    info: SweepInfo
    """What was fixed before."""
    finished: datetime
    """When the last wave was settled; aware, UTC."""
    coverage: Coverage
    """What was covered."""
    reasons: Mapping[str, int]
    """How many endpoints have each reason."""
    findings: Mapping[Severity, int]
    """How many unexpected or missing findings there are of each severity."""
    verdicts: Mapping[Verdict, int]
    """How many findings have each verdict."""
    interrupted: bool = False
    """Whether somebody stopped the sweep."""
    degraded: tuple[str, ...] = ()
    """Why answers may have been lost; empty when nothing of the kind happened."""
    notes: tuple[str, ...] = ()
    """Other things an auditor should know: an old registry, a recall estimate, a fall back."""

    @property
    def seconds(self) -> float:
        """How long the sweep took."""
        return (self.finished - self.info.started).total_seconds()

    @property
    def complete(self) -> bool:
        """Whether "no findings" may be said: everything covered, nothing degraded or interrupted."""
        return self.coverage.complete and not self.interrupted and not self.degraded
