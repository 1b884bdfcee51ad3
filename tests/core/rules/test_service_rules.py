"""What the service, its certificate, its past and its usual place make of a finding."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from scanner.core.model import Endpoint, Judged, Observation, RegistryStatus, Severity, State, Transport
from scanner.core.recognise.identity import Certificate, Conduct, Identity, Tls
from scanner.core.rules.classify import Judge
from scanner.registry.overlays import bundled_overlays
from scanner.registry.source import load_registry

NOW = datetime(2026, 2, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load_registry(), overlays=bundled_overlays())


def seen(port: int, identity: Identity | None, reason: str = "syn-ack") -> Observation:
    endpoint = Endpoint(ip_address("10.0.0.1"), Transport.TCP, port)
    return Observation(endpoint, State.OPEN, reason, NOW, identity=identity)


def rules(judged: Judged) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in judged.findings}


def certificate(begins: float, ends: float) -> Tls:
    """Valid from and until so many days from now."""
    begin, end = NOW + timedelta(days=begins), NOW + timedelta(days=ends)
    return Tls("TLSv1.3", certificate=Certificate("lab", ("lab",), "lab", begin, end, True, "00"))


SSH = Identity(Conduct.GREETED, "ssh", "OpenSSH", "9.2p1")
WEB = Identity(Conduct.ANSWERED, "http", "nginx")


def test_ssh_on_a_database_port_is_a_mismatch_that_names_both(judge: Judge) -> None:
    judged = judge.judge(seen(1551, SSH))
    assert rules(judged)["service-mismatch"] is Severity.MEDIUM
    [detail] = [finding.detail for finding in judged.findings if finding.rule == "service-mismatch"]
    assert "OpenSSH" in detail
    assert "hecmtl-db" in detail


@pytest.mark.parametrize(
    ("port", "identity"), [(22, SSH), (80, WEB), (8080, WEB), (6379, Identity(Conduct.ANSWERED, "redis"))]
)
def test_what_is_registered_is_no_mismatch(judge: Judge, port: int, identity: Identity) -> None:
    assert not {"service-mismatch", "service-usual-mismatch"} & set(rules(judge.judge(seen(port, identity))))


def test_what_is_commonly_found_there_is_only_information(judge: Judge) -> None:
    said = rules(judge.judge(seen(9200, Identity(Conduct.ANSWERED, "http", "Elasticsearch", "8.11.1", "status 200"))))
    assert said["service-usual-mismatch"] is Severity.INFO
    assert "service-mismatch" not in said


def test_an_unassigned_port_is_no_mismatch_but_stays_a_finding(judge: Judge) -> None:
    assert judge.registry.lookup(Transport.TCP, 27374).status is RegistryStatus.UNASSIGNED
    said = rules(judge.judge(seen(27374, SSH)))
    assert "open-unassigned" in said
    assert "service-mismatch" not in said
    assert said["threat-listener"] is Severity.LOW


def test_nothing_is_guessed_where_nobody_asked_or_nothing_was_recognised(judge: Judge) -> None:
    for identity in (None, Identity(Conduct.SILENT), Identity(Conduct.GREETED, excerpt="hello")):
        assert not {rule for rule in rules(judge.judge(seen(1551, identity))) if rule.startswith(("service", "plain"))}


def test_plain_text_where_tls_is_expected(judge: Judge) -> None:
    assert "plaintext-where-tls" in rules(judge.judge(seen(443, WEB)))
    assert "plaintext-where-tls" not in rules(judge.judge(seen(80, WEB)))
    covered = Identity(Conduct.ANSWERED, "http", "nginx", tls=Tls("TLSv1.3"))
    assert "plaintext-where-tls" not in rules(judge.judge(seen(443, covered)))


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (-100, -1, "certificate-expired"),
        (-100, 29, "certificate-expires-soon"),
        (-100, 31, None),
        (1, 100, "certificate-expired"),
    ],
)
def test_certificates_are_held_against_the_time_of_the_observation(
    judge: Judge, begins: int, ends: int, expected: str | None
) -> None:
    said = rules(judge.judge(seen(443, Identity(Conduct.ANSWERED, "http", tls=certificate(begins, ends)))))
    assert {rule for rule in said if rule.startswith("certificate")} == ({expected} if expected else set())


@pytest.mark.parametrize(
    ("ends", "words"), [(0.5, "on 2026-02-13, within a day"), (1.5, "in 1 day"), (29, "on 2026-03-14, in 29 days")]
)
def test_how_long_a_certificate_has_left_reads_well(judge: Judge, ends: float, words: str) -> None:
    found = judge.judge(seen(443, Identity(Conduct.ANSWERED, "http", tls=certificate(-100, ends)))).findings
    [detail] = [finding.detail for finding in found if finding.rule == "certificate-expires-soon"]
    assert detail.endswith(words)


def test_what_listens_is_only_called_unknown_where_nothing_was_recognised(judge: Judge) -> None:
    for identity, known in ((SSH, True), (None, False), (Identity(Conduct.SILENT), False)):
        found = judge.judge(seen(1551, identity)).findings
        [detail] = [finding.detail for finding in found if finding.rule == "open-assigned"]
        assert ("not verified" in detail) is not known


def test_old_tls_is_said(judge: Judge) -> None:
    assert "tls-outdated" in rules(judge.judge(seen(443, Identity(Conduct.ANSWERED, "http", tls=Tls("TLSv1")))))
    assert "tls-outdated" not in rules(judge.judge(seen(443, Identity(Conduct.ANSWERED, "http", tls=Tls("TLSv1.2")))))


def test_an_open_database_is_worse_without_authentication(judge: Judge) -> None:
    locked = rules(
        judge.judge(seen(6379, Identity(Conduct.ANSWERED, "redis", "Redis", detail="authentication required")))
    )
    wide = rules(judge.judge(seen(6379, Identity(Conduct.ANSWERED, "redis", "Redis", detail="no authentication"))))
    assert "open-database" in locked
    assert "open-without-authentication" not in locked
    assert wide["open-without-authentication"] is Severity.HIGH


def test_elasticsearch_that_answers_is_open_and_one_that_asks_is_not(judge: Judge) -> None:
    answers = Identity(Conduct.ANSWERED, "http", "Elasticsearch", "8.11.1", "no authentication")
    asks = Identity(Conduct.ANSWERED, "http", "Elasticsearch", detail="authentication required")
    assert "open-without-authentication" in rules(judge.judge(seen(9200, answers)))
    assert "open-without-authentication" not in rules(judge.judge(seen(9200, asks)))
    assert "open-database" in rules(judge.judge(seen(9200, asks)))


@pytest.mark.parametrize("port", [389, 636])
def test_a_directory_is_no_open_database_by_itself(judge: Judge, port: int) -> None:
    assert "open-database" not in rules(judge.judge(seen(port, Identity(Conduct.ANSWERED, "ldap", "OpenLDAP"))))


@pytest.mark.parametrize(("port", "product"), [(8118, "Privoxy"), (11371, "sks_www"), (44323, "pmwebapi"), (5993, "x")])
def test_a_service_that_is_http_by_design_is_no_mismatch(judge: Judge, port: int, product: str) -> None:
    said = rules(judge.judge(seen(port, Identity(Conduct.ANSWERED, "http", product))))
    assert not {"service-mismatch", "service-usual-mismatch"} & set(said)


def test_a_product_after_which_the_registered_name_is_called_is_no_mismatch(judge: Judge) -> None:
    named = Identity(Conduct.ANSWERED, "http", "HECMTL-DB")
    assert "service-mismatch" not in rules(judge.judge(seen(1551, named)))
    assert "service-mismatch" in rules(judge.judge(seen(1551, Identity(Conduct.ANSWERED, "http", "hecmtl"))))


@pytest.mark.parametrize(
    ("port", "identity", "said"),
    [
        (25, Identity(Conduct.GREETED, "smtp", "Exim", "4.96"), True),
        (25, Identity(Conduct.GREETED, "smtp"), True),
        (25, Identity(Conduct.GREETED, "smtp", "Postfix"), False),
        (25, SSH, False),
        (25, Identity(Conduct.SILENT), True),
        (8080, Identity(Conduct.ANSWERED, "http", "nginx"), False),
        (9200, Identity(Conduct.ANSWERED, "http", "OpenSearch"), False),
    ],
)
def test_mass_exploitation_of_one_product_is_not_said_of_another(
    judge: Judge, port: int, identity: Identity, said: bool
) -> None:
    assert ("threat-target" in rules(judge.judge(seen(port, identity)))) is said


@pytest.mark.parametrize("protocol", ["telnet", "rdp", "vnc", "x11"])
def test_remote_control_is_said(judge: Judge, protocol: str) -> None:
    assert "open-remote-control" in rules(judge.judge(seen(4, Identity(Conduct.GREETED, protocol))))


def test_a_default_listener_of_malware_is_said_unless_what_belongs_there_was_recognised(judge: Judge) -> None:
    assert "threat-listener" in rules(judge.judge(seen(6667, None)))
    assert "threat-listener" not in rules(judge.judge(seen(6667, Identity(Conduct.ANSWERED, "irc"))))


def test_mass_exploitation_is_mentioned_for_ten_years(judge: Judge) -> None:
    assert "threat-target" in rules(judge.judge(seen(2375, None)))
    [threat] = [each for each in judge.overlays.threats_at(Transport.TCP, 42) if each.year == 2004]
    assert not threat.kind.listens
    assert "threat-target" not in rules(judge.judge(seen(42, None)))


def test_the_usual_occupant_is_named_where_the_registry_says_something_else(judge: Judge) -> None:
    assert "usual-use" in rules(judge.judge(seen(5601, None)))
    assert "usual-use" not in rules(judge.judge(seen(5432, None)))


def test_a_host_that_answers_everywhere_is_one_finding_and_says_nothing_of_port_0(judge: Judge) -> None:
    assert set(rules(judge.judge(seen(0, None, "answers-everywhere")))) == {"host-answers-everywhere"}


def test_a_middlebox_is_told_from_a_service(judge: Judge) -> None:
    assert "no-data-acknowledged" in rules(judge.judge(seen(80, Identity(Conduct.UNACKNOWLEDGED))))
