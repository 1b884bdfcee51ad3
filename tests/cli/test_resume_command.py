"""`scanner resume`: from the last settled wave, with everything as it was, or not at all."""

import csv
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from tests.cli.conftest import Command

Listen = Callable[[int], socket]


def cut_short(history: Path) -> None:
    """Make the newest sweep look as a kill leaves it: nothing settled, and no end."""
    connection = sqlite3.connect(history)
    (number,) = connection.execute("SELECT max(number) FROM sweep").fetchone()
    connection.execute("UPDATE sweep SET finished = NULL, summary = NULL WHERE number = ?", (number,))
    for table in ("wave", "observation", "finding"):
        connection.execute(f"DELETE FROM {table} WHERE sweep = ?", (number,))
    connection.commit()
    connection.close()


@pytest.fixture
def killed(command: Command, listening: Listen, tmp_path: Path) -> int:
    """A scan that was killed before its first wave was settled. The port that is open."""
    port = listening(0).getsockname()[1]
    (tmp_path / "policy.toml").write_text('[[expect]]\nnetworks = ["127.0.0.9"]\nports = [1]\nowner = "x"\n')
    arguments = ("127.0.0.1", "-p", port, "--history", "h.db", "-o", "f.csv", "--policy", "policy.toml", "-q")
    assert command("scan", *arguments)[0] == 1
    cut_short(tmp_path / "h.db")
    (tmp_path / "f.csv").unlink()
    return port


def test_a_killed_sweep_goes_on_under_its_own_id(command: Command, killed: int, tmp_path: Path) -> None:
    _, listed, _ = command("history", "--history", "h.db")
    sweep_id = listed.splitlines()[1].split()[0]
    assert "cut short" in listed
    assert command("resume", "--history", "h.db") == (1, "", "")
    with (tmp_path / "f.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["port"], row["sweep_id"]) == (str(killed), sweep_id)
    _, listed, _ = command("history", "--history", "h.db")
    assert "complete" in listed
    assert len(listed.splitlines()) == 2
    status, _, err = command("resume", "--history", "h.db")
    assert (status, err) == (0, f"scanner: nothing to resume: every sweep in {tmp_path}/h.db is complete\n")
    assert f"sweep {sweep_id} is complete" in command("resume", sweep_id, "--history", "h.db")[2]


def test_what_was_settled_is_not_probed_again(command: Command, killed: int, tmp_path: Path) -> None:
    assert command("resume", "--history", "h.db")[0] == 1
    connection = sqlite3.connect(tmp_path / "h.db")
    connection.execute("UPDATE sweep SET finished = NULL, summary = NULL")
    connection.commit()
    before = connection.execute("SELECT * FROM observation").fetchall()
    (tmp_path / "f.csv").unlink()
    assert command("resume", "--history", "h.db")[0] == 1
    assert connection.execute("SELECT * FROM observation").fetchall() == before, "times and all"
    connection.close()
    with (tmp_path / "f.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1, "what was found earlier comes out again"


def test_a_sweep_whose_results_could_not_be_written_can_be_resumed(
    command: Command, listening: Listen, tmp_path: Path
) -> None:
    port = listening(0).getsockname()[1]
    (tmp_path / "out").mkdir()
    script = (
        "import sys; from scanner.cli.app import run; from scanner.outputs.csv_file import CsvFile\n"
        "def full(*_): raise OSError(28, 'No space left on device')\n"
        "CsvFile.end = full\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    words = ["scan", "127.0.0.1", "-p", str(port), "--history", "h.db", "-o", "out/f.csv", "-q"]
    failed = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, cwd=tmp_path, check=False)
    assert failed.returncode == 2
    assert not list((tmp_path / "out").iterdir())
    assert command("resume", "--history", "h.db") == (1, "", "")
    assert len((tmp_path / "out" / "f.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize("changed", ["policy", "scope"])
def test_with_another_policy_or_scope_it_does_not_go_on(
    command: Command, killed: int, tmp_path: Path, changed: str
) -> None:
    if changed == "policy":
        with (tmp_path / "policy.toml").open("a") as file:
            file.write("# changed\n")
    else:
        scope = 'networks = ["127.0.0.0/8"]\nowner = "x"\nauthorisation = "y"\nvalid_until = 2999-01-01\n'
        (tmp_path / "scope.toml").write_text(scope)
        arguments = ("127.0.0.1", "-p", killed, "--history", "h.db", "--scope", "scope.toml", "-q")
        assert command("scan", *arguments)[0] == 1
        cut_short(tmp_path / "h.db")
        (tmp_path / "scope.toml").write_text(scope + "max_rate = 5\n")
    status, _, err = command("resume", "--history", "h.db")
    assert status == 2
    assert f"the {changed} is not what it was when the sweep began" in err
    assert not (tmp_path / "f.csv").exists()


def test_a_night_that_was_cut_short_reports_once_it_is_whole(command: Command, killed: int, tmp_path: Path) -> None:
    audit = tmp_path / "a.toml"
    audit.write_text(
        f'targets = ["127.0.0.1"]\nports = [{killed}]\nhistory = "n.db"\n[outputs]\ncsv = "{{sweep_id}}.csv"\n'
    )
    assert command("sweep", audit)[1].startswith("a.toml: 1 finding in the first sweep")
    cut_short(tmp_path / "n.db")
    (tmp_path / "latest.csv").unlink()
    status, mail, err = command("resume", "--history", "n.db")
    assert (status, err) == (1, "")
    assert mail.startswith("a.toml: 1 finding in the first sweep")
    assert (tmp_path / "latest.csv").exists()


def test_an_audit_file_names_its_own_history_and_sweeps(command: Command, killed: int, tmp_path: Path) -> None:
    text = f'targets = ["127.0.0.1"]\nports = [{killed}]\nhistory = "state/n.db"\n[outputs]\ncsv = "{{}}.csv"\n'
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(text.format(name))
    status, _, err = command("resume", "a.toml")
    assert (status, err) == (0, "scanner: nothing to resume: no sweep of a.toml is in a history yet\n")
    command("sweep", "a.toml")
    cut_short(tmp_path / "state" / "n.db")
    command("sweep", "b.toml")
    (tmp_path / "a.csv").unlink()
    assert "every sweep of b.toml in" in command("resume", "b.toml")[2]
    assert command("resume", "h.db/../a.toml")[0] == 2, "a path that leads nowhere is refused"
    status, mail, err = command("resume", tmp_path / "a.toml")
    assert (status, err) == (1, "")
    assert mail.startswith("a.toml: 1 finding")
    assert (tmp_path / "a.csv").exists()
    status, _, err = command("resume", "a.toml")
    assert (status, err) == (
        0,
        f"scanner: nothing to resume: every sweep of a.toml in {tmp_path}/state/n.db is complete\n",
    )


def test_an_audit_without_history_has_nothing_to_resume(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('targets = ["127.0.0.1"]\nhistory = false\n')
    status, _, err = command("resume", "a.toml")
    assert (status, err) == (0, "scanner: nothing to resume: no sweep of a.toml is in a history yet\n")


def test_an_audit_and_another_history_contradict_each_other(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('targets = ["127.0.0.1"]\n')
    status, _, err = command("resume", "a.toml", "--history", "h.db")
    assert status == 2
    assert err == "scanner: --history: the audit file names its history; leave one of them out\n"
