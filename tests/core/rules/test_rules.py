"""Rules and the judge: one reason speaks of every open endpoint, and ids last."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from scanner.core.model import Endpoint, Observation, RegistryStatus, Severity, State, Transport, Verdict
from scanner.core.registry.registry import Registry
from scanner.core.rules.classify import RULES, Judge, finding_id
from scanner.core.rules.registry_rules import REGISTRY_RULES
from scanner.registry.source import load_bundled

WHEN = datetime(2026, 2, 13, tzinfo=UTC)


def observation(port: int, state: State = State.OPEN, transport: Transport = Transport.TCP) -> Observation:
    return Observation(Endpoint(ip_address("10.0.0.1"), transport, port), state, "syn-ack", WHEN)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_bundled()


def by_status(registry: Registry, status: RegistryStatus, *, elsewhere: bool) -> int:
    ports = registry.ports_with_status(Transport.TCP, status)
    return next(p for p in ports if bool(registry.other_transport_only(Transport.TCP, p)) is elsewhere)


@pytest.mark.parametrize(
    ("status", "rule"),
    [
        (RegistryStatus.UNASSIGNED, "open-unassigned"),
        (RegistryStatus.RESERVED, "open-reserved"),
        (RegistryStatus.DEREGISTERED, "open-deregistered"),
        (RegistryStatus.DYNAMIC, "open-dynamic"),
        (RegistryStatus.PRIVATE_USE, "open-private-use"),
    ],
)
def test_the_status_decides_the_rule(registry: Registry, status: RegistryStatus, rule: str) -> None:
    port = by_status(registry, status, elsewhere=False)
    (finding,) = Judge(registry).judge(observation(port)).findings
    assert finding.rule == rule
    assert finding.verdict is Verdict.UNEXPECTED
    assert finding.severity >= Severity.LOW
    assert finding.registry_status is status
    assert str(port) in finding.detail


def test_assigned_for_the_other_transport_is_more_telling(registry: Registry) -> None:
    port = next(p for p in range(1, 49152) if registry.other_transport_only(Transport.TCP, p) == (Transport.UDP,))
    (finding,) = Judge(registry).judge(observation(port)).findings
    assert finding.rule == "open-other-transport"
    assert "udp only" in finding.detail


def test_assigned_is_undetermined_and_never_called_safe(registry: Registry) -> None:
    (finding,) = Judge(registry).judge(observation(22)).findings
    assert (finding.rule, finding.verdict, finding.severity) == (
        "open-assigned",
        Verdict.UNDETERMINED,
        Severity.INFO,
    )
    assert finding.service == "ssh"
    assert "safe" not in finding.detail


def test_reported_unauthorised_use_is_said_besides(registry: Registry) -> None:
    port = next(
        p
        for p in registry.ports_with_status(Transport.TCP, RegistryStatus.ASSIGNED)
        if registry.lookup(Transport.TCP, p).unauthorised_use
    )
    rules = [finding.rule for finding in Judge(registry).judge(observation(port)).findings]
    assert rules == ["unauthorised-use", "open-assigned"]


def test_folklore_is_not_repeated(registry: Registry) -> None:
    """Web pages call 1551 unassigned; the registry says hecmtl-db. 31337 is eldim, 12345 italk."""
    for port, name in ((1551, "hecmtl-db"), (31337, "eldim"), (12345, "italk")):
        (finding, *_) = Judge(registry).judge(observation(port)).findings
        assert name in finding.service.split()
        assert finding.verdict is not Verdict.UNEXPECTED


def test_every_open_port_has_a_finding_and_closed_ones_have_none(registry: Registry) -> None:
    judge = Judge(registry)
    for port in range(1, 65536, 7):
        assert judge.judge(observation(port)).findings, port
    assert not judge.judge(observation(31000, State.CLOSED)).findings
    assert not judge.judge(observation(31000, State.FILTERED)).findings


def test_rules_are_complete_and_their_ids_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.id == rule.id.lower()
        assert " " not in rule.id
        assert rule.name
        assert len(rule.why) > 60, rule.id
        assert rule.action, rule.id


def test_ids_are_promised() -> None:
    """These stand in people's CSV files: they are only ever added to."""
    assert {rule.id for rule in REGISTRY_RULES} >= {
        "open-unassigned", "open-reserved", "open-deregistered", "open-other-transport", "open-dynamic",
        "open-private-use", "unauthorised-use", "open-assigned",
    }  # fmt: skip
    assert finding_id(observation(8081).endpoint, "open-unassigned") == "f851f30344bc3914"
