"""Which entry decides, and what it and the registry say together."""

from dataclasses import replace
from datetime import UTC, date, datetime
from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.model import (
    Endpoint,
    Judged,
    Observation,
    PortKey,
    RegistryIdentity,
    Severity,
    State,
    Transport,
    Verdict,
)
from scanner.core.plan.plan import Plan
from scanner.core.policy.policy import Entry, EntryKind, Policy, Standing
from scanner.core.policy.required import required_places
from scanner.core.recognise.identity import Conduct, Identity, Tls
from scanner.core.registry.registry import Registry, RegistryRow
from scanner.core.rules.classify import Judge
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import TargetSet

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ports(*numbers: int) -> frozenset[PortKey]:
    return frozenset(PortKey(Transport.TCP, number) for number in numbers)


def entry(label: str, networks: str = "", *numbers: int, hosts: str = "", **more: object) -> Entry:
    kind = EntryKind.EXCEPTION if "expires" in more else EntryKind.EXPECT
    return Entry(
        label=label,
        kind=kind,
        networks=tuple(network_span(text) for text in networks.split()),
        hosts=frozenset(hosts.split()),
        ports=ports(*numbers) | more.get("required", frozenset()),  # type: ignore[operator]
        **more,  # type: ignore[arg-type]
    )


def row(service: str, port: int) -> RegistryRow:
    return RegistryRow(service, port, port, (Transport.TCP,), "", "", "", "", "", "", "")


REGISTRY = Registry(
    RegistryIdentity("test", "2026-01-01", "0" * 64, 2), [row("ssh", 22), row("https", 443), row("http", 80)]
)


def judge(policy: Policy, address: str, port: int, state: State = State.OPEN, hostname: str = "") -> Judged:
    endpoint = Endpoint(ip_address(address), Transport.TCP, port)
    return Judge(REGISTRY, policy).judge(Observation(endpoint, state, "why", NOW, hostname=hostname))


def said(judged: Judged) -> dict[str, Verdict]:
    return {finding.rule: finding.verdict for finding in judged.findings}


class TestPrecedence:
    policy = Policy(
        "p",
        [
            entry("wide", "10.0.0.0/8", 22),
            entry("first", "10.0.1.0/24", 22, 80),
            entry("second", "10.0.1.0/24", 22),
            entry("host", "10.0.1.7", 22),
            entry("named", "", 22, hosts="web.example"),
        ],
    )

    @pytest.mark.parametrize(
        ("address", "hostname", "order"),
        [
            ("10.9.9.9", "", ["wide"]),
            ("10.0.1.8", "", ["first", "second", "wide"]),
            ("10.0.1.7", "", ["host", "first", "second", "wide"]),
            ("10.0.1.7", "WEB.example", ["named", "host", "first", "second", "wide"]),
            ("192.0.2.1", "web.example", ["named"]),
            ("192.0.2.1", "", []),
            ("::a00:107", "", []),
        ],
    )
    def test_smallest_network_first_then_order_in_the_file(self, address: str, hostname: str, order: list[str]) -> None:
        found = self.policy.matches(ip_address(address), hostname, PortKey(Transport.TCP, 22))
        assert [match.entry.label for match in found] == order

    def test_only_entries_with_the_port_speak(self) -> None:
        decision = self.policy.decide(ip_address("10.0.1.7"), "", PortKey(Transport.TCP, 80), TODAY)
        assert decision.entry is not None
        assert decision.entry.label == "first"
        udp = self.policy.decide(ip_address("10.0.1.7"), "", PortKey(Transport.UDP, 22), TODAY)
        assert udp.standing is Standing.UNKNOWN

    @given(st.integers(0, 2**10 - 1), st.lists(st.tuples(st.integers(0, 2**10 - 1), st.integers(0, 10))))
    def test_agrees_with_a_search_through_all_entries(self, low: int, networks: list[tuple[int, int]]) -> None:
        base = int(ip_address("10.0.0.0"))
        entries = [
            entry(f"{i}", f"{ip_address(base + (n >> bits << bits))}/{32 - bits}", 1)
            for i, (n, bits) in enumerate(networks)
        ]
        holding = [e for e in entries if e.networks[0].first <= base + low <= e.networks[0].last]
        expected = sorted(holding, key=lambda e: e.networks[0].size)
        found = Policy("p", entries).about(ip_address(base + low))
        assert [match.entry.label for match in found] == [e.label for e in expected]


