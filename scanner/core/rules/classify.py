"""Observations in, findings out: the one place where every rule is applied to every case.

The judge holds what rules need (the registry, the overlays, a policy) and nothing that changes.
"""

from dataclasses import replace
from hashlib import sha256

from scanner.core.model import REPORTABLE, Endpoint, Finding, Judged, Observation, PortKey, Severity, Verdict
from scanner.core.policy.policy import Decision, Entry, Policy
from scanner.core.registry.overlays import NO_OVERLAYS, Overlays
from scanner.core.registry.registry import Registry
from scanner.core.rules.overlay_rules import OVERLAY_RULES
from scanner.core.rules.policy_rules import POLICY_RULES
from scanner.core.rules.registry_rules import REGISTRY_RULES
from scanner.core.rules.rule import Case, Rule
from scanner.core.rules.service_rules import SERVICE_RULES
from scanner.core.rules.udp_rules import UDP_RULES

RULES: tuple[Rule, ...] = REGISTRY_RULES + POLICY_RULES + SERVICE_RULES + UDP_RULES + OVERLAY_RULES
"""Every rule, in the order in which `scanner rule` lists them."""


def finding_id(endpoint: Endpoint, rule: str) -> str:
    """Return an id that is stable over sweeps: a hash of address, port, transport and rule.

    The leading letter keeps spreadsheets from reading some of them as numbers (`1234e56`), which breaks joins.
    """
    text = f"{endpoint.address}|{endpoint.port}|{endpoint.transport}|{rule}"
    return "f" + sha256(text.encode()).hexdigest()[:15]


class Judge:
    """Judges observations by the registry, the overlays, and a policy where there is one."""

    def __init__(
        self,
        registry: Registry,
        policy: Policy | None = None,
        overlays: Overlays = NO_OVERLAYS,
        rules: tuple[Rule, ...] = (),
    ) -> None:
        """`rules` are asked after the built-in ones."""
        self.registry, self.policy, self.overlays = registry, policy, overlays
        self._rules = RULES + rules
        self.has_own_rules = bool(rules)

    def judge(self, observation: Observation) -> Judged:
        """Return an observation with its findings, most severe first; an open one has at least one."""
        case = self._case(observation)
        spoken = ((rule, rule.applies(case)) for rule in self._rules)
        findings = [self._finding(case, rule, detail) for rule, detail in spoken if detail is not None]
        return Judged(observation, tuple(sorted(findings, key=lambda f: -f.severity)))

    def _case(self, observation: Observation) -> Case:
        transport, port = observation.endpoint.transport, observation.endpoint.port
        return Case(
            observation=observation,
            record=self.registry.lookup(transport, port),
            assigned_elsewhere=self.registry.other_transport_only(transport, port),
            decision=self._decision(observation),
            usual=self.overlays.usual_at(transport, port),
            threats=self.overlays.threats_at(transport, port),
        )

    def _decision(self, observation: Observation) -> Decision | None:
        if self.policy is None:
            return None
        endpoint = observation.endpoint
        port = PortKey(endpoint.transport, endpoint.port)
        return self.policy.decide(endpoint.address, observation.hostname, port, observation.at)

    def _finding(self, case: Case, rule: Rule, detail: str) -> Finding:
        found = self._as_spoken(case, rule, detail)
        if self.policy is None or not self.policy.accepted or found.verdict not in REPORTABLE:
            return found
        seen, port = case.observation, PortKey(case.observation.endpoint.transport, case.observation.endpoint.port)
        entry = self.policy.accepting(seen.endpoint.address, seen.hostname, port, rule.id, seen.at)
        return _accepted(found, entry) if entry else found

    def _as_spoken(self, case: Case, rule: Rule, detail: str) -> Finding:
        return Finding(
            id=finding_id(case.observation.endpoint, rule.id),
            observation=case.observation,
            rule=rule.id,
            severity=self._severity(rule),
            verdict=rule.verdict,
            detail=detail,
            registry_status=case.record.status,
            service=case.record.service,
            policy_entry=_entry(case.decision, rule),
        )

    def _severity(self, rule: Rule) -> Severity:
        return self.policy.severities.get(rule.id, rule.severity) if self.policy else rule.severity


def _accepted(finding: Finding, entry: Entry) -> Finding:
    """Return a finding as one that someone has accepted."""
    return replace(
        finding,
        severity=Severity.INFO,
        verdict=Verdict.EXPECTED,
        detail=f"accepted until {entry.expires}: {entry}; {finding.detail}",
        policy_entry=entry.label,
    )


def _entry(decision: Decision | None, rule: Rule) -> str:
    """Return the label of the policy entry that a finding rests on."""
    if decision is None:
        return ""
    entry = decision.required_by if rule.by_requirement else decision.entry
    return entry.label if entry else ""
