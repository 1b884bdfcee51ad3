"""Two ways to run the command line: as a user does, in another process, and in this one, which is much quicker."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from scanner.cli import app
from scanner.core.model import RegistryStatus, Transport
from scanner.registry.source import load_bundled

Scanner = Callable[..., subprocess.CompletedProcess[str]]
Command = Callable[..., tuple[int, str, str]]


def home(folder: Path) -> dict[str, str]:
    """The environment in which nothing of the user's own files is seen."""
    return {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "XDG_DATA_HOME": str(folder / "data")}


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    """Runs `scanner ARGUMENTS...` in another process and a folder of its own; its streams are no terminal."""

    def run(*arguments: str, stdin: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scanner", *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
            env=os.environ | home(tmp_path), **more,
        )  # fmt: skip

    return run


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `scanner ARGUMENTS...` in this process and a folder of its own; status, standard output and error."""
    for name, value in home(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def inside(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = app.run([str(each) for each in arguments])
        return status, *capsys.readouterr()

    return inside


bundled = cache(load_bundled)


def assigned(port: int) -> bool:
    """Whether the registry assigns a TCP port."""
    return bundled().lookup(Transport.TCP, port).status is RegistryStatus.ASSIGNED


@pytest.fixture
def listening() -> Iterator[Callable[[int], socket]]:
    """Opens listeners on 127.0.0.1 that close after the test; port 0 lets the system choose one not assigned."""
    with ExitStack() as closing:

        def listen(port: int = 0) -> socket:
            made = closing.enter_context(socket())
            made.bind(("127.0.0.1", port))
            if not port and assigned(made.getsockname()[1]):  # one in 200, and no finding
                return listen()
            made.listen()
            return made

        yield listen