class TestVerdicts:
    policy = Policy(
        "p",
        [
            entry("web", "10.0.0.0/24", 443, 9999, owner="IT", note="front end"),
            entry("old", "10.0.0.5", 2323, 80, expires=date(2026, 5, 31), ticket="OPS-1"),
            entry("lasting", "10.0.0.6", 2323, expires=date(2026, 6, 1), ticket="OPS-2"),
            entry("drafted", "10.0.0.7", 22, 2323, review=True),
            entry("must", "10.0.0.8", required=ports(80)),
        ],
    )

    def test_an_expected_port_on_an_unassigned_number_is_expected(self) -> None:
        judged = judge(self.policy, "10.0.0.1", 9999)
        assert said(judged) == {"policy-expected": Verdict.EXPECTED}
        assert judged.findings[0].policy_entry == "web"
        assert judged.findings[0].detail == "expected: web, owner IT: front end"

    def test_an_assigned_port_that_the_policy_does_not_know_is_unexpected(self) -> None:
        judged = judge(self.policy, "10.0.0.1", 22)
        assert said(judged) == {"policy-unexpected": Verdict.UNEXPECTED}
        assert "ssh" in judged.findings[0].detail
        assert judged.findings[0].policy_entry == ""

    def test_an_unassigned_port_that_the_policy_does_not_know_keeps_its_finding(self) -> None:
        without = Judge(REGISTRY).judge(judge(self.policy, "10.0.0.1", 2323).observation)
        judged = judge(self.policy, "10.0.0.1", 2323)
        assert said(judged) == {"open-unassigned": Verdict.UNEXPECTED}
        assert judged.findings[0].id == without.findings[0].id, "weeks before the policy can still be joined"

    def test_an_expired_exception_is_a_finding_of_its_own(self) -> None:
        unassigned = judge(self.policy, "10.0.0.5", 2323)
        assert said(unassigned).keys() == {"policy-expired-exception", "open-unassigned"}
        assigned = judge(self.policy, "10.0.0.5", 80)
        assert said(assigned) == {"policy-expired-exception": Verdict.UNEXPECTED}
        assert "OPS-1" in assigned.findings[0].detail
        assert "2026-05-31" in assigned.findings[0].detail

    def test_an_exception_holds_on_its_last_day(self) -> None:
        assert said(judge(self.policy, "10.0.0.6", 2323)) == {"policy-excepted": Verdict.EXPECTED}
        later = self.policy.as_of_day(date(2026, 6, 2))
        assert "policy-expired-exception" in said(judge(later, "10.0.0.6", 2323))

    def test_what_is_marked_for_review_is_not_expected_yet(self) -> None:
        assert said(judge(self.policy, "10.0.0.7", 22)) == {"policy-unreviewed": Verdict.UNDETERMINED}
        assert said(judge(self.policy, "10.0.0.7", 2323)) == {"open-unassigned": Verdict.UNEXPECTED}

    @pytest.mark.parametrize(
        ("state", "rule", "verdict"),
        [
            (State.OPEN, "policy-expected", Verdict.EXPECTED),
            (State.CLOSED, "required-missing", Verdict.MISSING),
            (State.FILTERED, "required-missing", Verdict.MISSING),
            (State.UNKNOWN, "required-undetermined", Verdict.UNDETERMINED),
        ],
    )
    def test_a_required_port(self, state: State, rule: str, verdict: Verdict) -> None:
        judged = judge(self.policy, "10.0.0.8", 80, state)
        assert said(judged) == {rule: verdict}
        assert judged.findings[0].policy_entry == "must"

    def test_closed_and_not_required_is_nothing(self) -> None:
        assert judge(self.policy, "10.0.0.1", 22, State.CLOSED).findings == ()

    def test_a_policy_may_change_the_severity_of_a_rule(self) -> None:
        loud = Policy("p", [], severities={"open-unassigned": Severity.HIGH})
        assert judge(loud, "10.0.0.1", 2323).severity is Severity.HIGH
        assert judge(self.policy, "10.0.0.1", 2323).severity is Severity.MEDIUM

    def test_without_a_policy_an_assigned_port_is_undetermined(self) -> None:
        observation = judge(self.policy, "10.0.0.1", 22).observation
        assert said(Judge(REGISTRY).judge(observation)) == {"open-assigned": Verdict.UNDETERMINED}


