"""What is said about a sweep as a whole: before it starts (`SweepInfo`) and after it ends (`Summary`).

Outputs and the history are handed these two values and the judged observations in between, nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.core.model import Coverage, RegistryIdentity, Severity, Verdict


@dataclass(frozen=True, slots=True)
class SweepInfo:
    """Everything that is fixed before the first probe."""

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
    """Number of planned addresses."""
    ports_per_address: int
    """Number of ports on each address."""
    engine: str
    """The engine's word."""
    engine_why: str
    """The reason for this engine, if it was chosen automatically; otherwise empty."""
    seed: int
    """Seed of the plan's order."""
    shard: str
    """The part of the plan, `1/1` for all of it."""
    registry: RegistryIdentity
    """The registry used."""
    policy: str = ""
    """Identity of the policy that judges (name and hash), or empty."""
    scope: str = ""
    """Identity of the scope file that permits (name and hash), or empty."""
    hostnames: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each name that was resolved, with the addresses it gave."""
    udp_ports_per_address: int = 0
    """How many of the ports on each address are UDP ports."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a sweep."""

    info: SweepInfo
    """Everything that was fixed before the first probe."""
    finished: datetime
    """When the last wave was settled; aware, UTC."""
    coverage: Coverage
    """The coverage."""
    reasons: Mapping[str, int]
    """Number of endpoints by reason."""
    findings: Mapping[Severity, int]
    """Number of unexpected or missing findings by severity."""
    verdicts: Mapping[Verdict, int]
    """Number of findings by verdict."""
    interrupted: bool = False
    """Whether the sweep was stopped early."""
    degraded: tuple[str, ...] = ()
    """Reasons why answers may have been lost; empty if none."""
    notes: tuple[str, ...] = ()
    """Other things an auditor should know: an old registry, a recall estimate, a fall back."""

    @property
    def seconds(self) -> float:
        """Return the duration of the sweep."""
        return (self.finished - self.info.started).total_seconds()

    @property
    def complete(self) -> bool:
        """Return whether "no findings" is a valid statement: everything covered, nothing degraded or interrupted."""
        return self.coverage.complete and not self.interrupted and not self.degraded
