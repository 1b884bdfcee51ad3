"""`scanner sweep`: quiet nights, nights with news, and nights on which something is in the way."""

import asyncio
import contextlib
import csv
import fcntl
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socket import SHUT_RDWR, socket

import pytest

from scanner.app.job import Job, JobOutcome, run_to_end
from scanner.app.sweep_history import audit_lock
from scanner.cli import run
from scanner.files.lock import lock_held
from tests.cli.conftest import Command

Listen = Callable[[int], socket]

AUDIT = """\
name = "Small office"
targets = ["127.0.0.1"]
ports = "{ports}"
history = "history.db"
policy = "policy.toml"
[outputs]
csv = "out/findings-{{date}}.csv"
json = "out/{{sweep_id}}.jsonl"
"""
POLICY = """\
[[expect]]
networks = ["127.0.0.1"]
ports = [{port}]
owner = "IT"
"""


@pytest.fixture
def audit(tmp_path: Path, listening: Listen) -> tuple[Path, list[socket]]:
    """An audit of two open ports, of which the policy expects the first, and of one that is not open yet."""
    sockets = sorted((listening(0) for _ in range(3)), key=lambda each: each.getsockname()[1])
    ports = [each.getsockname()[1] for each in sockets]
    sockets[2].close()
    (tmp_path / "out").mkdir()
    (tmp_path / "policy.toml").write_text(POLICY.format(port=ports[0]))
    path = tmp_path / "office.toml"
    path.write_text(AUDIT.format(ports=",".join(map(str, ports))))
    sockets[2] = socket()
    sockets[2].bind(("127.0.0.1", ports[2]))
    return path, sockets


def found(path: Path) -> set[tuple[str, str]]:
    with path.open(newline="") as file:
        return {(row["port"], row["rule"]) for row in csv.DictReader(file)}


