"""What a rule is, and the case that it looks at.

A rule is data with one predicate. Its id never changes: it is part of every finding's id, so CSV files of different
weeks can be joined on it. A predicate returns the reason, in words, for one endpoint, or None.
"""

from collections.abc import Callable
from dataclasses import dataclass

from scanner.core.model import Observation, Severity, Transport, Verdict
from scanner.core.policy.policy import Decision, Standing
from scanner.core.recognise.identity import Identity
from scanner.core.registry.overlays import Threat, Usual
from scanner.core.registry.registry import PortRecord


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a rule may look at. A new family of rules adds a field, with a default."""

    observation: Observation
    """What was seen."""
    record: PortRecord
    """The registry's record of the port on this transport."""
    assigned_elsewhere: tuple[Transport, ...] = ()
    """The transports for which the registry assigns the port, where it does not for this one."""
    decision: Decision | None = None
    """What the policy says; None if there is no policy."""
    usual: tuple[Usual, ...] = ()
    """Software commonly found on the port, whatever the registry says."""
    threats: tuple[Threat, ...] = ()
    """The port's history: malware, worms and attack tools that used it."""

    @property
    def identity(self) -> Identity | None:
        """What answered there; None unless it was asked."""
        return self.observation.identity

    @property
    def explained(self) -> bool:
        """Whether the policy accounts for the endpoint, so that its number alone is no finding."""
        return self.decision is not None and self.decision.standing in (Standing.EXPECTED, Standing.EXCEPTED)


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason why a person should look at an observation."""

    id: str
    """Stable, kebab-case; never reused."""
    name: str
    """A short title."""
    severity: Severity
    """How urgent its findings are, unless a policy says otherwise."""
    verdict: Verdict
    """The verdict of its findings."""
    why: str
    """Why this deserves attention, in a few sentences."""
    action: str
    """What to do next."""
    applies: Callable[[Case], str | None]
    """Returns the reason in words where the rule applies, else None."""
    by_requirement: bool = False
    """Whether its findings rest on the policy entry that requires the port, rather than on the one that decides."""
