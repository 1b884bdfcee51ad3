"""The table: telling rows on top, columns that fit, plain text where nobody watches."""

import contextlib
import io
import os
import pty
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from scanner.core.model import Judged, RegistryStatus, Severity, Verdict
from scanner.outputs.table import Table
from scanner.outputs.table_rows import COLUMN_GAP, TABLE_COLUMNS, fit, folded_rows, more_line, plain_table, table_rows
from scanner.outputs.terminal import painted_table
from tests.outputs.samples import ASSIGNED, RESULTS, also, judged, run

MANY = tuple(
    judged(f"10.{n // 65536}.{n // 256 % 256}.{n % 256}", port, **({} if port > 1023 else ASSIGNED))
    for n in range(5000)
    for port in (22, 31338)
)


def plain(results: tuple[Judged, ...]) -> list[list[str]]:
    return [line.split() for line in plain_table(table_rows(results)).splitlines()]


def test_telling_rows_come_first_then_by_address_and_port() -> None:
    assert [(line[0], line[-1] if line[0] == "VERDICT" else None) for line in plain(RESULTS)[:1]] == [
        ("VERDICT", "WHY")
    ]
    order = [(row.cells[0], row.cells[1], row.cells[2]) for row in table_rows(RESULTS)]
    assert order == [
        ("high", "2001:db8::5", "31338/tcp"),
        ("medium", "9.255.255.255", "8080/tcp"),
        ("medium, missing", "10.0.0.30", "443/tcp"),
        ("undetermined", "10.0.0.9", "22/tcp"),
        ("undetermined", "10.0.0.9", "80/tcp"),
        ("undetermined", "10.0.0.100", "22/tcp"),
    ]


def test_a_row_shows_the_worst_and_how_many_more() -> None:
    mild = judged(severity=Severity.LOW, rule="mild")
    (row,) = table_rows([also(mild, "worse", Severity.HIGH, Verdict.UNEXPECTED)])
    assert row.cells[0] == "high"
    assert row.cells[4] == "worse +1"


@pytest.mark.parametrize(
    ("status", "service", "cell"),
    [
        (RegistryStatus.ASSIGNED, "ssh", "ssh"),
        (RegistryStatus.ASSIGNED, "http www www-http", "http +2"),
        (RegistryStatus.UNASSIGNED, "", "unassigned"),
        (RegistryStatus.RESERVED, "old", "reserved (old)"),
    ],
)
def test_the_registry_in_a_word(status: RegistryStatus, service: str, cell: str) -> None:
    (row,) = table_rows([judged(status=status, service=service)])
    assert row.cells[3] == cell


def test_plain_text_is_aligned_whole_and_without_escapes() -> None:
    text = plain_table(table_rows(MANY))
    assert text.count("\n") == 10_001
    assert "\x1b" not in text
    lines = text.splitlines()
    column = lines[0].index("PORT")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_a_column_that_says_nothing_is_left_out() -> None:
    assert "HOST" in plain_table(table_rows(RESULTS)).splitlines()[0]
    assert "HOST" not in plain_table(table_rows(RESULTS[:2])).splitlines()[0]


@pytest.mark.parametrize("room", [60, 80, 100, 120, 140, 200, 400])
def test_what_is_shown_fits_and_addresses_are_never_cut(room: int) -> None:
    rows = table_rows((*RESULTS, judged("2001:db8:1111:2222:3333:4444:5555:6666", 65535, detail="because " * 30)))
    widths = fit(rows, room)
    assert sum(widths.values()) + COLUMN_GAP * (len(widths) - 1) <= max(room, 70)
    for place, width in widths.items():
        if not TABLE_COLUMNS[place].least:
            assert width >= max(len(row.cells[place]) for row in rows)


def test_with_room_everything_is_a_column_without_it_the_reason_goes_below_first() -> None:
    rows = table_rows(RESULTS)
    assert [TABLE_COLUMNS[place].title for place in fit(rows, 300)] == [column.title for column in TABLE_COLUMNS]
    assert "WHY" not in [TABLE_COLUMNS[place].title for place in fit(rows, 80)]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 140])
