"""What changed between two sweeps, said only where both can tell.

A sweep stores its open endpoints and those that somebody asked for. That an endpoint is *not* stored therefore
means "not open" only where the sweep really looked: its plan holds the endpoint, the endpoint's wave was
settled whole, nothing in that wave stayed unknown and nothing degraded the sweep. Everything here follows from
what each sweep can say of a place (`Visibility` and the observation, if there is one):

    open        an observation says so; a degraded sweep loses answers, it does not invent them
    not open    an observation says so, or there is none and the sight is clear
    can't tell  everything else

*Opened* and *closed* are only said between "open" and "not open". From "open" to "can't tell" is *unsure*, and an
endpoint that one of the two plans does not hold is not compared at all.

A host that answers on every port (`whole_host.py`) is one place more, with port 0, and compared as any other. Behind
it nobody can tell of a single port, which is said once, by that place, and not again for each port as *unsure*.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

from scanner.core.model import REPORTABLE, Endpoint, Finding, Judged, State


class Change(StrEnum):
    """What can have happened."""

    OPENED = "opened"
    CLOSED = "closed"
    SERVICE = "changed-service"
    NEW = "new-finding"
    GONE = "gone-finding"
    UNSURE = "unsure"


class Because(StrEnum):
    """Where a change comes from."""

    NETWORK = "network"
    REGISTRY = "registry"
    POLICY = "policy"


class Visibility(Enum):
    """How well a sweep saw one endpoint."""

    NOT_PLANNED = "not planned"
    """Its plan does not hold the endpoint."""
    INCONCLUSIVE = "inconclusive"
    """The endpoint's wave was not settled, or something in it stayed unknown, or the sweep was degraded."""
    HOST_ANSWERS_EVERYWHERE = "host answers everywhere"
    """The host accepts connections on every port, so an open one says nothing about a service."""
    COVERED = "covered"
    """Probed, and nothing stood in the way."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one sweep says of one endpoint."""

    sight: Visibility
    """How well it saw."""
    judged: Judged | None
    """What it stored; None where nothing was worth it."""
    degraded: bool
    """Whether the sweep as a whole may have lost answers."""
    whole_host: bool = False
    """Whether this is about a host that answers on every port."""

    @property
    def open(self) -> bool | None:
        """True or False where the sweep can tell, else None."""
        if self.sight is Visibility.HOST_ANSWERS_EVERYWHERE:
            return None
        if self.judged is None:
            return False if self.sight is Visibility.COVERED else None
        state = self.judged.observation.state
        if state is State.OPEN:
            return True
        return None if state in (State.UNKNOWN, State.OPEN_FILTERED) or self.degraded else False

    @property
    def state(self) -> str:
        """The state in a word or a few, for people."""
        every = " on every port" if self.whole_host else ""
        if self.judged is not None:
            return self.judged.observation.state.value + every
        return f"not open{every}" if self.open is False else "could not tell"

    @property
    def speaks(self) -> str:
        """What speaks there, where somebody asked: protocol, product and version."""
        identity = self.judged.observation.identity if self.judged else None
        return " ".join(filter(None, (identity.name, identity.product, identity.version))) if identity else ""

    @property
    def telling(self) -> dict[str, Finding]:
        """The findings that somebody should hear of, by rule."""
        findings = self.judged.findings if self.judged else ()
        return {finding.rule: finding for finding in findings if finding.verdict in REPORTABLE}

    @property
    def registry(self) -> tuple[str, str] | None:
        """What the registry said of the port then: status and names."""
        for finding in self.judged.findings if self.judged else ():
            return finding.registry_status.value, finding.service
        return None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed."""

    change: Change
    """What."""
    endpoint: Endpoint
    """Where."""
    before: str
    """How it was."""
    after: str
    """How it is."""
    hostname: str = ""
    """The name by which the user asked for the address, if they gave one."""
    finding: Finding | None = None
    """The finding that came or went."""
    because: Because = Because.NETWORK
    """Where it comes from."""


def differences(endpoint: Endpoint, before: Side, after: Side, began: datetime) -> Iterator[Difference]:
    """What changed at one endpoint; `began` is when the later sweep did (aware)."""
    if Visibility.NOT_PLANNED in (before.sight, after.sight):
        return
    yield from _endpoint(endpoint, before, after)
    for rule in sorted(after.telling.keys() - before.telling.keys()):
        finding = after.telling[rule]
        if before.open is not None or finding.first_seen is None or finding.first_seen >= began:
            yield _finding(Change.NEW, finding, before, after)
    if after.open is None:
        return
    for rule in sorted(before.telling.keys() - after.telling.keys()):
        yield _finding(Change.GONE, before.telling[rule], before, after)


def _endpoint(endpoint: Endpoint, before: Side, after: Side) -> Iterator[Difference]:
    name = _hostname(before, after)
    if before.open is False and after.open:
        yield Difference(Change.OPENED, endpoint, before.state, after.speaks or after.state, name)
    elif before.open and after.open is False:
        yield Difference(Change.CLOSED, endpoint, before.speaks or before.state, _with_reason(after), name)
    elif before.open and after.open:
        if before.speaks and after.speaks and before.speaks != after.speaks:
            yield Difference(Change.SERVICE, endpoint, before.speaks, after.speaks, name)
    elif (before.open or after.open) and Visibility.HOST_ANSWERS_EVERYWHERE not in (before.sight, after.sight):
        yield Difference(Change.UNSURE, endpoint, before.state, after.state, name)


def _finding(change: Change, finding: Finding, before: Side, after: Side) -> Difference:
    return Difference(
        change=change,
        endpoint=finding.observation.endpoint,
        before=before.state,
        after=_with_reason(after),
        hostname=_hostname(before, after),
        finding=finding,
        because=_because(before, after),
    )


def _because(before: Side, after: Side) -> Because:
    """Why a finding came or went. Where the endpoint itself did not change, those who judge it did."""
    if before.open != after.open or before.speaks != after.speaks:
        return Because.NETWORK
    return Because.REGISTRY if before.registry != after.registry and before.open else Because.POLICY


def _with_reason(side: Side) -> str:
    return f"{side.state} ({side.judged.observation.reason})" if side.judged and not side.open else side.state


def _hostname(before: Side, after: Side) -> str:
    return next((s.judged.observation.hostname for s in (after, before) if s.judged), "")