def test_a_week_of_nights(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, sockets = audit
    expected, known, new = (each.getsockname()[1] for each in sockets)
    out = path.parent / "out"

    status, mail, err = command("sweep", path)
    assert (status, err) == (1, "")
    assert mail.startswith("Small office: 1 finding in the first sweep")
    assert f"127.0.0.1:{known}/tcp" in mail
    assert f"127.0.0.1:{expected}/tcp" not in mail
    first = found(out / "latest.csv")
    assert {port for port, _ in first} == {str(known)}

    assert command("sweep", path) == (1, "", ""), (
        "known findings are no news; the status still says that there are some"
    )

    sockets[2].listen()
    status, mail, err = command("sweep", path)
    assert (status, err) == (1, "")
    assert mail.startswith("Small office: 1 new finding since the sweep of ")
    for word in (
        f"127.0.0.1:{new}/tcp",
        "since",
        "registry",
        "do ",
        "Find the process",
        "Everything planned was covered",
    ):
        assert word in mail
    assert f":{known}/tcp" not in mail
    assert {port for port, _ in found(out / "latest.csv")} == {str(known), str(new)}

    sockets[1].close()
    status, mail, _ = command("sweep", path)
    assert "1 gone since" in mail
    assert f"127.0.0.1:{known}/tcp  open-" in mail
    assert "now closed (reset), last seen 20" in mail
    assert max(len(line) for line in mail.splitlines() if str(path.parent) not in line) <= 90
    assert f"--history {path.parent}/history.db` shows every change" in mail

    dated = sorted(each.name for each in out.iterdir())
    assert dated[-2:] == ["latest.csv", "latest.jsonl"]
    assert len([name for name in dated if name.endswith(".jsonl")]) == 5
    assert len([name for name in dated if name.startswith("findings-20")]) == 1


def test_a_required_port_that_went_is_news(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, sockets = audit
    expected = sockets[0].getsockname()[1]
    (path.parent / "policy.toml").write_text(POLICY.format(port=expected) + f"required = [{expected}]\n")
    command("sweep", path)
    sockets[0].close()
    _, mail, _ = command("sweep", path)
    assert "required-missing" in mail
    assert "required to be open, but is closed (reset)" in mail


def test_another_service_on_a_known_port_is_news(tmp_path: Path, command: Command) -> None:
    with Greeter(b"SSH-2.0-OpenSSH_9.9\r\n") as greeter:
        path = tmp_path / "a.toml"
        path.write_text(f'targets = ["127.0.0.1"]\nports = [{greeter.port}]\nhistory = "h.db"\nidentify = true\n')
        command("sweep", path)
        assert command("sweep", path)[1:] == ("", "")
        greeter.greeting = b"220 mail.example ESMTP Postfix\r\n"
        _, mail, _ = command("sweep", path)
    assert "Service changed:" in mail
    assert re.search(rf"127\.0\.0\.1:{greeter.port}/tcp  ssh.* -> smtp", mail)


class Greeter:
    """Listens on loopback and greets whoever connects."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        self._listener = socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Greeter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener was shut down
            while True:
                peer, _ = self._listener.accept()
                with peer, contextlib.suppress(OSError):  # the peer has gone
                    peer.sendall(self.greeting)


def test_without_only_changes_every_night_says_something(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    path.write_text(path.read_text().replace("[outputs]", "only_changes = false\n[outputs]"))
    command("sweep", path)
    _, mail, _ = command("sweep", path)
    assert "nothing changed since the sweep of" in mail


def test_folders_that_the_audit_names_are_made(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    path.write_text(path.read_text().replace('"out/', '"reports/office/').replace("history.db", "state/history.db"))
    assert command("sweep", "--dry-run", path)[0] == 0
    assert not (path.parent / "reports").exists(), "a dry run writes nothing"
    status, _, err = command("sweep", path)
    assert (status, err) == (1, "")
    assert (path.parent / "reports" / "office" / "latest.csv").exists()
    assert (path.parent / "state" / "history.db").exists()


def test_two_formats_never_share_a_newest_file(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    more = 'sarif = "out/s-{date}.json"\necs = "out/e-{date}.ecs.json"\nmarkdown = "out/{date}.txt"\n'
    path.write_text(path.read_text().replace("{sweep_id}.jsonl", "j-{date}.json") + more)
    assert command("sweep", path)[::2] == (1, "")
    newest = {each.name for each in (path.parent / "out").glob("latest*")}
    assert newest == {"latest.csv", "latest.json", "latest.sarif", "latest.ecs.json", "latest.md"}


def test_a_night_cut_short_says_which_file_has_its_findings(
    audit: tuple[Path, list[socket]], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = audit
    command("sweep", path)
    before = (path.parent / "out" / "latest.csv").read_text()
    monkeypatch.setattr(run, "run_job", stopped_at_once)
    _, mail, _ = command("sweep", path)
    (kept,) = (path.parent / "out").glob("findings-*.partial")
    assert f"Findings so far: {kept}\n" in mail
    assert f"what was settled is in {path.parent}/out/latest.csv.partial;" in re.sub(r"\n +", " ", mail)
    assert "All findings" not in mail
    assert (path.parent / "out" / "latest.csv").read_text() == before


def stopped_at_once(job: Job, *, quiet: bool) -> JobOutcome:
    """Run a job as if a signal came before its first probe."""
    assert quiet
    job.sweep.stop()
    return asyncio.run(run_to_end(job))


def test_a_night_that_is_refused_makes_no_folder(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    path.write_text(path.read_text().replace('"out/', '"reports/').replace('"127.0.0.1"', '"192.0.2.1"'))
    assert command("sweep", path)[0] == 4
    assert not (path.parent / "reports").exists()


def test_a_second_run_is_turned_away_at_once(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    with lock_held(audit_lock(path), "another run"):
        status, out, err = command("sweep", path)
    assert (status, out) == (5, "")
    assert err.startswith("scanner: a sweep of Small office is already running")
    assert err.count("\n") == 1
    assert command("sweep", path)[0] == 1, "the kernel let go of it"


def test_another_user_who_locks_the_audit_file_itself_keeps_nothing_from_running(
    audit: tuple[Path, list[socket]], command: Command
) -> None:
    path, _ = audit
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert command("sweep", path)[0] == 1


def test_a_lost_history_is_never_a_quiet_night(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, sockets = audit
    (path.parent / "history.db").write_text("not a database, " * 100)
    status, mail, err = command("sweep", path)
    assert status == 3
    assert "not compared with an earlier sweep" in mail
    assert "is not a history" in err
    assert {port for port, _ in found(path.parent / "out" / "latest.csv")} == {str(sockets[1].getsockname()[1])}


@pytest.mark.parametrize("table", ["sweep", "wave"])
@pytest.mark.parametrize("named", [True, False])
def test_a_history_that_breaks_on_the_way_is_a_report_without_comparison(
    audit: tuple[Path, list[socket]], command: Command, table: str, named: bool
) -> None:
    path, sockets = audit
    if not named:
        path.write_text(path.read_text().replace('history = "history.db"\n', ""))
    command("sweep", path)
    (history,) = path.parent.rglob("history.db")
    connection = sqlite3.connect(history)
    connection.execute(f"CREATE TRIGGER no_more BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'read-only'); END")
    connection.commit()
    connection.close()
    sockets[1].close()
    status, mail, err = command("sweep", path)
    assert status == 3
    assert mail.startswith("Small office: swept, but not compared with an earlier sweep: ")
    assert "gone" not in mail
    assert "going on without a history" in err
    assert found(path.parent / "out" / "latest.csv") == set()


def test_what_lies_outside_of_the_scope_stops_the_night_before_it_begins(
    audit: tuple[Path, list[socket]], command: Command
) -> None:
    path, _ = audit
    scope = 'networks = ["192.0.2.0/24"]\nowner = "x"\nauthorisation = "y"\nvalid_until = {}\n'
    (path.parent / "scope.toml").write_text(scope.format("2020-01-01"))
    path.write_text('scope = "scope.toml"\n' + path.read_text())
    status, out, err = command("sweep", path)
    assert (status, out) == (4, "")
    assert "expired" in err
    (path.parent / "scope.toml").write_text(scope.format("2999-01-01"))
    assert command("sweep", path)[0] == 1
    path.write_text(path.read_text().replace('"127.0.0.1"', '"127.0.0.1", "192.0.2.0-192.0.3.0"'))
    assert command("sweep", path)[0] == 4
    assert len(list((path.parent / "out").glob("2*.jsonl"))) == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("targets =", "target =", 'office.toml:2: unknown key "target", did you mean "targets"?'),
        ("{date}", "{day}", "{day} is not a placeholder; there are {date} and {sweep_id}"),
        ("out/findings", "policy.toml/findings", "part of the path is a file"),
        ("out/{sweep_id}.jsonl", "{sweep_id}/a.jsonl", "in the name of the file only"),
        ('name = "Small office"', 'engine = "warp"', "office.toml:1: engine: should be"),
        ("policy.toml", "policies.toml", "policies.toml: cannot be read"),
        ('"127.0.0.1"', '"127.0.0.300"', "office.toml:2: targets[1]: '127.0.0.300'"),
    ],
)
def test_a_wrong_audit_file_is_one_line_with_its_place(
    audit: tuple[Path, list[socket]], command: Command, old: str, new: str, complaint: str
) -> None:
    path, _ = audit
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    status, out, err = command("sweep", path)
    assert (status, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def test_in_the_bare_environment_of_cron(audit: tuple[Path, list[socket]]) -> None:
    path, _ = audit
    path.write_text(path.read_text().replace("Small office", "Büro"))
    done = subprocess.run(
        [sys.executable, "-m", "scanner", "sweep", path],
        env={"PATH": os.defpath, "LANG": "C", "LC_ALL": "C", "SHELL": "/bin/sh"},
        stdin=subprocess.DEVNULL, capture_output=True, cwd="/", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr == b""
    assert done.stdout.decode().startswith("Büro: 1 finding")
    assert b"\x1b" not in done.stdout
    assert (path.parent / "history.db").exists()
    assert (path.parent / "out" / "latest.csv").exists()


def test_a_dry_run_sends_and_keeps_nothing(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    status, out, _ = command("sweep", "--dry-run", path)
    assert status == 0
    assert "Nothing was sent" in out
    assert not (path.parent / "history.db").exists()
    assert not list((path.parent / "out").iterdir())


def test_a_dry_run_says_what_a_night_would_read_and_write(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, sockets = audit
    folder, port = path.parent, sockets[0].getsockname()[1]
    with (folder / "policy.toml").open("a") as file:
        file.write(
            f"required = [{port}]\n[[exception]]\nnetworks = ['127.0.0.1']\nports = [1]\nowner = 'x'\nticket = 'y'\n"
            "expires = 2020-01-01\n[[expect]]\nnetworks = ['127.0.0.1']\nports = [2]\nowner = 'x'\nreview = true\n"
        )
    path.write_text(path.read_text().replace("[outputs]", 'fail_on = "high"\n[outputs]').replace('"out/{s', '"new/{s'))
    _, out, _ = command("sweep", "--dry-run", path)
    said = out.partition("policy     ")[2]
    assert said.startswith("policy.toml, sha256 ")
    assert "2 expectations, 1 exception, 1 expired, 1 not reviewed, 1 required port\n" in said
    assert f"  output     {folder}/out/findings-{{date}}.csv\n" in said
    assert f"  output     {folder}/new/{{sweep_id}}.jsonl (its folder will be made)\n" in said
    assert f"  history    {folder}/history.db\n" in said
    assert said.endswith("  exit       0 nothing to report; 1 findings from high on; 3 not everything was covered\n")


@pytest.mark.parametrize(
    ("place", "problem"),
    [("policy.toml/findings", "part of the path is a file"), ("taken.csv/../out/x/../findings", "")],
)
def test_a_dry_run_refuses_what_the_night_could_not_write(
    audit: tuple[Path, list[socket]], command: Command, place: str, problem: str
) -> None:
    path, _ = audit
    (path.parent / "taken.csv").mkdir()
    path.write_text(path.read_text().replace("out/findings", place))
    status, out, err = command("sweep", "--dry-run", path)
    assert "Nothing was sent" in out
    assert status == (2 if problem else 0)
    assert problem in err
    assert err.count("\n") == bool(problem)


def test_a_dry_run_reads_the_policy(audit: tuple[Path, list[socket]], command: Command) -> None:
    path, _ = audit
    (path.parent / "policy.toml").write_text("[[expect]]\nnam = 'x'\n")
    for words in (("sweep", "--dry-run", path), ("scan", "--dry-run", "127.0.0.1", "--policy", "policy.toml")):
        status, out, err = command(*words)
        assert (status, out) == (2, "")
        assert "policy.toml:1: expect[1]" in err


def test_a_name_without_address_is_noted_in_the_report_and_breaks_no_silence(
    audit: tuple[Path, list[socket]], command: Command
) -> None:
    path, _ = audit
    policy = path.parent / "policy.toml"
    policy.write_text(policy.read_text() + '[[expect]]\nhosts = ["gone.invalid"]\nports = [1]\nowner = "x"\n')
    assert "'gone.invalid' cannot be resolved" in command("sweep", path)[1]
    assert command("sweep", path)[1:] == ("", "")
