"""Judges millions of observations that nobody identified, which differ in little but their address.

What the built-in rules say of such an endpoint follows from its port, state, reason and year, and from the policy's
decision: none of them looks at the address. So the rules are asked once for each such combination.
"""

from typing import TypeAlias

from scanner.core.model import Finding, Judged, Observation, PortKey
from scanner.core.policy.policy import Standing
from scanner.core.rules.classify import Judge, finding_id

_Key: TypeAlias = tuple[object, ...]

MOST_KEPT = 1 << 17
"""Combinations that are remembered: both transports' ports in one state."""


class BulkJudge:
    """Judges as `Judge` does, many times as fast where observations repeat.

    What rules of a caller's say is not remembered, and nothing is where findings are accepted by address.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._known: dict[_Key, tuple[Finding, ...]] = {}

    def judge(self, observation: Observation) -> Judged:
        """Return an observation with its findings, most severe first."""
        policy = self._judge.policy
        if observation.identity is not None or self._judge.has_own_rules or (policy and policy.accepted):
            return self._judge.judge(observation)
        key = self._key(observation)
        known = self._known.get(key)
        if known is None:
            known = self._judge.judge(observation).findings
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[key] = known
        return Judged(observation, tuple([_at(finding, observation) for finding in known]))

    def _key(self, observation: Observation) -> _Key:
        endpoint = observation.endpoint
        return (
            endpoint.transport,
            endpoint.port,
            observation.state,
            observation.reason,
            observation.at.year,
            self._decision(observation),
        )

    def _decision(self, observation: Observation) -> tuple[Standing, int, int] | None:
        """Return what tells the policy's decisions apart; entries live as long as their policy."""
        policy, endpoint = self._judge.policy, observation.endpoint
        if policy is None:
            return None
        port = PortKey(endpoint.transport, endpoint.port)
        found = policy.decide(endpoint.address, observation.hostname, port, observation.at)
        return found.standing, id(found.entry), id(found.required_by)


def _at(finding: Finding, observation: Observation) -> Finding:
    """Return a finding about another endpoint."""
    return Finding(
        finding_id(observation.endpoint, finding.rule),
        observation,
        finding.rule,
        finding.severity,
        finding.verdict,
        finding.detail,
        finding.registry_status,
        finding.service,
        finding.policy_entry,
    )
