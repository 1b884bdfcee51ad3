"""What the answer to a UDP question, and silence with proof, make of a finding."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from scanner.core.model import (
    SILENT_AMONG_CLOSED,
    Endpoint,
    Observation,
    PortKey,
    Severity,
    State,
    Transport,
    Verdict,
)
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.registry.registry import Registry
from scanner.core.rules.classify import Judge
from scanner.core.rules.udp_rules import AMPLIFIERS, READABLE, WITHOUT_LOGIN
from scanner.core.targets.ranges import address_span
from scanner.core.udp.catalogue import QUESTIONS
from scanner.core.udp.question import Question
from scanner.registry.overlays import bundled_overlays
from scanner.registry.source import load_bundled

NOW = datetime(2026, 2, 13, tzinfo=UTC)
HOST = ip_address("10.0.0.1")
REGISTRY: Registry = load_bundled()
JUDGE = Judge(REGISTRY, overlays=bundled_overlays())
DOUBTS = {"service-mismatch", "plaintext-where-tls"}


def seen(
    port: int,
    protocol: str = "",
    detail: str = "",
    *,
    transport: Transport = Transport.UDP,
    state: State = State.OPEN,
    reason: str = "udp-answer",
) -> Observation:
    identity = Identity(Conduct.ANSWERED, protocol, detail=detail) if protocol else None
    return Observation(Endpoint(HOST, transport, port), state, reason, NOW, identity=identity)


def rules(observation: Observation, judge: Judge = JUDGE) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in judge.judge(observation).findings}


def policy(port: int, *, silent: bool = False, required: bool = False, transport: Transport = Transport.UDP) -> Judge:
    ports = frozenset({PortKey(transport, port)})
    entry = Entry(
        "vpn",
        EntryKind.EXPECT,
        (address_span(HOST),),
        frozenset(),
        ports,
        required=ports if required else frozenset(),
        silent=silent,
    )
    return Judge(REGISTRY, Policy("lab", [entry]), bundled_overlays())


def silence(port: int, reason: str = SILENT_AMONG_CLOSED) -> Observation:
    return seen(port, state=State.OPEN_FILTERED, reason=reason)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: f"{each.protocol}-{each.ports[0]}")
def test_no_service_is_a_stranger_at_its_own_port(question: Question) -> None:
    """Neither by the registry's names nor by the software commonly found there."""
    for port in question.ports:
        assert not DOUBTS & rules(seen(port, question.protocol)).keys(), port


def test_another_service_than_the_registered_one_is_a_mismatch() -> None:
    assert rules(seen(161, "sip"))["service-mismatch"] is Severity.MEDIUM
    assert "service-mismatch" in rules(seen(161, "sip"), policy(161))


def test_every_protocol_in_the_tables_is_asked_for() -> None:
    asked = {question.protocol for question in QUESTIONS}
    assert {*AMPLIFIERS, *WITHOUT_LOGIN, *READABLE} <= asked


@pytest.mark.parametrize(
    ("port", "protocol", "detail", "rule"),
    [
        (11211, "memcached", "", "udp-amplifier"),
        (389, "cldap", "", "udp-amplifier"),
        (19, "chargen", "", "udp-amplifier"),
        (1900, "ssdp", "", "udp-amplifier"),
        (123, "ntp", "answers control messages, Linux/6.1", "udp-amplifier"),
        (69, "tftp", "", "udp-without-login"),
        (47808, "bacnet", "", "udp-without-login"),
        (623, "ipmi", "IPMI 2.0, anonymous login", "udp-without-login"),
        (5060, "sip", "", "udp-plaintext"),
        (161, "snmp", "SNMPv2c with a community that was guessed: Linux", "snmp-community-accepted"),
    ],
)
def test_what_answers_by_udp_is_judged_unless_the_policy_expects_it(
    port: int, protocol: str, detail: str, rule: str
) -> None:
    observation = seen(port, protocol, detail)
    assert rule in rules(observation)
    expected = rules(observation, policy(port))
    assert (rule in expected) is (rule == "snmp-community-accepted" or protocol == "ipmi")


@pytest.mark.parametrize(
    ("port", "protocol", "detail"),
    [(123, "ntp", "NTP version 4, stratum 2"), (161, "snmp", "SNMPv3, engine 80"), (53, "dns", ""), (443, "quic", "")],
)
def test_what_is_harmless_to_others_is_no_finding(port: int, protocol: str, detail: str) -> None:
    assert not {rule for rule in rules(seen(port, protocol, detail)) if rule.startswith(("udp-", "snmp-"))}


def test_the_same_service_by_tcp_reflects_nothing() -> None:
    assert "udp-amplifier" not in rules(seen(11211, "memcached", transport=Transport.TCP))


def test_a_silent_port_among_closed_ones_is_a_finding_unless_something_expects_it() -> None:
    (finding,) = JUDGE.judge(silence(51820)).findings
    assert (finding.rule, finding.severity, finding.verdict) == (
        "udp-silent-among-closed",
        Severity.LOW,
        Verdict.UNEXPECTED,
    )
    assert rules(silence(51820), policy(51820)) == {}
    assert rules(silence(51821), policy(51820)).keys() == {"udp-silent-among-closed"}


def test_other_silence_is_no_finding() -> None:
    for reason in ("udp-no-response", "udp-no-response-limited", "udp-silent-host"):
        assert rules(silence(51820, reason)) == {}


@pytest.mark.parametrize("reason", ["udp-no-response", SILENT_AMONG_CLOSED])
def test_a_silent_service_is_as_expected_where_its_silence_is_proven(reason: str) -> None:
    assert rules(silence(51820, reason), policy(51820, silent=True, required=True)).keys() == {"policy-expected"}


def test_without_proof_or_permission_a_silent_required_port_is_undetermined() -> None:
    limited = silence(51820, "udp-no-response-limited")
    assert rules(limited, policy(51820, silent=True, required=True)).keys() == {"required-undetermined"}
    assert rules(silence(51820, "udp-no-response"), policy(51820, required=True)).keys() == {"required-undetermined"}
    closed = seen(51820, state=State.CLOSED, reason="port-unreachable")
    assert rules(closed, policy(51820, silent=True, required=True)).keys() == {"required-missing"}
