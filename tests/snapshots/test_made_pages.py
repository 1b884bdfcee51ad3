"""The pages of docs/ that are made from the code are current, and what they say of policies is true."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from scanner.core.model import Endpoint, Observation, PortKey, State, Transport
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.rules.classify import RULES, Judge
from scanner.core.rules.policy_rules import POLICY_RULES
from scanner.core.targets.ranges import Span
from scanner.registry.overlays import bundled_overlays
from scanner.registry.source import load_bundled
from scripts.make_docs import DOCS, PAGES, SILENCED
from tests.snapshots.snapshot import Snapshots, skip_with_another_typer

PORTS = [*range(1, 1024), 1337, 3306, 3389, 4444, 5900, 6379, 6667, 8123, 12345, 31337, 49151, 49152, 60000]
IDENTITIES = (
    None,
    Identity(Conduct.GREETED, "redis"),
    Identity(Conduct.GREETED, "mysql"),
    Identity(Conduct.GREETED, "vnc"),
)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str, snapshots: Snapshots) -> None:
    if name == "commands.md":
        skip_with_another_typer(snapshots)
    if snapshots.update:
        (DOCS / name).write_text(PAGES[name](), "utf-8")
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run scripts/make-docs"


def test_every_rule_has_a_section_and_every_section_a_rule() -> None:
    text = (DOCS / "rules.md").read_text("utf-8")
    sections = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert sections == [rule.id for rule in RULES]


def spoken(policy: Policy | None) -> set[str]:
    """The rules that speak of open ports of every kind, silent ones and with servers on them."""
    judge = Judge(load_bundled(), policy, bundled_overlays())
    at, address = datetime(2026, 1, 1, tzinfo=UTC), ip_address("10.0.0.1")
    seen = (
        Observation(Endpoint(address, transport, port), State.OPEN, "syn-ack", at, identity=identity)
        for transport in (Transport.TCP, Transport.UDP)
        for port in PORTS
        for identity in IDENTITIES
    )
    return {finding.rule for each in seen for finding in judge.judge(each).findings}


def test_rules_that_a_policy_entry_silences_are_silent_where_one_explains_the_port() -> None:
    ports = frozenset(PortKey(transport, port) for transport in Transport for port in PORTS)
    entry = Entry("all", EntryKind.EXPECT, (Span(4, 0, 2**32 - 1),), frozenset(), ports, owner="IT")
    without, explained = spoken(None), spoken(Policy("office", [entry]))
    assert {"open-unassigned", "threat-listener", "open-database", "open-remote-control", "usual-use"} <= without
    assert not explained & SILENCED
    assert "policy-expected" in explained


def test_rules_said_to_be_about_the_service_are_neither_the_policys_nor_silenced() -> None:
    assert {rule.id for rule in POLICY_RULES}.isdisjoint(SILENCED)
    assert "service-mismatch" in spoken(None) - SILENCED
