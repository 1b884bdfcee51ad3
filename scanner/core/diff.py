"""What changed between two sweeps, said only where both can tell.

A sweep stores its open endpoints and those that were asked for by name. That an endpoint is *not* stored therefore
means "not open" only where the sweep really covered it (`Visibility.COVERED`): the plan holds the endpoint, its wave
was settled whole, nothing in that wave stayed unknown and nothing degraded the sweep. A degraded sweep loses
answers, it does not invent them, so an open endpoint is always believed.

Silence proves nothing. An endpoint that was open and does not answer now may be closed, firewalled, banned from us
or behind a broken path: it is *unsure*, never *closed*, and its findings are not *gone*. Only an answer (a reset, or
something open on which the rule no longer speaks) ends a finding. A finding that rests on the identity of a service
ends only where the later sweep asked the service and got an answer.

A host that answers on every port (`whole_host.py`) is one endpoint more, with port 0, compared as any other. Behind
it no single port can be told apart, which that one endpoint says, instead of an *unsure* for each port.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

from scanner.core.model import REPORTABLE, Endpoint, Finding, Judged, State, Verdict
from scanner.core.plan.reasons import ANSWERS
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.report import SweepInfo
from scanner.core.rules.overlay_rules import OVERLAY_RULES
from scanner.core.rules.service_rules import SERVICE_RULES
from scanner.core.rules.udp_rules import UDP_SERVICE_RULES

_NEEDS_IDENTITY = frozenset(rule.id for rule in (*SERVICE_RULES, *UDP_SERVICE_RULES))
"""The rules that speak only where a service was identified."""
_IDENTITY_SILENCES = frozenset(rule.id for rule in OVERLAY_RULES)
"""The rules that an identity may silence: without one they speak although nothing changed."""
_CERTIFICATE_RULES = frozenset({"certificate-expired", "certificate-expires-soon"})
_ICMP = frozenset(reason.value for reason in ANSWERS)


class Change(StrEnum):
    """What can have happened."""

    OPENED = "opened"
    CLOSED = "closed"
    SERVICE = "changed-service"
    NEW = "new-finding"
    GONE = "gone-finding"
    UNSURE = "unsure"


class Because(StrEnum):
    """What caused a change."""

    NETWORK = "network"
    """The endpoint or the service behind it changed."""
    REGISTRY = "registry"
    """The registry says something else of the port."""
    POLICY = "policy"
    """The policy changed."""
    TIME = "time"
    """A date was passed: a certificate ended or an exception expired."""
    PROGRAM = "program"
    """Another version of this program judged, with other rules or overlays."""


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
class Basis:
    """What judged the observations of a sweep."""

    began: datetime
    """When the sweep began; aware, UTC."""
    registry: str = ""
    """Hex digest of the registry."""
    policy: str = ""
    """Identity of the policy (name and hash), or empty."""
    version: str = ""
    """The version of this program."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one sweep says of one endpoint."""

    visibility: Visibility
    """How well it saw the endpoint."""
    judged: Judged | None
    """What it stored; None where it stored nothing."""
    basis: Basis
    """What judged the sweep."""
    degraded: bool = False
    """Whether the sweep as a whole may have lost answers."""
    all_answered: bool = True
    """Whether every endpoint of the same wave gave an answer, so that one that is not stored was closed."""
    whole_host: bool = False
    """Whether this is about a host that answers on every port."""

    @property
    def open(self) -> bool | None:
        """True or False where the sweep can tell, else None. False includes silence."""
        if self.visibility is Visibility.HOST_ANSWERS_EVERYWHERE:
            return None
        if self.judged is None:
            return False if self.visibility is Visibility.COVERED else None
        state = self.judged.observation.state
        if state is State.OPEN:
            return True
        return None if state in (State.UNKNOWN, State.OPEN_FILTERED) or self.degraded else False

    @property
    def silent(self) -> bool:
        """Whether it did not answer, or may not have, which never proves that something closed."""
        if self.judged is None:
            return self.open is False and not self.all_answered
        return not self.degraded and self.judged.observation.state in (State.FILTERED, State.OPEN_FILTERED)

    @property
    def state(self) -> str:
        """The state in a few words, for people."""
        every = " on every port" if self.whole_host else ""
        if self.judged is not None:
            return self.judged.observation.state.value + every
        if self.open is None:
            return "could not tell"
        return f"not open{every}" + (" (closed or no answer)" if self.silent else "")

    @property
    def now(self) -> str:
        """The state with its reason, as the later of two."""
        if self.judged is None or self.open:
            return self.state
        reason = self.judged.observation.reason
        if self.silent and reason not in _ICMP:
            return f"no longer answers ({reason})"
        return f"{self.state} ({reason})"

    @property
    def identity(self) -> Identity | None:
        """What speaks there, where the service was asked."""
        return self.judged.observation.identity if self.judged else None

    @property
    def identified(self) -> bool:
        """Whether the service was asked and answered."""
        seen = self.identity
        if seen is None or seen.conduct not in (Conduct.GREETED, Conduct.ANSWERED):
            return False
        return bool(seen.protocol) or seen.tls is None or not seen.tls.problem

    @property
    def speaks(self) -> str:
        """The service where it was identified: protocol, product and version."""
        seen = self.identity
        return " ".join(filter(None, (seen.name, seen.product, seen.version))) if seen else ""

    @property
    def reportable(self) -> dict[str, Finding]:
        """The findings that are reported, by rule."""
        findings = self.judged.findings if self.judged else ()
        return {finding.rule: finding for finding in findings if finding.verdict in REPORTABLE}

    @property
    def registry(self) -> tuple[str, str] | None:
        """What the registry said of the port then: status and names."""
        for finding in self.judged.findings if self.judged else ():
            return finding.registry_status.value, finding.service
        return None

    def entry(self, rule: str) -> str:
        """The policy entry on which the finding of a rule rests, or empty."""
        findings = self.judged.findings if self.judged else ()
        return next((finding.policy_entry for finding in findings if finding.rule == rule), "")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed."""

    change: Change
    """What happened."""
    endpoint: Endpoint
    """Where."""
    before: str
    """The state, or the service, in the earlier sweep."""
    after: str
    """The state, or the service, in the later sweep."""
    hostname: str = ""
    """The name by which the user asked for the address, if they gave one."""
    finding: Finding | None = None
    """The finding that came, went or cannot be confirmed."""
    because: Because = Because.NETWORK
    """What caused it."""
    silent: bool = field(default=False, kw_only=True)
    """Whether an endpoint that was open gave no answer in the later sweep."""


def basis_of(info: SweepInfo) -> Basis:
    """Return what judged a sweep."""
    return Basis(info.started, info.registry.sha256, info.policy, info.version)


def differences(endpoint: Endpoint, before: Side, after: Side) -> Iterator[Difference]:
    """Yield what changed at one endpoint."""
    if Visibility.NOT_PLANNED in (before.visibility, after.visibility):
        return
    yield from _endpoint(endpoint, before, after)
    for rule in sorted(after.reportable.keys() - before.reportable.keys()):
        if _is_new(after.reportable[rule], before, after):
            yield _finding(Change.NEW, after.reportable[rule], before, after)
    for rule in sorted(before.reportable.keys() - after.reportable.keys()):
        yield from _lost(before.reportable[rule], before, after)


def _endpoint(endpoint: Endpoint, before: Side, after: Side) -> Iterator[Difference]:
    change, was, now = _endpoint_change(before, after)
    if change:
        silent = change is Change.UNSURE and after.silent
        yield Difference(change, endpoint, was, now, _hostname(before, after), silent=silent)


def _endpoint_change(before: Side, after: Side) -> tuple[Change | None, str, str]:
    if before.open is False and after.open:
        return Change.OPENED, before.state, after.speaks or after.state
    if before.open and after.open is False and not after.silent:
        return Change.CLOSED, before.speaks or before.state, after.now
    if before.open and after.open:
        other = before.speaks and after.speaks and before.speaks != after.speaks
        return Change.SERVICE if other else None, before.speaks, after.speaks
    told_by_host = Visibility.HOST_ANSWERS_EVERYWHERE in (before.visibility, after.visibility)
    unsure = (before.open or after.open) and not told_by_host
    return Change.UNSURE if unsure else None, before.state, after.now


def _is_new(finding: Finding, before: Side, after: Side) -> bool:
    """Whether a finding that only the later sweep has is news."""
    if before.open and before.identified and not after.identified and finding.rule in _IDENTITY_SILENCES:
        return False
    could_tell = before.open is not None and (before.identified or not _needs_identity(finding, before))
    return could_tell or finding.first_seen is None or finding.first_seen >= after.basis.began


def _lost(finding: Finding, before: Side, after: Side) -> Iterator[Difference]:
    """Yield what became of a finding that only the earlier sweep has."""
    if finding.verdict is Verdict.MISSING:
        if after.open is not None:  # wherever a policy still wants the port open, its state is stored
            yield _finding(Change.GONE, finding, before, after)
    elif after.silent or (after.open and _needs_identity(finding, after) and not after.identified):
        yield _finding(Change.UNSURE, finding, before, after)
    elif after.open is not None:
        yield _finding(Change.GONE, finding, before, after)


def _needs_identity(finding: Finding, side: Side) -> bool:
    return side.open is True and finding.rule in _NEEDS_IDENTITY and not side.whole_host


def _finding(change: Change, finding: Finding, before: Side, after: Side) -> Difference:
    return Difference(
        change=change,
        endpoint=finding.observation.endpoint,
        before=before.state,
        after="open, but the service was not identified" if change is Change.UNSURE and after.open else after.now,
        hostname=_hostname(before, after),
        finding=finding,
        because=Because.NETWORK if change is Change.UNSURE else _because(finding, before, after),
        silent=change is Change.UNSURE and after.silent,
    )


def _because(finding: Finding, before: Side, after: Side) -> Because:
    """Return why a finding came or went: the first of these that differs and that the finding depends on."""
    old, new = before.basis, after.basis
    depends_on_identity = finding.rule in _NEEDS_IDENTITY or finding.rule in _IDENTITY_SILENCES
    if before.open != after.open:
        return Because.NETWORK
    if before.open and depends_on_identity and _facts(before.identity) != _facts(after.identity):
        return Because.NETWORK
    if before.open and before.registry != after.registry:
        return Because.REGISTRY
    if finding.rule in _CERTIFICATE_RULES or _lapsed(before, after):
        return Because.TIME
    for was, now, reason in (
        (old.policy, new.policy, Because.POLICY),
        (old.registry, new.registry, Because.REGISTRY),
        (old.version, new.version, Because.PROGRAM),
        (before.speaks, after.speaks, Because.NETWORK),
    ):
        if was != now:
            return reason
    return Because.TIME


def _facts(identity: Identity | None) -> tuple[object, ...]:
    """Return what the service rules look at: what was recognised, and the TLS around it with its certificate."""
    if identity is None:
        return ()
    tls = identity.tls
    inside = (identity.conduct, identity.protocol, identity.product, identity.version, identity.detail)
    return (*inside, (tls.version, tls.certificate) if tls else None)


def _lapsed(before: Side, after: Side) -> bool:
    """Whether the exception that explained the endpoint has expired since."""
    entry = after.entry("policy-expired-exception")
    return bool(entry) and before.entry("policy-excepted") == entry


def _hostname(before: Side, after: Side) -> str:
    return next((s.judged.observation.hostname for s in (after, before) if s.judged), "")