def test_nothing_is_left_out_in_silence_however_narrow(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    reason = "a reason that is rather long, and of which every word can be read at any width"
    one = also(judged("10.0.0.5", 8080, detail=reason), "unauthorised-use", Severity.LOW, Verdict.UNEXPECTED)
    text = painted_table(table_rows([one]), columns, "")
    said = text.split()
    assert {"medium", "10.0.0.5", "8080/tcp"} <= set(said)
    assert "open-unassigned +1" in " ".join(said)
    if columns < 140:
        assert reason in " ".join(said), "below the row"


def test_below_a_row_stands_what_has_no_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert painted_table(table_rows(RESULTS[:1]), 50, "") == (
        "VERDICT  ADDRESS      PORT       REGISTRY\n"
        "high     2001:db8::5  31338/tcp  unassigned\n"
        "         open-unassigned: assigned to no service\n"
    )


def test_quiet_shows_findings_and_nothing_else() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    run(Table(pipe, only_findings=True), RESULTS)
    pipe.seek(0)
    assert [line.split()[0] for line in pipe.read().splitlines()] == ["VERDICT", "high", "medium", "medium,"]


def test_quiet_without_findings_prints_nothing() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    run(Table(pipe, only_findings=True), RESULTS[2:4])
    pipe.seek(0)
    assert pipe.read() == ""


def test_findings_are_shown_when_they_are_found_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    live: list[str] = []
    on_terminal(lambda stream: run(Table(stream, live=live.append), RESULTS))
    assert live == [
        "high  2001:db8::5  31338/tcp  unassigned  open-unassigned  assigned to no servi…",
        "medium, missing  10.0.0.30  443/tcp  unassigned (https)  required-missing  assi…",
        "medium  9.255.255.255  8080/tcp  unassigned  open-unassigned +1  assigned to no…",
    ]
    many: list[str] = []
    on_terminal(lambda stream: run(Table(stream, live=many.append, limit=3), MANY[:40]))
    assert many[3:] == ["… more findings follow in the table"]
    unseen: list[str] = []
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    run(Table(pipe, live=unseen.append), RESULTS)
    assert unseen == [], "in a pipe the table comes at the end"


def test_what_is_not_shown_is_counted_and_told_how_to_see() -> None:
    rows = table_rows(MANY)
    assert more_line(rows, 10_000) == ""
    assert more_line(rows, 200) == (
        "… and 9,800 more (4,800 medium, 5,000 undetermined). All of them: pipe this into a pager, "
        "or --all-open -o FILE."
    )


def test_a_long_table_folds_what_many_addresses_have_in_common() -> None:
    rows = table_rows((*MANY, judged("10.0.0.1", 31337, severity=Severity.HIGH)))
    short = folded_rows(rows, keep=3)
    assert [(row.cells[0], row.cells[1], row.cells[2]) for row in short] == [
        ("high", "10.0.0.1", "31337/tcp"),
        ("medium", "10.0.0.0", "31338/tcp"),
        ("medium", "10.0.0.1", "31338/tcp"),
        ("medium", "10.0.0.2", "31338/tcp"),
        ("medium", "and 4,997 more", "31338/tcp"),
        ("undetermined", "10.0.0.0", "22/tcp"),
        ("undetermined", "10.0.0.1", "22/tcp"),
        ("undetermined", "10.0.0.2", "22/tcp"),
        ("undetermined", "and 4,997 more", "22/tcp"),
    ]
    assert sum(row.count for row in short) == len(rows)
    assert more_line(short, 9) == "All of them: pipe this into a pager, or --all-open -o FILE."
    assert more_line(short, 4).startswith("… and 9,997 more (4,997 medium, 5,000 undetermined).")


def test_four_of_a_kind_are_not_folded_into_three_and_one() -> None:
    rows = table_rows(MANY[:8])
    assert folded_rows(rows, keep=3) == rows


def test_no_line_of_the_painted_table_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    text = painted_table(table_rows(RESULTS), 80, "more")
    assert len(text.splitlines()) == 1 + 2 * len(RESULTS) + 1
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text


def on_terminal(show: Callable[[io.TextIOWrapper], None]) -> str:
    """All that reaches a terminal."""
    ours, theirs = pty.openpty()
    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(read_all, ours)
        with os.fdopen(theirs, "w") as stream:
            show(stream)
        return shown.result()


def read_all(descriptor: int) -> str:
    """Everything until the other end of a terminal is closed, which Linux reports as EIO."""
    data = b""
    with contextlib.suppress(OSError):
        while more := os.read(descriptor, 65536):
            data += more
    os.close(descriptor)
    return data.decode()


@pytest.mark.parametrize(("term", "painted"), [("xterm-256color", True), ("dumb", False)])
def test_colours_on_a_terminal_that_knows_them(monkeypatch: pytest.MonkeyPatch, term: str, painted: bool) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = on_terminal(lambda stream: run(Table(stream), RESULTS))
    assert ("\x1b[" in text) is painted
    assert "2001:db8::5" in text


def test_a_long_list_is_cut_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    few = MANY[:40]
    text = on_terminal(lambda stream: run(Table(stream, limit=5), few))
    assert "… and 35 more" in text
    assert text.count("10.0.0.") == 5
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    run(Table(pipe, limit=5), few)
    pipe.seek(0)
    assert len(pipe.read().splitlines()) == 41


def test_nothing_open_is_an_empty_table() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    run(Table(pipe), ())
    pipe.seek(0)
    assert pipe.read() == ""
