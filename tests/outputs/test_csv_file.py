"""The CSV as promised: these columns, this order, these words."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from scanner.core.model import Severity, State, Verdict
from scanner.outputs.csv_file import CsvFile
from scanner.outputs.destination import destination_for
from scanner.outputs.record import iso
from tests.outputs.samples import RESULTS, SUMMARY, also, judged, run

HEADER = (
    "finding_id,sweep_id,observed_at,address,hostname,port,transport,state,reason,rtt_ms,registry_status,service,"
    "verdict,severity,rule,detail,evidence,first_seen,policy_entry,registry_date"
)


def written(path: Path, **how: bool) -> bytes:
    run(CsvFile(destination_for(str(path)), **how))
    return path.read_bytes()


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_header_lines_and_encoding(tmp_path: Path) -> None:
    data = written(tmp_path / "f.csv")
    lines = data.split(b"\r\n")
    assert lines[0].decode() == HEADER
    assert lines[-1] == b""
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert not data.startswith(b"\xef\xbb\xbf")


def test_without_findings_there_is_a_header_only(tmp_path: Path) -> None:
    run(CsvFile(destination_for(str(tmp_path / "f.csv"))), results=())
    assert (tmp_path / "f.csv").read_text() == HEADER + "\n"


def test_one_row_for_each_unexpected_or_missing_finding_in_order(tmp_path: Path) -> None:
    found = [(row["address"], row["port"], row["rule"], row["verdict"]) for row in rows(written(tmp_path / "f.csv"))]
    assert found == [
        ("9.255.255.255", "8080", "open-unassigned", "unexpected"),
        ("9.255.255.255", "8080", "unauthorised-use", "unexpected"),
        ("10.0.0.30", "443", "required-missing", "missing"),
        ("2001:db8::5", "31338", "open-unassigned", "unexpected"),
    ]


def test_all_open_adds_every_open_endpoint_in_order(tmp_path: Path) -> None:
    found = [(row["address"], row["port"]) for row in rows(written(tmp_path / "f.csv", all_open=True))]
    assert found == [
        ("9.255.255.255", "8080"),
        ("9.255.255.255", "8080"),
        ("10.0.0.9", "22"),
        ("10.0.0.9", "80"),
        ("10.0.0.30", "443"),
        ("10.0.0.100", "22"),
        ("2001:db8::5", "31338"),
    ]
    assert set(found) == {(str(r.observation.endpoint.address), str(r.observation.endpoint.port)) for r in RESULTS}


def test_all_open_adds_nothing_that_is_closed_as_it_should_be(tmp_path: Path) -> None:
    closed = judged(verdict=Verdict.EXPECTED, state=State.CLOSED)
    run(CsvFile(destination_for(str(tmp_path / "f.csv")), all_open=True), results=(closed,))
    assert rows((tmp_path / "f.csv").read_bytes()) == []


def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    run(CsvFile(destination_for(str(tmp_path / "g.csv")), all_open=True), results=RESULTS[::-1])
    assert (tmp_path / "g.csv").read_bytes() == written(tmp_path / "f.csv", all_open=True)


def test_every_column_of_a_row(tmp_path: Path) -> None:
    one = judged("10.0.0.5", 1030, detail='says "no", really', evidence="\x1b[2J", hostname="db1.example.org")
    finding = replace(one.findings[0], policy_entry="=office", first_seen=datetime(2026, 1, 2, tzinfo=UTC))
    run(CsvFile(destination_for(str(tmp_path / "f.csv"))), results=(replace(one, findings=(finding,)),))
    assert rows((tmp_path / "f.csv").read_bytes()) == [
        {
            "finding_id": "10.0.0.5-1030-open-unassigned",
            "sweep_id": "20260213T220501Z-3f9a",
            "observed_at": "2026-02-13T22:05:02.123Z",
            "address": "10.0.0.5",
            "hostname": "db1.example.org",
            "port": "1030",
            "transport": "tcp",
            "state": "open",
            "reason": "syn-ack",
            "rtt_ms": "214e-3",
            "registry_status": "unassigned",
            "service": "",
            "verdict": "unexpected",
            "severity": "medium",
            "rule": "open-unassigned",
            "detail": 'says "no", really',
            "evidence": r"\x1b[2J",
            "first_seen": "2026-01-02T00:00:00.000Z",
            "policy_entry": "'=office",
            "registry_date": "2026-02-12",
        }
    ]


@pytest.mark.parametrize(
    ("seconds", "cell"), [(0.000017, "17e-3"), (0.012123, "12123e-3"), (1.0, "1000000e-3"), (0.0, "0e-3")]
)
def test_no_locale_misreads_a_number(tmp_path: Path, seconds: float, cell: str) -> None:
    one = judged()
    finding = replace(one.findings[0], observation=replace(one.observation, rtt=seconds))
    run(CsvFile(destination_for(str(tmp_path / "f.csv"))), results=(replace(one, findings=(finding,)),))
    (row,) = rows((tmp_path / "f.csv").read_bytes())
    assert row["rtt_ms"] == cell
    assert float(cell) == pytest.approx(seconds * 1000)


SOFFICE = shutil.which("soffice")


@pytest.mark.skipif(not SOFFICE, reason="LibreOffice is not installed (Debian package libreoffice-calc)")
@pytest.mark.parametrize(("locale", "language"), [("German", 1031), ("French", 1036), ("English", 1033)])
def test_a_spreadsheet_reads_the_round_trip_time_as_it_is(tmp_path: Path, locale: str, language: int) -> None:
    written(tmp_path / "f.csv")
    convert = (
        f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "fods", "--outdir", tmp_path,
        f"--infilter=Text - txt - csv (StarCalc):44,34,76,1,,{language},false,true", tmp_path / "f.csv",
    )  # fmt: skip
    subprocess.run([str(SOFFICE), *convert], capture_output=True, check=True, timeout=120)
    values = re.findall(r'office:value-type="float" office:value="([^"]+)"', (tmp_path / "f.fods").read_text())
    assert "0.214" in values, locale
    assert "214" not in values


def test_per_endpoint_writes_one_row_an_open_port(tmp_path: Path) -> None:
    also_high = also(RESULTS[4], "threat-listener", Severity.HIGH, Verdict.UNEXPECTED)
    results = (*RESULTS[:4], also_high, *RESULTS[5:], judged("10.0.0.77", verdict=Verdict.EXPECTED, state=State.CLOSED))
    run(CsvFile(destination_for(str(tmp_path / "f.csv")), per_endpoint=True), results)
    found = rows((tmp_path / "f.csv").read_bytes())
    assert [(row["address"], row["port"], row["state"]) for row in found] == [
        ("9.255.255.255", "8080", "open"),
        ("10.0.0.9", "22", "open"),
        ("10.0.0.9", "80", "open"),
        ("10.0.0.30", "443", "closed"),
        ("10.0.0.100", "22", "open"),
        ("2001:db8::5", "31338", "open"),
    ]
    first = found[0]
    assert first["severity"] == "high"
    assert first["rule"] == "threat-listener open-unassigned unauthorised-use"
    assert first["finding_id"] == also_high.findings[-1].id
    assert first["detail"].count("assigned to no service") == 3


def test_a_row_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    run(CsvFile(destination_for(str(tmp_path / "f.csv"))), results=(judged(evidence='a\r\nb\u2028"c"\x0bd'),))
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 2, 13, 22, 5, 1, tzinfo=UTC), "2026-02-13T22:05:01.000Z"),
        (datetime(2026, 2, 14, 0, 5, 1, 999, tzinfo=timezone(timedelta(hours=2))), "2026-02-13T22:05:01.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(moment: datetime, text: str) -> None:
    assert iso(moment) == text


def test_abandoned_leaves_nothing(tmp_path: Path) -> None:
    output = CsvFile(destination_for(str(tmp_path / "f.csv")))
    output.begin(SUMMARY.info)
    output.result(RESULTS[0])
    output.abandon()
    assert list(tmp_path.iterdir()) == []
