"""`scanner init`: from one scan to files that every other command takes as they are."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from tests.cli.conftest import Command
from tests.imports import samples

FILES = {"audit.toml", "policy.toml", "scope.toml", "crontab", "scanner-sweep.service", "scanner-sweep.timer"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def office(hosts: int = 4) -> str:
    """RustScan's lines of an office: ssh on every host, a web server on one."""
    lines = [f"10.0.0.{n} -> [22]" if n > 1 else "10.0.0.1 -> [22,443,8443]" for n in range(1, hosts + 1)]
    return "".join(f"{line}\n" for line in lines)


def test_a_scan_becomes_an_audit_that_runs_and_is_quiet_the_second_night(
    folder: Path, command: Command, listening: Callable[[int], socket]
) -> None:
    port = listening(0).getsockname()[1]
    command("scan", "127.0.0.1", "-p", f"{port},{port + 1}", "--history", "first.db", "-q")
    status, out, error = command("init", "night", "--history", "first.db")
    assert (status, {Path(line).name for line in out.splitlines()}) == (0, FILES), error
    assert command("sweep", "night/audit.toml", "--dry-run")[0] == 0
    status, out, error = command("sweep", "night/audit.toml")
    assert (status, str(port) in out) == (1, True), error
    assert (folder / "night/reports/latest.csv").exists()
    assert (folder / "night/reports/latest.html").exists()
    assert command("sweep", "night/audit.toml")[1] == ""


def test_what_many_hosts_share_is_one_entry_and_the_policy_is_valid(folder: Path, command: Command) -> None:
    (folder / "scan.txt").write_text(office())
    command("import", "scan.txt", "--history", "h.db", "-q")
    assert command("init", "night", "--history", "h.db")[0] == 0
    entries = tomllib.loads((folder / "night/policy.toml").read_text())["expect"]
    assert [(each.get("name", ""), len(each["networks"]), each["ports"]) for each in entries] == [
        ("22 ssh on 4 hosts", 4, [22]),
        ("", 1, [443, 8443]),
    ]
    status, out, _ = command("policy", "check", "night/policy.toml")
    assert status == 1
    assert {line.split(": ")[1] for line in out.splitlines()} == {"review"}


def test_nothing_is_overwritten_and_nothing_is_written_beside_it(folder: Path, command: Command) -> None:
    (folder / "scan.txt").write_text(office())
    command("import", "scan.txt", "--history", "h.db", "-q")
    (folder / "night").mkdir()
    (folder / "night/policy.toml").write_text("mine")
    status, _, error = command("init", "night", "--history", "h.db")
    assert (status, "policy.toml there already" in error) == (2, True)
    assert [path.name for path in (folder / "night").iterdir()] == ["policy.toml"]
    assert (folder / "night/policy.toml").read_text() == "mine"


def test_no_permission_is_invented_for_public_addresses(folder: Path, command: Command) -> None:
    (folder / "scan.txt").write_text("192.0.2.7 -> [22]\n10.0.0.1 -> [22]\n")
    command("import", "scan.txt", "--history", "h.db", "-q")
    command("init", "night", "--history", "h.db")
    scope = (folder / "night/scope.toml").read_text()
    assert tomllib.loads(scope)["networks"] == ["10.0.0.1/32"]
    assert "# Left out: 192.0.2.7/32 is public" in scope
    assert command("sweep", "night/audit.toml", "--dry-run")[0] == 4


def test_odd_folder_names_are_quoted_for_cron_and_systemd(folder: Path, command: Command) -> None:
    (folder / "scan.txt").write_text(office())
    command("import", "scan.txt", "--history", "h.db", "-q")
    assert command("init", "a 100% $night", "--history", "h.db")[0] == 0
    made = folder / "a 100% $night"
    line = (made / "crontab").read_text().splitlines()[1]
    assert line.endswith(rf"sweep '{folder}/a 100\% $night/audit.toml'")
    assert f'sweep "{folder}/a 100%% $$night/audit.toml"' in (made / "scanner-sweep.service").read_text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(folder: Path, command: Command) -> None:
    (folder / "scan.txt").write_text(office())
    command("import", "scan.txt", "--history", "h.db", "-q")
    command("init", "night", "--history", "h.db")
    for name in ("scanner-sweep.service", "scanner-sweep.timer"):
        done = subprocess.run(
            ["systemd-analyze", "verify", str(folder / "night" / name)], capture_output=True, text=True, check=False
        )
        assert not re.search(r"scanner-sweep\.\w+:\d+", done.stderr), done.stderr


def test_a_scan_of_names_and_many_ports_keeps_every_endpoint(folder: Path, command: Command) -> None:
    (folder / "scan.xml").write_text(samples.NMAP_XML)
    command("import", "scan.xml", "--history", "h.db", "-q")
    command("init", "night", "--history", "h.db")
    audit = tomllib.loads((folder / "night/audit.toml").read_text())
    assert (audit["targets"], audit["ports"]) == (["10.0.0.1-10.0.0.2"], ["20-30"])
