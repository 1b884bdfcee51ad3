"""Judging in bulk says what judging one by one says."""

from datetime import UTC, datetime
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import Case, Endpoint, Judge, Observation, Policy, Rule, Severity, State, Transport, Verdict
from scanner.core.model import PortKey
from scanner.core.policy.policy import Entry, EntryKind
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.rules.bulk import BulkJudge
from scanner.core.targets.ranges import network_span
from scanner.registry.overlays import bundled_overlays
from scanner.registry.source import load_bundled

PORTS = (22, 23, 80, 1551, 4444, 8080, 31337, 50000)
ENTRIES = (
    Entry("a", EntryKind.EXPECT, (network_span("10.0.0.0/30"),), frozenset(), frozenset({PortKey(Transport.TCP, 22)})),
    Entry(
        "b",
        EntryKind.EXCEPTION,
        (network_span("10.0.0.2"),),
        frozenset({"web"}),
        frozenset({PortKey(Transport.TCP, 22), PortKey(Transport.TCP, 8080)}),
        expires=datetime(2026, 6, 1, tzinfo=UTC),
    ),
    Entry(
        "c",
        EntryKind.EXPECT,
        (network_span("10.0.0.4/30"),),
        frozenset(),
        frozenset({PortKey(Transport.UDP, 80)}),
        required=frozenset({PortKey(Transport.UDP, 80)}),
    ),
)
OBSERVATIONS = st.builds(
    Observation,
    st.builds(
        Endpoint,
        st.integers(0, 7).map(lambda last: ip_address(f"10.0.0.{last}")),
        st.sampled_from([Transport.TCP, Transport.UDP]),
        st.sampled_from(PORTS),
    ),
    st.sampled_from(list(State)),
    st.sampled_from(["syn-ack", "reset", "no-response"]),
    st.sampled_from([datetime(year, month, 1, tzinfo=UTC) for year, month in ((2026, 5), (2026, 7), (1999, 1))]),
    hostname=st.sampled_from(["", "web"]),
    identity=st.sampled_from([None, Identity(Conduct.ANSWERED, "ssh")]),
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(OBSERVATIONS, max_size=40), st.booleans())
def test_bulk_and_single_judgement_agree(observations: list[Observation], with_policy: bool) -> None:
    policy = Policy("p", ENTRIES) if with_policy else None
    judge = Judge(load_bundled(), policy, bundled_overlays())
    bulk = BulkJudge(judge)
    for each in observations:
        assert bulk.judge(each) == judge.judge(each)


def test_rules_of_a_caller_see_every_observation() -> None:
    def applies(case: Case) -> str | None:
        return f"last {case.observation.endpoint.address}"

    rule = Rule("mine", "Mine", Severity.LOW, Verdict.UNEXPECTED, "why", "action", applies)
    bulk = BulkJudge(Judge(load_bundled(), rules=(rule,)))
    for last in (1, 2):
        endpoint = Endpoint(ip_address(f"10.0.0.{last}"), Transport.TCP, 22)
        judged = bulk.judge(Observation(endpoint, State.OPEN, "syn-ack", datetime(2026, 1, 1, tzinfo=UTC)))
        assert f"last 10.0.0.{last}" in {finding.detail for finding in judged.findings}
