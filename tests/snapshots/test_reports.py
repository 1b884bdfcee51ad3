"""Each kind of report, from the sample sweep that the tests of outputs share."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanner.cli.views.listening_view import csv_lines, json_lines, table_lines
from scanner.core.diff import Because, Change, Difference
from scanner.core.model import Coverage, Endpoint, Judged, Severity, Transport
from scanner.core.report import Summary
from scanner.core.rules.classify import RULES
from scanner.listening import Holder, ListeningSocket
from scanner.outputs.change_report import AuditRunReport, change_report
from scanner.outputs.changes import change_csv, change_json, change_lines
from scanner.outputs.destination import destination_for
from scanner.outputs.formats import FORMATS, Format, FormatOptions
from scanner.outputs.summary import SummaryLines
from scanner.outputs.table_rows import plain_table, table_rows
from scanner.outputs.terminal import painted_table
from tests.outputs.samples import INFO, RESULTS, STARTED, SUMMARY, judged, run
from tests.snapshots.snapshot import Snapshots, normalise

DEGRADED = replace(
    SUMMARY,
    coverage=Coverage(planned=361442, sent=412345, answered=30322, open=22, closed=30300, filtered=330820, unknown=300),
    degraded=("12 answers dropped because the receive buffer was full",),
    notes=("the registry is older than a year",),
    interrupted=True,
)
SUMMARIES: dict[str, Summary] = {
    "findings": SUMMARY,
    "clean": replace(SUMMARY, findings={}, verdicts={}),
    "degraded": DEGRADED,
    "nothing-scanned": replace(SUMMARY, coverage=Coverage(), findings={}, verdicts={}),
}
WEB = Endpoint(ip_address("10.0.0.7"), Transport.TCP, 8123)
FINDING = judged("10.0.0.7", 8123, detail="8123/tcp is assigned to no service in the registry").findings[0]
CHANGES = (
    Difference(Change.NEW, WEB, "not open", "open", "web.example", replace(FINDING, first_seen=STARTED)),
    Difference(Change.NEW, WEB, "open", "open", "", replace(FINDING, severity=Severity.LOW), Because.POLICY),
    Difference(Change.GONE, WEB, "open", "closed (reset)", "", FINDING),
    Difference(Change.SERVICE, WEB, "ssh", "http"),
    Difference(Change.CLOSED, WEB, "open", "closed (reset)"),
)
BEFORE = replace(INFO, sweep_id="20260212T220501Z-0000", started=STARTED - timedelta(days=1))
LISTENING = (
    (
        ListeningSocket(
            Endpoint(ip_address("0.0.0.0"), Transport.TCP, 8123),
            Holder(
                4711, "web", "www-data", "/usr/bin/web", "/usr/bin/web --port 8123", datetime(2026, 1, 1, tzinfo=UTC)
            ),
        ),
        Judged(FINDING.observation, (FINDING,)),
    ),
    (ListeningSocket(Endpoint(ip_address("127.0.0.1"), Transport.UDP, 53)), RESULTS[2]),
)


def lines(made: Iterable[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in made)


def written(each: Format, folder: Path, *, all_open: bool) -> str:
    """Return the file that a format makes of the sample sweep."""
    path = folder / f"file{each.suffixes[0]}"
    run(each.make(destination_for(str(path)), FormatOptions(all_open=all_open)))
    return normalise(path.read_bytes().decode(), folder)


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
@pytest.mark.parametrize("all_open", [False, True], ids=["findings", "all-open"])
def test_a_file_that_programs_read(each: Format, all_open: bool, tmp_path: Path, snapshots: Snapshots) -> None:
    """What `all_open` does not change is recorded once."""
    name = f"format-{each.name}{'-all-open' if all_open else ''}{each.suffixes[0]}"
    whole, telling = (written(each, tmp_path, all_open=choice) for choice in (True, False))
    if not all_open or whole != telling:
        snapshots.check(f"reports/{name}", whole if all_open else telling)


def test_the_table(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots.check("reports/table-in-a-pipe.txt", plain_table(table_rows(RESULTS)))
    monkeypatch.setenv("NO_COLOR", "1")
    snapshots.check("reports/table-on-80-columns.txt", lines(painted_table(table_rows(RESULTS), 80, "").splitlines()))


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_summary(name: str, snapshots: Snapshots) -> None:
    stream = io.StringIO()
    run(SummaryLines(stream), (), SUMMARIES[name])
    snapshots.check(f"reports/summary-{name}.txt", stream.getvalue())


@pytest.mark.parametrize("name", ["findings", "degraded"])
def test_the_change_report(name: str, snapshots: Snapshots) -> None:
    night = AuditRunReport("office", SUMMARIES[name], BEFORE, CHANGES, csv="/srv/audit/findings.csv")
    snapshots.check(f"reports/change-report-{name}.txt", change_report(night, RULES))


def test_a_first_run_and_a_quiet_one_when_asked(snapshots: Snapshots) -> None:
    first, quiet = (AuditRunReport("office", SUMMARIES["clean"], before, ()) for before in (None, BEFORE))
    text = "\n".join(change_report(night, RULES, always=True) for night in (first, quiet))
    snapshots.check("reports/change-report-quiet.txt", text)


def test_what_diff_prints(snapshots: Snapshots) -> None:
    snapshots.check("reports/diff.txt", lines(change_lines(CHANGES)))
    snapshots.check("reports/diff.csv", lines(change_csv(CHANGES)))
    snapshots.check("reports/diff.jsonl", lines(change_json(CHANGES)))


def test_what_listening_prints(snapshots: Snapshots) -> None:
    snapshots.check("reports/listening.txt", lines(table_lines(LISTENING, whole=True)))
    snapshots.check("reports/listening.csv", lines(csv_lines(LISTENING)))
    snapshots.check("reports/listening.jsonl", lines(json_lines(LISTENING)))