def test_required_places_of_a_wave_are_those_that_a_search_finds() -> None:
    policy = Policy(
        "p",
        [
            entry("a", "10.0.0.0/30 fd00::/127", required=ports(22, 80)),
            entry("b", "10.0.0.3 10.0.0.9", required=ports(443)),
            entry("c", "10.0.0.0/24", required=ports(25), review=True),
            entry("d", "10.0.0.0/24", 25),
            entry("e", "10.0.0.4/31", required=frozenset({PortKey(Transport.UDP, 53), PortKey(Transport.UDP, 80)})),
        ],
    )
    targets = TargetSet([network_span("10.0.0.0/28"), network_span("fd00::/126")])
    plan = Plan(targets, (22, 25, 80, 443), seed=7, wave_size=50, udp_ports=(22, 53, 80))
    asked = required_places(policy)
    for number in range(plan.waves):
        wave = plan.wave(number)
        places = asked(wave)
        assert list(places) == sorted(set(places.tolist()))
        for place in range(len(wave)):
            key = PortKey(wave.endpoint(place).transport, int(wave.port[place]))
            decision = policy.decide(wave.address(place), "", key, TODAY)
            assert (decision.required_by is not None) == (place in places)


def test_a_policy_without_required_ports_asks_for_nothing() -> None:
    plan = Plan(TargetSet([network_span("10.0.0.0/28")]), (22,), seed=7)
    places = required_places(Policy("p", [entry("d", "10.0.0.0/24", 22)]))(plan.wave(0))
    assert places.dtype == np.intp
    assert len(places) == 0


SSH = Identity(Conduct.GREETED, "ssh", "OpenSSH", "9.2p1")
WEB = Identity(Conduct.ANSWERED, "http", "nginx")
SECURE_WEB = Identity(Conduct.ANSWERED, "http", "nginx", tls=Tls("TLSv1.3"))
SEALED = Identity(Conduct.ANSWERED, tls=Tls("TLSv1.3"))


@pytest.mark.parametrize(
    ("word", "identity", "replaced"),
    [
        ("http", WEB, False),
        ("http", SECURE_WEB, False),
        ("https", SECURE_WEB, False),
        ("https", WEB, True),
        ("http-alt", WEB, False),
        ("http", SSH, True),
        ("ssh", WEB, True),
        ("https", SEALED, False),
        ("http", SEALED, False),
        ("ssh", SEALED, True),
        ("ssh", None, False),
        ("ssh", Identity(Conduct.SILENT), False),
    ],
)
def test_a_service_replaced_behind_an_expected_port_is_a_finding(
    word: str, identity: Identity | None, replaced: bool
) -> None:
    expected = entry("web", "10.0.0.0/24", 8081, services={PortKey(Transport.TCP, 8081): word})
    for named in (expected, replace(expected, kind=EntryKind.EXCEPTION, expires=date(2026, 12, 31))):
        endpoint = Endpoint(ip_address("10.0.0.1"), Transport.TCP, 8081)
        seen = Observation(endpoint, State.OPEN, "syn-ack", NOW, identity=identity)
        said = {finding.rule: finding for finding in Judge(REGISTRY, Policy("p", [named])).judge(seen).findings}
        assert ("policy-other-service" in said) is replaced
        assert bool({"policy-expected", "policy-excepted"} & set(said)) is not replaced
        if replaced:
            assert said["policy-other-service"].verdict is Verdict.UNEXPECTED
            assert said["policy-other-service"].policy_entry == "web"
            assert f"the policy expects {word}" in said["policy-other-service"].detail


def test_a_port_without_a_named_service_takes_anything() -> None:
    named = entry("web", "10.0.0.0/24", 8081, 22, services={PortKey(Transport.TCP, 8081): "http"})
    endpoint = Endpoint(ip_address("10.0.0.1"), Transport.TCP, 22)
    seen = Observation(endpoint, State.OPEN, "syn-ack", NOW, identity=WEB)
    assert "policy-other-service" not in {
        finding.rule for finding in Judge(REGISTRY, Policy("p", [named])).judge(seen).findings
    }
