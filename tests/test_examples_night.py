"""The examples for operators: each is run, or read by the program that it is meant for."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import pytest

from scanner.app.audit_options import read_audit_file
from scanner.cli.app import run
from scanner.config.scope import read_scope

EXAMPLES = Path(__file__).parents[1] / "examples"
OFFICE = EXAMPLES / "office"


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """The office's files, moved to loopback: what the folder and the network are is all that is changed."""
    copy = tmp_path / "office"
    shutil.copytree(OFFICE, copy)
    for path in copy.glob("*.toml"):
        text = path.read_text().replace("10.20.", "127.20.")
        text = text.replace('targets = ["127.20.0.0/24", "127.20.1.0/24"]', 'targets = ["127.20.0.10"]')
        path.write_text(text.replace('"1-1023,8000-9999"', '"22,80,443"').replace("rate = 500", "rate = 5000"))
    return copy


def test_the_policy_has_no_oddities(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "check", str(OFFICE / "policy.toml")]) == 0
    assert capsys.readouterr().out == ""


def test_the_audit_is_within_its_scope(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "--dry-run", str(OFFICE / "audit.toml")]) == 0
    plan = capsys.readouterr().out
    assert "10.20.0.0/24" in plan or "10.20.0.0-" in plan
    assert "500 probes a second" in plan
    assert "scope      Small office sha256:" in plan
    assert "policy     Small office, sha256 " in plan
    assert f"output     {OFFICE}/reports/findings-{{date}}.csv (its folder will be made)" in plan
    assert f"history    {OFFICE}/state/history.db (its folder will be made)" in plan
    longest = re.search(r" and (\d) h \d\d min \(all silent\)", plan)
    assert longest, plan
    assert int(longest[1]) < 4, "a night is long enough"
    assert read_scope(OFFICE / "scope.toml").max_rate == 1000
    assert read_audit_file(OFFICE / "audit.toml").keys.only_changes


def test_a_night_in_the_office(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", str(office / "audit.toml")]) == 1
    mail = capsys.readouterr().out
    assert "127.20.0.10:443/tcp  high  required-missing" in mail
    assert "web server, owner Web team: intranet and time sheets" in " ".join(mail.split())
    assert (office / "reports" / "latest.csv").exists()
    assert (office / "state" / "history.db").exists()
    assert run(["sweep", str(office / "audit.toml")]) == 1
    assert capsys.readouterr().out == ""


def test_the_crontab_runs_commands_that_exist(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in (office / "crontab").read_text().splitlines() if line and line[0] not in "#MP"]
    commands = [re.sub(r"^(@\w+|(\S+\s+){5})\s*", "", line) for line in lines]
    assert len(commands) == 2
    for command in commands:
        words = command.replace("/etc/scanner", str(office)).split()
        assert words[0] == "scanner"
        assert run(words[1:]) in (0, 1), capsys.readouterr().err
    if crontab := shutil.which("crontab"):
        checked = subprocess.run([crontab, "-T", office / "crontab"], capture_output=True, check=False)
        assert checked.returncode == 0 or b"invalid option" in checked.stderr


def test_two_weeks_are_joined(office: Path, tmp_path: Path, listening_on: Callable[[str, int], None]) -> None:
    audit = office / "audit.toml"
    run(["sweep", str(audit)])
    week1 = shutil.copy(office / "reports" / "latest.csv", tmp_path / "week1.csv")
    listening_on("127.20.0.10", 8123)
    audit.write_text(audit.read_text().replace('"22,80,443"', '"22,80,443,8123"'))
    run(["sweep", str(audit)])
    joined = subprocess.run(
        [sys.executable, EXAMPLES / "join_weeks.py", week1, office / "reports" / "latest.csv"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert re.search(r"new: 1\n  127\.20\.0\.10:8123/tcp  \w+  open-\S+  since 20", joined)
    assert re.search(r"still there: 1\n  127\.20\.0\.10:443/tcp  high  required-missing", joined)
    assert joined.endswith("gone: 0\n")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_the_units_are_understood_and_hardened(tmp_path: Path) -> None:
    units = []
    for source in (EXAMPLES / "systemd").iterdir():
        unit = tmp_path / source.name
        unit.write_text(source.read_text().replace("/usr/local/bin/scanner", "/bin/true"))
        units.append(unit)
    assert {unit.name for unit in units} == {"scanner-sweep.service", "scanner-sweep.timer", "scanner-notify.service"}
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    complaints = [line for line in verified.stderr.splitlines() if "scanner-" in line]
    assert complaints == []
    service = tmp_path / "scanner-sweep.service"
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=30", service],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unrecognized option" not in rated.stderr:
        assert rated.returncode == 0, rated.stdout[-500:] + rated.stderr


def test_the_sweep_unit_tells_someone_however_it_ends() -> None:
    unit = (EXAMPLES / "systemd" / "scanner-sweep.service").read_text()
    assert "\nOnFailure=scanner-notify.service\n" in unit
    assert "\nOnSuccess=scanner-notify.service\n" in unit, "a service that speaks differently does not fail a night"
    assert "\nSuccessExitStatus" not in unit


@pytest.mark.parametrize(
    ("status", "printed", "mailed"),
    [
        ("0", "", ""),
        ("1", "", ""),
        ("0", "1 gone\n", "1 gone\n"),
        ("1", "2 new findings\n", "2 new findings\n"),
        ("3", "", "The sweep failed: exit-code, exit status 3\n"),
        ("2", "scanner: a.toml: no\n", "The sweep failed: exit-code, exit status 2\nscanner: a.toml: no\n"),
    ],
)
def test_the_notifying_unit_mails_what_is_news(status: str, printed: str, mailed: str, tmp_path: Path) -> None:
    unit = (EXAMPLES / "systemd" / "scanner-notify.service").read_text()
    (command,) = re.findall(r"^ExecStart=/bin/sh -c '(.*?)'$", unit.replace("\\\n", " "), re.MULTILINE)
    journal = f'#!/bin/sh\ntest "$3" = _SYSTEMD_INVOCATION_ID=abc || exit 9\nprintf %s "{printed}"\n'
    mail = f'#!/bin/sh\ntest "$1" = -E || exit 9\ncat > {tmp_path}/mail\n'
    for name, script in (("journalctl", journal), ("mail", mail)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "MONITOR_EXIT_STATUS": status, "MONITOR_SERVICE_RESULT": "exit-code",
        "MONITOR_INVOCATION_ID": "abc",
    }  # fmt: skip
    subprocess.run(["/bin/sh", "-c", command.replace("$$", "$")], env=environment, check=True)
    assert (tmp_path / "mail").read_text() == mailed


@pytest.fixture
def listening_on() -> Iterator[Callable[[str, int], None]]:
    """Opens listeners that close after the test."""
    with ExitStack() as closing:

        def listen(address: str, port: int) -> None:
            made = closing.enter_context(socket())
            made.bind((address, port))
            made.listen()

        yield listen
