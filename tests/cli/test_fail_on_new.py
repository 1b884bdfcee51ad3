"""`--fail-on-new`, and `history check` on the command line."""

from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from tests.cli.conftest import Command
from tests.imports import samples

Listen = Callable[[int], socket]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_known_finding_is_no_failure_and_a_new_one_beside_it_is(
    folder: Path, command: Command, listening: Listen
) -> None:
    first, second = listening(0), listening(0)
    known, new = (each.getsockname()[1] for each in (first, second))
    both = ("scan", "127.0.0.1", "-p", f"{known},{new}", "--history", "h.db", "--fail-on-new", "-q")
    assert command("scan", "127.0.0.1", "-p", str(known), "--history", "h.db", "--fail-on-new", "-q")[0] == 1
    assert command("scan", "127.0.0.1", "-p", str(known), "--history", "h.db", "--fail-on-new", "-q")[0] == 0
    assert command("scan", "127.0.0.1", "-p", str(known), "--history", "h.db", "-q")[0] == 1
    assert command(*both)[0] == 1
    assert command(*both)[0] == 0
    assert command(*both, "--no-history")[0] == 1


@pytest.mark.parametrize("written", [True, False])
def test_an_audit_takes_it_as_key_and_as_flag(folder: Path, command: Command, listening: Listen, written: bool) -> None:
    port = listening(0).getsockname()[1]
    key = "fail_on_new = true\n" if written else ""
    (folder / "audit.toml").write_text(f'targets = ["127.0.0.1"]\nports = [{port}]\nhistory = "h.db"\n{key}')
    words = ("sweep", "audit.toml") if written else ("sweep", "audit.toml", "--fail-on-new")
    assert command(*words)[0] == 1
    assert command(*words)[0] == 0


def test_check_is_silent_after_a_sweep_and_an_imported_one_is_no_night(
    folder: Path, command: Command, listening: Listen
) -> None:
    (folder / "scan.xml").write_text(samples.NMAP_XML)
    command("import", "scan.xml", "--history", "h.db", "-q")
    assert command("history", "check", "--within", "26h", "--history", "h.db") == (
        3,
        "missed: no sweep has ended yet\n",
        "",
    )
    command("scan", "127.0.0.1", "-p", str(listening(0).getsockname()[1]), "--history", "h.db", "-q")
    assert command("history", "check", "--within", "26h", "--history", "h.db") == (0, "", "")
    assert command("history", "check", "--within", "yesterday", "--history", "h.db")[0] == 2
