"""Diff of one endpoint: what may be said of silence, of services that were not asked, and why something changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address

import pytest

from scanner.core.diff import Basis, Because, Change, Difference, Side, Visibility, differences
from scanner.core.model import Endpoint, Judged, Observation, PortKey, State, Transport
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.recognise.identity import Certificate, Conduct, Identity, Tls
from scanner.core.registry.overlays import NO_OVERLAYS, Overlays
from scanner.core.registry.registry import Registry
from scanner.core.rules.classify import Judge
from scanner.core.targets.ranges import network_span
from scanner.registry.overlays import bundled_overlays
from tests.history.conftest import registry

MONDAY = datetime(2026, 6, 1, 22, 5, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
REGISTRY = registry(("ssh", 22), ("https", 443), ("redis", 6379), ("eldim", 31337))
OVERLAYS = bundled_overlays()
REDIS = Identity(Conduct.ANSWERED, "redis", "Redis", "7.0", "no authentication")


def certificate(until: datetime, digest: str = "a" * 64) -> Identity:
    found = Certificate("www", ("www",), "ca", MONDAY - timedelta(days=300), until, False, digest)
    return Identity(Conduct.ANSWERED, "http", "nginx", "1.22", tls=Tls("TLSv1.3", certificate=found))


def side(
    state: State | None = State.OPEN,
    reason: str = "syn-ack",
    *,
    port: int = 8123,
    at: datetime = MONDAY,
    identity: Identity | None = None,
    policy: Policy | None = None,
    using: Registry = REGISTRY,
    overlays: Overlays = OVERLAYS,
    version: str = "1",
    visibility: Visibility = Visibility.COVERED,
    all_answered: bool = True,
    degraded: bool = False,
    first_seen: datetime | None = None,
) -> Side:
    """One sweep's view, judged by the real rules; None for a state is an endpoint that was not stored."""
    basis = Basis(at, using.identity.sha256, policy.identity if policy else "", version)
    judged = None
    if state is not None:
        place = Endpoint(ip_address("10.0.0.1"), Transport.TCP, port)
        seen = Observation(place, state, reason, at, identity=identity if state is State.OPEN else None)
        judged = Judge(using, policy, overlays).judge(seen)
        found = tuple(replace(finding, first_seen=first_seen or at) for finding in judged.findings)
        judged = Judged(seen, found)
    return Side(visibility, judged, basis, degraded, all_answered)


def compared(before: Side, after: Side) -> list[Difference]:
    endpoint = next(each.judged.observation.endpoint for each in (before, after) if each.judged)
    return list(differences(endpoint, before, after))


def said(found: Sequence[Difference]) -> dict[tuple[Change, str], Because]:
    return {(each.change, each.finding.rule if each.finding else ""): each.because for each in found}


def changes(before: Side, after: Side) -> set[tuple[Change, str]]:
    return set(said(compared(before, after)))


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (State.FILTERED, "no-response", "no longer answers (no-response)"),
        (State.FILTERED, "silent-host", "no longer answers (silent-host)"),
        (State.FILTERED, "no-arp-reply", "no longer answers (no-arp-reply)"),
        (State.FILTERED, "icmp-admin-prohibited", "filtered (icmp-admin-prohibited)"),
        (State.OPEN_FILTERED, "udp-no-response", "no longer answers (udp-no-response)"),
    ],
)
def test_a_port_that_no_longer_answers_is_unsure_and_so_are_its_findings(state: State, reason: str, words: str) -> None:
    found = compared(side(), side(state, reason, at=TUESDAY))
    assert set(said(found)) == {(Change.UNSURE, ""), (Change.UNSURE, "open-unassigned")}
    assert {each.after for each in found} == {words}
    assert all(each.silent for each in found)


