"""Differences as lines, JSON, CSV, and as the mail that cron sends."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from scanner.core.diff import Because, Change, Difference
from scanner.core.model import (
    Coverage,
    Endpoint,
    Finding,
    Observation,
    RegistryIdentity,
    RegistryStatus,
    Severity,
    State,
    Transport,
    Verdict,
)
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.classify import RULES
from scanner.core.sanitise import csv_cell, is_inert
from scanner.outputs.change_report import MOST_SHOWN, AuditRunReport, change_report
from scanner.outputs.changes import CHANGE_COLUMNS, change_csv, change_json, change_lines
from tests.fuzz.hostile_payloads import TEXTS

NOW = datetime(2026, 6, 8, 2, 15, tzinfo=UTC)
ENDPOINT = Endpoint(ip_address("10.0.0.7"), Transport.TCP, 8123)
SEEN = Observation(ENDPOINT, State.OPEN, "syn-ack", NOW, hostname="web.example")
FINDING = Finding(
    "0123456789abcdef", SEEN, "open-unassigned", Severity.MEDIUM, Verdict.UNEXPECTED,
    "8123/tcp is assigned to no service in the registry", RegistryStatus.UNASSIGNED, first_seen=NOW,
)  # fmt: skip
NEW = Difference(Change.NEW, ENDPOINT, "not open", "open", "web.example", FINDING)
CLOSED = Difference(Change.CLOSED, ENDPOINT, "open", "closed (reset)")
INFO = SweepInfo(
    "20260608T021500Z-0001", NOW, "1", "t", "p", 1, 1, "fake", "", 1, "1/1", RegistryIdentity("r", "2026-01-01", "0", 1)
)  # fmt: skip
BEFORE = replace(INFO, sweep_id="20260607T021500Z-0000", started=NOW - timedelta(days=1))
SUMMARY = Summary(INFO, NOW, Coverage(planned=1, open=1), {}, {Severity.MEDIUM: 1}, {Verdict.UNEXPECTED: 1})


def night(*changes: Difference, **more: object) -> AuditRunReport:
    return AuditRunReport(**{"name": "office", "summary": SUMMARY, "before": BEFORE, "changes": changes, **more})  # type: ignore[arg-type]


def test_a_difference_is_a_line_an_object_and_a_row() -> None:
    (line,) = change_lines([NEW])
    assert line.startswith("new-finding      10.0.0.7:8123/tcp (web.example) medium open-unassigned: 8123/tcp is")
    (text,) = change_json([NEW])
    told = json.loads(text)
    assert [key for key in told if key not in ("schema_version", "type")] == list(CHANGE_COLUMNS)
    assert (told["change"], told["port"], told["finding_id"]) == ("new-finding", 8123, FINDING.id)
    header, row, closed = csv.reader(change_csv([NEW, CLOSED]))
    assert tuple(header) == CHANGE_COLUMNS
    assert row[:5] == ["new-finding", "10.0.0.7", "web.example", "8123", "tcp"]
    assert closed[0] == "closed"
    assert set(closed[8:]) == {""}


def test_what_somebody_else_changed_says_so() -> None:
    (line,) = change_lines([replace(NEW, because=Because.REGISTRY)])
    assert line.endswith("(because of the registry)")
    assert "because of the policy" in change_report(night(replace(NEW, because=Because.POLICY)), RULES)


def test_a_date_that_has_passed_and_another_program_are_named() -> None:
    for because, words in ((Because.TIME, "a date has passed"), (Because.PROGRAM, "another version of scanner")):
        (line,) = change_lines([replace(NEW, because=because)])
        assert line.endswith((f"(because {words})", f"(because of {words})"))
        assert words in change_report(night(replace(NEW, because=because)), RULES)


def test_ports_that_no_longer_answer_are_one_block_a_host_and_never_gone() -> None:
    after = "no longer answers (no-response)"
    silent = Difference(Change.UNSURE, ENDPOINT, "open", after, "web.example", FINDING, silent=True)
    other = replace(silent, endpoint=replace(ENDPOINT, port=22), finding=replace(FINDING, severity=Severity.LOW))
    report = change_report(night(silent, other), RULES)
    assert report.startswith("office: 2 ports no longer answering since")
    block = report.partition("No longer answers:\n")[2].partition("\n\n")[0]
    assert block.splitlines() == [
        "  10.0.0.7 (web.example)",
        "    ports     8123/tcp, 22/tcp",
        "    why       no longer answers (no-response)",
    ]
    assert "Gone" not in report


def test_what_was_only_not_asked_is_no_reason_for_a_report() -> None:
    unasked = Difference(Change.UNSURE, ENDPOINT, "open", "open, but the service was not identified", "", FINDING)
    assert change_report(night(unasked), RULES) == ""
    (line,) = change_lines([unasked])
    assert line.endswith("medium open-unassigned: open -> open, but the service was not identified")


def test_a_sweep_that_is_dated_after_a_later_one_is_noted() -> None:
    ahead = replace(BEFORE, sweep_id="20360607T021500Z-0000", started=NOW + timedelta(days=3650))
    report = change_report(night(NEW, before=ahead), RULES)
    assert "Sweep 20360607T021500Z-0000 ran earlier and has a later date: the clock was wrong." in report


def test_the_headline_counts_in_good_grammar() -> None:
    other = Difference(Change.SERVICE, ENDPOINT, "ssh", "http")
    assert change_report(night(other), RULES).startswith("office: 1 service changed since")
    assert change_report(night(other, NEW, NEW, other), RULES).startswith("office: 2 new findings, 2 services changed")


def test_a_quiet_night_says_nothing_unless_it_is_asked_to() -> None:
    quiet = night(CLOSED)
    assert change_report(quiet, RULES) == ""
    assert "nothing changed since the sweep of 2026-06-07 02:15 UTC" in change_report(quiet, RULES, always=True)


@pytest.mark.parametrize(
    "trouble",
    [
        {"degraded": ("the link was down for 3 s",)},
        {"interrupted": True},
        {"coverage": Coverage(planned=2, open=1, unknown=1)},
        {"coverage": Coverage()},
    ],
)
def test_a_night_that_could_not_look_at_everything_is_never_quiet(trouble: dict[str, object]) -> None:
    report = change_report(night(summary=replace(SUMMARY, **trouble)), RULES)  # type: ignore[arg-type]
    assert "INCOMPLETE" in report
    assert "No findings" not in report
    if "degraded" in trouble:
        assert "the link was down for 3 s" in report


def test_what_to_do_is_said_once_for_each_rule_and_worst_comes_first() -> None:
    high = replace(NEW, finding=replace(FINDING, severity=Severity.HIGH, rule="open-reserved"))
    report = change_report(night(NEW, NEW, high), RULES)
    assert report.index("open-reserved") < report.index("open-unassigned")
    assert report.count("Find the process that listens") == 2
    assert report.startswith("office: 3 new findings since")


def test_more_than_a_mail_can_hold_is_counted() -> None:
    report = change_report(night(*[NEW] * (MOST_SHOWN + 5), csv="/tmp/all.csv"), RULES)
    assert report.count("10.0.0.7:8123/tcp") == MOST_SHOWN
    assert "... and 5 more." in report
    assert "/tmp/all.csv" in report


def test_what_came_back_says_since_when_it_is_known() -> None:
    known = replace(FINDING, first_seen=NOW - timedelta(days=30))
    report = change_report(night(replace(NEW, finding=known)), RULES)
    assert "2026-05-09 02:15 UTC; back again on 2026-06-08 02:15 UTC" in report


def test_what_a_peer_said_is_inert() -> None:
    for payload in TEXTS:
        check_inert(payload)


def check_inert(text: str) -> None:
    seen = replace(SEEN, hostname=text, evidence=text, identity=Identity(Conduct.GREETED, "http", text, text, text))
    finding = replace(FINDING, observation=seen, detail=text, service=text, policy_entry=text)
    changes = [
        Difference(Change.NEW, ENDPOINT, text, text, text, finding),
        Difference(Change.GONE, ENDPOINT, text, text, text, finding),
        Difference(Change.SERVICE, ENDPOINT, text, text, text),
    ]
    lines = [*change_lines(changes), *change_json(changes), *change_csv(changes)]
    assert len(lines) == 3 + 3 + 4
    assert is_inert("".join(lines).replace("\r", ""))
    cells = [cell for row in csv.reader(change_csv(changes)) for cell in row]
    assert all(csv_cell(cell) == cell for cell in cells)
    report = change_report(night(*changes, name=text, csv=text, history=text), RULES)
    assert is_inert(report.replace("\n", ""))
    assert len(report) < 40_000
