"""`scanner history`, `diff`, `reclassify` and `policy draft`, on sweeps of loopback that `scan` stored."""

import csv
import io
import json
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from subprocess import CompletedProcess

import pytest

from scanner.history import database
from scanner.registry.source import bundled_file
from tests.cli.conftest import Command, Scanner

Listen = Callable[[int], socket]


@pytest.fixture
def scanner(command: Command) -> Scanner:
    """The same as everywhere, but in this process: these are many commands."""
    return lambda *arguments: CompletedProcess(arguments, *command(*arguments))


@pytest.fixture
def listening_at() -> Iterator[Listen]:
    """Opens listeners at exactly these ports of 127.0.0.1; skips the test where one is taken."""
    with ExitStack() as closing:

        def listen(port: int) -> socket:
            made = closing.enter_context(socket())
            made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            try:
                made.bind(("127.0.0.1", port))
            except OSError as error:
                pytest.skip(f"127.0.0.1:{port} is taken: {error}")
            made.listen()
            return made

        yield listen


@pytest.fixture
def swept(scanner: Scanner, listening: Listen) -> tuple[str, list[int]]:
    """Three sweeps of the same ports: two open, one of them gone, another come. Port words, and the ports."""
    sockets = [listening(0) for _ in range(3)]
    ports = sorted(each.getsockname()[1] for each in sockets)
    by_port = {each.getsockname()[1]: each for each in sockets}
    words = ",".join(map(str, ports))
    by_port[ports[2]].close()
    for _ in range(2):
        assert scanner("scan", "127.0.0.1", "-p", words, "-q").returncode == 1
    by_port[ports[0]].close()
    again = socket()
    again.bind(("127.0.0.1", ports[2]))
    again.listen()
    try:
        assert scanner("scan", "127.0.0.1", "-p", words, "-q").returncode == 1
    finally:
        again.close()
    return words, ports


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_what_changed_is_told_in_every_format(scanner: Scanner, swept: tuple[str, list[int]]) -> None:
    _, ports = swept
    listed = [json.loads(line) for line in scanner("history", "--json").stdout.splitlines()]
    assert [(each["open"], each["ended"]) for each in listed] == [(2, "complete")] * 3

    quiet = scanner("diff", "last~2", "last~1")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    assert "nothing changed" in quiet.stderr

    expected = {("opened", ports[2]), ("new-finding", ports[2]), ("closed", ports[0]), ("gone-finding", ports[0])}
    text = scanner("diff").stdout
    assert {(line.split()[0], int(re.findall(r":(\d+)/tcp", line)[0])) for line in text.splitlines()} == expected
    assert "open -> closed (reset)" in text
    objects = [json.loads(line) for line in scanner("diff", "--json").stdout.splitlines()]
    assert {(each["change"], each["port"]) for each in objects} == expected
    table = rows(scanner("diff", "--csv").stdout)
    assert {(row["change"], int(row["port"])) for row in table} == expected
    assert {row["because"] for row in table} == {"network"}


def test_a_scan_judged_again_at_once_changes_nothing(scanner: Scanner, listening_at: Listen) -> None:
    ports = [1337, 4444, 6667, 12345, 31337]
    for port in ports:
        listening_at(port)
    assert scanner("scan", "127.0.0.1", "-p", ",".join(map(str, ports)), "-q").returncode == 1
    found = rows(scanner("history", "show", "last", "--csv").stdout)
    assert "threat-listener" in {row["rule"] for row in found}, "the overlays judged"
    again = scanner("reclassify", "last")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr.endswith(": nothing changed\n")


def test_times_are_written_alike_everywhere(scanner: Scanner, swept: tuple[str, list[int]]) -> None:
    times = [json.loads(line)["started"] for line in scanner("history", "--json").stdout.splitlines()]
    sweep, *findings, summary = map(json.loads, scanner("history", "show", "last", "--json").stdout.splitlines())
    times += [sweep["started"], summary["finished"], *(each["observed_at"] for each in findings)]
    times += [each["first_seen"] for each in findings]
    times += [json.loads(line)["first_seen"] for line in scanner("diff", "--json").stdout.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each) for each in times if each), times