def test_only_an_answer_closes_a_port_and_ends_its_findings() -> None:
    ended = {(Change.CLOSED, ""), (Change.GONE, "open-unassigned")}
    unsure = {(Change.UNSURE, ""), (Change.UNSURE, "open-unassigned")}
    assert changes(side(), side(State.CLOSED, "reset", at=TUESDAY)) == ended
    assert changes(side(), side(None, at=TUESDAY)) == ended, "its whole wave answered, so it did"
    assert changes(side(), side(None, at=TUESDAY, all_answered=False)) == unsure


@pytest.mark.parametrize(
    "trouble",
    [
        {"visibility": Visibility.INCONCLUSIVE},
        {"visibility": Visibility.INCONCLUSIVE, "state": State.CLOSED, "reason": "reset", "degraded": True},
        {"visibility": Visibility.INCONCLUSIVE, "state": State.UNKNOWN, "reason": "interrupted"},
    ],
)
def test_a_sweep_that_could_not_tell_ends_nothing(trouble: dict[str, object]) -> None:
    after = side(**{"state": None, "at": TUESDAY, **trouble})  # type: ignore[arg-type]
    assert changes(side(), after) == {(Change.UNSURE, "")}


def test_a_port_that_was_silent_and_is_open_is_opened() -> None:
    now = side(at=TUESDAY)
    for was in (side(State.FILTERED, "no-response"), side(None, all_answered=False)):
        assert changes(was, now) == {(Change.OPENED, ""), (Change.NEW, "open-unassigned")}


NOT_ANSWERED = [
    None,
    Identity(Conduct.NOT_ASKED),
    Identity(Conduct.SILENT),
    Identity(Conduct.CLOSED),
    Identity(Conduct.REFUSED),
    Identity(Conduct.ANSWERED, tls=Tls("", problem="handshake failure")),
]


@pytest.mark.parametrize("identity", NOT_ANSWERED)
def test_a_finding_that_rests_on_the_service_is_not_gone_unless_the_service_answered(
    identity: Identity | None,
) -> None:
    before = side(port=6379, identity=REDIS)
    services = {rule for rule in before.reportable if rule.startswith("open-")}
    assert {"open-database", "open-without-authentication"} <= services
    found = [each for each in compared(before, side(port=6379, identity=identity, at=TUESDAY)) if each.finding]
    assert set(said(found)) == {(Change.UNSURE, rule) for rule in services}
    assert {each.after for each in found} == {"open, but the service was not identified"}
    assert not any(each.silent for each in found)


def test_a_service_that_answers_otherwise_ends_its_finding() -> None:
    locked = replace(REDIS, detail="authentication required")
    found = compared(side(port=6379, identity=REDIS), side(port=6379, identity=locked, at=TUESDAY))
    assert said(found) == {(Change.GONE, "open-without-authentication"): Because.NETWORK}


def test_what_only_asking_could_show_is_new_once() -> None:
    before, known = side(port=6379), MONDAY - timedelta(days=1)
    assert changes(before, side(port=6379, identity=REDIS, at=TUESDAY, first_seen=known)) == set()
    fresh = changes(before, side(port=6379, identity=REDIS, at=TUESDAY, first_seen=TUESDAY))
    assert (Change.NEW, "open-database") in fresh


def test_a_rule_that_an_identity_silenced_is_not_news_where_nobody_asked() -> None:
    at_home = Identity(Conduct.GREETED, "ssh")
    usual = registry(("ssh", 31337))
    before = side(port=31337, identity=at_home, using=usual)
    assert "threat-listener" not in before.reportable
    unasked = side(port=31337, using=usual, at=TUESDAY, first_seen=TUESDAY)
    assert "threat-listener" in unasked.reportable
    assert changes(before, unasked) == set()
    stranger = side(port=31337, identity=REDIS, using=usual, at=TUESDAY, first_seen=TUESDAY)
    assert (Change.NEW, "threat-listener") in changes(before, stranger)


