"""`scanner import` and what the other commands make of an imported sweep."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.imports import samples

LATER = samples.NMAP_XML.replace("1795577214", "1795663614").replace("1795577215", "1795663615")
OPEN, RESET = 'portid="22"><state state="open" reason="syn-ack"', 'portid="22"><state state="closed" reason="reset"'
CLOSED = LATER.replace(OPEN, RESET).replace('start="1795663614"', 'start="1795663616"')


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (*samples.ALL.items(), ("later.xml", LATER), ("closed.xml", CLOSED)):
        (tmp_path / name).write_text(text)
    return tmp_path


def changes(command: Command, *sweeps: str) -> list[tuple[str, str, int]]:
    status, out, error = command("diff", *sweeps, "--history", "h.db", "--json")
    assert status == 0, error
    found = [json.loads(line) for line in out.splitlines()]
    return sorted((each["change"], each["address"], each["port"]) for each in found if each.get("change"))


def test_an_imported_scan_is_a_sweep_like_any_other(folder: Path, command: Command) -> None:
    status, _, error = command("import", "nmap.xml", "--history", "h.db")
    assert status == 3
    assert "imported from nmap.xml" in error
    assert "INCOMPLETE: 11 of 22" in error
    status, out, _ = command("history", "--history", "h.db", "--json")
    assert json.loads(out)["open"] == 1
    status, out, _ = command("policy", "draft", "--history", "h.db")
    assert '"10.0.0.1"' in out
    assert "ports = [22]" in out


def test_what_nmap_saw_closed_is_closed_and_the_host_that_it_never_asked_is_not_said_to_be(
    folder: Path, command: Command
) -> None:
    assert command("import", "nmap.xml", "closed.xml", "--history", "h.db", "-q")[0] == 3
    assert ("closed", "10.0.0.1", 22) in changes(command)
    assert {address for _, address, _ in changes(command)} == {"10.0.0.1"}


def test_silence_of_a_list_of_open_ports_closes_nothing(folder: Path, command: Command) -> None:
    (folder / "rust.txt").write_text("10.0.0.1 -> [80]\n")
    assert command("import", "nmap.xml", "rust.txt", "--history", "h.db", "-q")[0] == 3
    found = changes(command, "last~1", "last")
    assert ("unsure", "10.0.0.1", 22) in found
    assert not [each for each in found if each[0] in ("closed", "gone-finding")]


def test_the_same_file_is_kept_once(folder: Path, command: Command) -> None:
    command("import", "nmap.xml", "--history", "h.db", "-q")
    _, _, error = command("import", "nmap.xml", "--history", "h.db")
    assert "was imported before" in error
    assert len(command("history", "--history", "h.db", "--json")[1].splitlines()) == 1


def test_a_file_that_breaks_off_leaves_no_trace(folder: Path, command: Command) -> None:
    (folder / "cut.xml").write_text(samples.NMAP_XML[:-200])
    status, _, error = command("import", "cut.xml", "--history", "h.db")
    assert status == 2
    assert error.startswith("scanner: cut.xml:2")
    assert "truncated" in error
    with sqlite3.connect(folder / "h.db") as database:
        for table in ("sweep", "wave", "observation", "finding", "known"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_storage_error_half_way_leaves_no_sweep(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanner.history.recorder import SweepRecorder

    def broken(self: SweepRecorder) -> None:
        raise MemoryError

    monkeypatch.setattr(SweepRecorder, "counts", broken)
    command("import", "masscan.list", "--history", "h.db")
    with sqlite3.connect(folder / "h.db") as database:
        for table in ("sweep", "wave", "observation", "finding"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_an_older_file_is_said_to_be_out_of_order_and_the_clock_is_not_blamed(folder: Path, command: Command) -> None:
    _, _, error = command("import", "later.xml", "nmap.xml", "--history", "h.db")
    assert "import files oldest first" in error
    assert "clock" not in command("history", "--history", "h.db")[2]


def test_resume_has_nothing_to_do_with_imported_sweeps(folder: Path, command: Command) -> None:
    command("import", "nmap.xml", "masscan.list", "--history", "h.db", "-q")
    status, _, error = command("resume", "--history", "h.db")
    assert (status, "nothing to resume" in error) == (0, True)


def test_reclassify_judges_an_imported_sweep_by_the_policy_that_it_was_imported_with(
    folder: Path, command: Command
) -> None:
    policy = folder / "policy.toml"
    policy.write_text('[[expect]]\nnetworks = ["10.0.0.1"]\nports = [80]\nowner = "IT"\n')
    command("import", "nmap.xml", "--policy", "policy.toml", "--history", "h.db", "-q")
    policy.write_text('[[expect]]\nnetworks = ["10.0.0.1"]\nports = [22]\nowner = "IT"\n')
    _, out, _ = command("reclassify", "last", "--history", "h.db", "--json")
    assert '"gone-finding"' in out


def test_findings_go_to_files_of_every_format(folder: Path, command: Command) -> None:
    command("import", "masscan.list", "--history", "h.db", "-o", "a.csv", "-o", "a.html", "--all-open", "-q")
    assert "10.0.0.1,,9090,tcp,open,syn-ack" in (folder / "a.csv").read_text()
    assert "<!doctype html>" in (folder / "a.html").read_text().lower()


def test_standard_input_is_read_too(folder: Path, command: Command) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "scanner", "import", "-", "--history", "h.db"],
        input=samples.MASSCAN_LIST, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "imported from standard input" in done.stderr
