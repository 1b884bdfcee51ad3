"""Every command block of the README runs, in a laboratory that looks like the network it speaks of."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netlab.lab import Lab, Namespace, addresses

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text("utf-8")
FENCE = re.compile(r"^(?P<mark><!-- \w+ -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
ANSWERS = {0, 1}
"""Exit statuses of commands that did what the README says: nothing found, or findings."""


def blocks(kind: str) -> list[str]:
    return [found["body"] for found in FENCE.finditer(TEXT) if found["kind"] == kind and not found["mark"]]


COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def office() -> Iterator[Namespace]:
    """Our machine on 192.168.1.0/24, beside a host .10 with services, and nobody else."""
    from tests.netlab.lab import why_not

    if reason := why_not():
        pytest.skip(reason)
    with Lab() as lab:
        here, there = lab.namespace(), lab.namespace()
        lab.wire(here, there)
        addresses(here, "v0", "192.168.1.2/24")
        addresses(there, "v0", "192.168.1.10/24")
        there.listen([22, 80, 8081, 8069])
        yield here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place to run commands in, with the files that they name, and `scanner` on the path."""
    made = tmp_path_factory.mktemp("readme")
    (made / "hosts.txt").write_text("192.168.1.10  # the server\n")
    (made / "never.txt").write_text("192.168.1.13\n")
    for number, block in enumerate(blocks("toml")):
        name = re.match(r"# (\S+\.toml)", block)
        (made / (name[1] if name else f"{number}.toml")).write_text(block)
    shim = made / "bin" / "scanner"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m scanner "$@"\n')
    shim.chmod(0o755)
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_does_what_it_says(command: str, office: Namespace, folder: Path) -> None:
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "XDG_STATE_HOME": str(folder)}
    done = subprocess.run(
        office.argv("bash", "-c", command),
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode in ANSWERS, done.stderr
    assert "Traceback" not in done.stderr
    if "--dry-run" in command:
        assert "Nothing was sent" in done.stdout
    elif "findings.csv" in command:
        assert "open-unassigned" in (folder / "findings.csv").read_text("utf-8")
    elif " -q" not in command and ">" not in command:
        assert done.stdout or done.stderr


def test_the_library_example_runs() -> None:
    (example,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_the_two_first_commands_are_marked_for_ci() -> None:
    assert re.findall(r"^<!-- (\w+) -->$", TEXT, re.MULTILINE) == ["scan", "tests"]
    assert len(COMMANDS) >= 10
