"""What a rule is, and the case that it looks at.

A rule is data with one predicate. Its id is promised for ever: it is part of every finding's id, so weeks of
CSV can be joined on it. A predicate answers with the reason in words for this very endpoint, or None.
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
    """Everything a rule may look at. Later families of rules add a field each, with a default."""

    observation: Observation
    """What was seen."""
    record: PortRecord
    """What the registry says of the port on this transport."""
    assigned_elsewhere: tuple[Transport, ...] = ()
    """The other transports for which the registry assigns the port, where it does not for this one."""
    decision: Decision | None = None
    """What the policy says; None without a policy."""
    usual: tuple[Usual, ...] = ()
    """What is commonly found on the port, whatever the registry says."""
    threats: tuple[Threat, ...] = ()
    """The port's past."""

    @property
    def identity(self) -> Identity | None:
        """What speaks there, where somebody asked."""
        return self.observation.identity

    @property
    def explained(self) -> bool:
        """Whether the policy accounts for the endpoint, so that its number alone is no reason to look at it."""
        return self.decision is not None and self.decision.standing in (Standing.EXPECTED, Standing.EXCEPTED)


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for which somebody should look at an observation."""

    id: str
    """Stable, kebab-case; never reused."""
    name: str
    """A short title."""
    severity: Severity
    """How much its findings want to be looked at, unless a policy says otherwise."""
    verdict: Verdict
    """What its findings say."""
    why: str
    """Why this deserves a look, in a few sentences."""
    action: str
    """What to do next."""
    applies: Callable[[Case], str | None]
    """The reason in words where the rule speaks, else None."""