def test_a_new_finding_is_first_seen_when_it_is_observed(scanner: Scanner, listening: Listen, tmp_path: Path) -> None:
    port = str(listening(0).getsockname()[1])
    for name in ("first.csv", "second.csv"):
        scanner("scan", "127.0.0.1", "-p", port, "-o", name, "-q")
    first, second = (rows((tmp_path / name).read_text()) for name in ("first.csv", "second.csv"))
    assert first[0]["first_seen"] == first[0]["observed_at"] == second[0]["first_seen"] < second[0]["observed_at"]


def test_how_much_was_compared_is_said_and_nothing_is_refused(scanner: Scanner, listening: Listen) -> None:
    port = listening(0).getsockname()[1]
    scanner("scan", "127.0.0.1-127.0.0.4", "-p", f"{port},1", "-q")
    scanner("scan", "127.0.0.1", "-p", str(port), "-q")
    few = scanner("diff", "last~1", "last")
    assert (few.returncode, few.stdout) == (0, "")
    assert few.stderr.endswith("nothing changed; 1 of 8 endpoints compared\n")
    scanner("scan", "127.0.0.9", "-p", str(port), "-q")
    none = scanner("diff", "last~1", "last")
    assert (none.returncode, none.stdout) == (2, "")
    assert "have no endpoint in common" in none.stderr
    alone = scanner("diff")
    assert alone.returncode == 2
    assert "no earlier sweep can be compared" in alone.stderr


def test_a_stored_sweep_is_shown_as_it_was_written(scanner: Scanner, swept: tuple[str, list[int]]) -> None:
    shown = scanner("history", "show", "last", "--csv", "--all-open")
    _, ports = swept
    assert shown.returncode == 0, shown.stderr
    assert {int(row["port"]) for row in rows(shown.stdout)} == set(ports[1:])
    summary = scanner("history", "show", "last")
    assert "2 open" in summary.stderr
    lines = [json.loads(line) for line in scanner("history", "show", "last", "--json").stdout.splitlines()]
    assert [line["type"] for line in lines] == ["sweep", "finding", "finding", "summary"]
    assert lines[-1]["coverage"]["open"] == 2


def test_first_seen_is_that_of_the_first_sweep(scanner: Scanner, swept: tuple[str, list[int]]) -> None:
    _, ports = swept
    (before,) = [
        row for row in rows(scanner("history", "show", "last~2", "--csv").stdout) if row["port"] == str(ports[1])
    ]
    (after,) = [row for row in rows(scanner("history", "show", "last", "--csv").stdout) if row["port"] == str(ports[1])]
    assert before["finding_id"] == after["finding_id"]
    assert before["first_seen"] == after["first_seen"] == before["observed_at"] < after["observed_at"]


def test_a_draft_of_a_policy_is_a_policy_that_expects_nothing_yet(
    scanner: Scanner, swept: tuple[str, list[int]], tmp_path: Path
) -> None:
    _, ports = swept
    assert scanner("policy", "draft", "last", "-o", "policy.toml").returncode == 0
    checked = scanner("policy", "check", "policy.toml")
    assert checked.returncode == 1
    assert "review" in checked.stdout
    unsure = scanner("reclassify", "last", "--policy", "policy.toml")
    assert unsure.stdout == ""
    policy = tmp_path / "policy.toml"
    policy.write_text(policy.read_text().replace("review = true\n", ""))
    assert scanner("policy", "check", "policy.toml").returncode == 0
    judged = [
        json.loads(line)
        for line in scanner("reclassify", "last", "--policy", "policy.toml", "--json").stdout.splitlines()
    ]
    assert {(each["change"], each["port"], each["because"]) for each in judged} == {
        ("gone-finding", port, "policy") for port in ports[1:]
    }