def test_a_certificate_that_ends_is_a_matter_of_time_and_one_that_is_renewed_is_not() -> None:
    ending = certificate(TUESDAY - timedelta(hours=1))
    later = {"port": 443, "at": TUESDAY}
    assert said(compared(side(port=443, identity=ending), side(identity=ending, **later))) == {  # type: ignore[arg-type]
        (Change.NEW, "certificate-expired"): Because.TIME,
        (Change.GONE, "certificate-expires-soon"): Because.TIME,
    }
    expect = {"policy": policy(None, "2"), **later}
    edited = said(compared(side(port=443, identity=ending, policy=policy(None)), side(identity=ending, **expect)))  # type: ignore[arg-type]
    assert edited[Change.NEW, "certificate-expired"] is Because.TIME
    renewed = certificate(TUESDAY + timedelta(days=90), "b" * 64)
    assert said(compared(side(port=443, identity=ending), side(identity=renewed, **later))) == {  # type: ignore[arg-type]
        (Change.GONE, "certificate-expires-soon"): Because.NETWORK
    }


def policy(expires: date | None, sha256: str = "1", name: str = "p") -> Policy:
    entry = Entry(
        label="old-box",
        kind=EntryKind.EXCEPTION if expires else EntryKind.EXPECT,
        networks=(network_span("10.0.0.1"),),
        hosts=frozenset(),
        ports=frozenset({PortKey(Transport.TCP, 8123)}),
        expires=expires,
    )
    return Policy(name, [entry], sha256=sha256)


@pytest.mark.parametrize("edited", ["1", "2"])
def test_an_exception_that_ends_is_a_matter_of_time_even_if_the_policy_was_edited_elsewhere(edited: str) -> None:
    was, now = policy(MONDAY.date()), policy(MONDAY.date(), edited)
    assert said(compared(side(policy=was), side(policy=now, at=TUESDAY))) == {
        (Change.NEW, "policy-expired-exception"): Because.TIME,
        (Change.NEW, "open-unassigned"): Because.TIME,
    }


def test_an_exception_that_is_renewed_is_the_policys_doing() -> None:
    was, now = policy(MONDAY.date() - timedelta(days=1)), policy(date(2027, 1, 1), "2")
    assert set(said(compared(side(policy=was), side(policy=now, at=TUESDAY))).values()) == {Because.POLICY}


def test_a_new_policy_is_named_although_the_service_was_asked_only_once() -> None:
    identity = Identity(Conduct.GREETED, "ssh")
    found = compared(side(identity=identity), side(policy=policy(None), at=TUESDAY))
    assert said(found) == {(Change.GONE, "open-unassigned"): Because.POLICY}


def test_the_registry_and_another_version_of_the_program_are_named() -> None:
    assigned = registry(("polestar", 8123), date="2026-05-01")
    assert said(compared(side(), side(using=assigned, at=TUESDAY))) == {
        (Change.GONE, "open-unassigned"): Because.REGISTRY
    }
    older = side(port=31337, overlays=NO_OVERLAYS, version="0")
    assert said(compared(older, side(port=31337, at=TUESDAY))) == {(Change.NEW, "threat-listener"): Because.PROGRAM}


def test_a_port_that_must_be_open_and_is_no_longer_required_is_gone_by_the_policy() -> None:
    entry = replace(policy(None).entries[0], required=frozenset({PortKey(Transport.TCP, 8123)}))
    wanted = Policy("p", [entry], sha256="1")
    missing = side(State.CLOSED, "reset", policy=wanted)
    assert set(missing.reportable) == {"required-missing"}
    assert said(compared(missing, side(None, at=TUESDAY))) == {(Change.GONE, "required-missing"): Because.POLICY}
    assert said(compared(missing, side(policy=wanted, at=TUESDAY))) == {
        (Change.OPENED, ""): Because.NETWORK,
        (Change.GONE, "required-missing"): Because.NETWORK,
    }
    cut_short = side(None, at=TUESDAY, visibility=Visibility.INCONCLUSIVE)
    assert compared(missing, cut_short) == []
