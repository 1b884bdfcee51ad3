"""Pressing Tab: what the shell is offered, asked as bash asks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.cli.app import run
from scanner.core.rules.classify import RULES
from scanner.outputs.formats import FORMATS
from tests.cli.conftest import Command, home

Tab = Callable[[str], list[str]]


@pytest.fixture
def tab(tmp_path: Path) -> Tab:
    """Returns what bash is offered after a line."""

    def press(line: str) -> list[str]:
        words = line.split()
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - (not line.endswith(" ")))}
        environment = os.environ | home(tmp_path) | asked | {"_SCANNER_COMPLETE": "complete_bash"}
        command = [sys.executable, "-m", "scanner"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout.split()

    return press


def test_rules_are_offered(tab: Tab) -> None:
    assert tab("scanner rule open-") == [rule.id for rule in RULES if rule.id.startswith("open-")]


@pytest.mark.parametrize("line", ["scanner scan -p 22,una", "scanner scan -sS 127.0.0.1 --exclude-ports 22,una"])
def test_classes_of_ports_are_offered_after_other_ports(tab: Tab, line: str) -> None:
    assert tab(line) == ["22,unassigned"]


def test_all_classes_of_ports_mean_something(tab: Tab, command: Command) -> None:
    offered = tab("scanner scan -p ")
    assert {"unassigned", "system", "dynamic"} <= set(offered)
    assert command("scan", "127.0.0.1", "-p", ",".join(offered), "--dry-run")[0] == 0


def test_loopback_is_among_the_interfaces(tab: Tab) -> None:
    assert "lo" in tab("scanner scan -e l") or not Path("/sys/class/net/lo").exists()


def test_formats_are_offered(tab: Tab) -> None:
    assert tab("scanner scan 127.0.0.1 --format ") == [f"{each.name}=" for each in FORMATS]


def test_stored_sweeps_are_offered_from_the_history_that_is_named(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(["scan", "127.0.0.1", "-p", "1", "-q", "--history", "h.db"])
    assert tab("scanner history show ") == []
    last, sweep = tab("scanner diff --history h.db ")
    assert last == "last"
    assert tab(f"scanner reclassify --history h.db {sweep[:4]}") == [sweep]
    assert tab("scanner history --history h.db show ") == [last, sweep]
    assert tab("scanner resume --history h.db ") == [], "it has ended"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_takes_the_script(tab: Tab, tmp_path: Path) -> None:
    environment = os.environ | home(tmp_path) | {"_SCANNER_COMPLETE": "source_bash"}
    script = subprocess.run(
        [sys.executable, "-m", "scanner"], env=environment, capture_output=True, text=True, check=False
    ).stdout
    assert "complete -o default" in script
    checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