def test_what_the_registry_changed_is_told_from_what_the_network_did(
    scanner: Scanner, swept: tuple[str, list[int]], tmp_path: Path
) -> None:
    _, ports = swept
    entries = "".join(f"polestar{port},{port},tcp,,,2026-01-01,,,,\n" for port in ports)
    (tmp_path / "today.csv").write_text(bundled_file("snapshot.csv").decode() + entries)
    told = scanner("reclassify", "last~2", "--registry", "today.csv")
    assert told.returncode == 0, told.stderr
    judged, _, network = told.stdout.partition("\nOn the network since")
    assert {line.split()[0] for line in judged.splitlines()} == {"gone-finding"}
    assert judged.count("(because of the registry)") == 2
    assert {(line.split()[0]) for line in network.splitlines()[1:]} == {
        "opened",
        "closed",
        "new-finding",
        "gone-finding",
    }


def test_pruning_keeps_what_is_younger(scanner: Scanner, swept: tuple[str, list[int]], tmp_path: Path) -> None:
    (history,) = tmp_path.rglob("history.db")
    connection = sqlite3.connect(history)
    connection.execute("UPDATE sweep SET started = started - 100 * 86400000 WHERE number = 1")
    connection.commit()
    connection.close()
    assert "1 sweep deleted" in scanner("history", "prune", "--keep", "90d").stderr
    assert len(scanner("history", "--json").stdout.splitlines()) == 2
    for wrong in ("soon", "", "9", "-1d", "9999y"):
        assert scanner("history", "prune", "--keep", wrong).returncode == 2


def test_the_history_is_for_its_owner_alone_and_may_be_done_without(scanner: Scanner, tmp_path: Path) -> None:
    assert scanner("scan", "127.0.0.1", "-p", "1", "--no-history").returncode == 0
    assert not list(tmp_path.rglob("history.db"))
    assert "there is no history yet" in scanner("history").stderr
    assert scanner("scan", "127.0.0.1", "-p", "1").returncode == 0
    (history,) = tmp_path.rglob("history.db")
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert {path.name for path in history.parent.iterdir()} == {"history.db"}


@pytest.mark.parametrize("trouble", ["damaged", "somebody else's", "no place"])
def test_without_a_usable_history_the_csv_is_still_written(
    scanner: Scanner, listening: Listen, tmp_path: Path, trouble: str
) -> None:
    port = listening(0).getsockname()[1]
    history = tmp_path / "h.db"
    if trouble == "damaged":
        history.write_bytes(b"SQLite format 3\0" + b"\xa5" * 8000)
    elif trouble == "somebody else's":
        history.write_text("port,owner\n" * 100)
    else:
        (tmp_path / "file").write_text("")
        history = tmp_path / "file" / "h.db"
    before = history.read_bytes() if trouble != "no place" else b""
    done = scanner("scan", "127.0.0.1", "-p", str(port), "-o", "f.csv", "--history", str(history))
    assert done.returncode == 3, "asked for by name, its loss is not passed over"
    assert [row["port"] for row in rows((tmp_path / "f.csv").read_text())] == [str(port)]
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("scanner: ")]
    assert str(history) in line
    assert "the history was not kept" in done.stderr
    assert "Traceback" not in done.stderr
    if trouble != "no place":
        assert history.read_bytes() == before


def test_a_usual_place_that_cannot_be_used_is_only_noted(scanner: Scanner, listening: Listen, tmp_path: Path) -> None:
    port = listening(0).getsockname()[1]
    (tmp_path / "state").write_text("")
    done = scanner("scan", "127.0.0.1", "-p", str(port), "-o", "f.csv")
    assert done.returncode == 1
    assert "note" in done.stderr
    assert "the history was not kept" in done.stderr
    assert len(rows((tmp_path / "f.csv").read_text())) == 1


def test_a_locked_history_is_said_and_the_csv_is_written(
    scanner: Scanner, listening: Listen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_PATIENCE", 0.05)
    port = listening(0).getsockname()[1]
    assert scanner("scan", "127.0.0.1", "-p", str(port), "--history", "h.db", "-q").returncode == 1
    connection = sqlite3.connect(tmp_path / "h.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    done = scanner("scan", "127.0.0.1", "-p", str(port), "-o", "f.csv", "--history", "h.db")
    connection.close()
    assert "is locked by another program" in done.stderr
    assert done.returncode == 3
    assert len(rows((tmp_path / "f.csv").read_text())) == 1
