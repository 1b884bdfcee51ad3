"""A way to run the command line as a user does: another process, with streams that are no terminal."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import pytest

Scanner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    """Runs `scanner ARGUMENTS...` in a folder of its own, with nothing of the user's own files."""
    home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_DATA_HOME": str(tmp_path / "data")}

    def run(*arguments: str, stdin: str = "", **more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scanner", *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
            env=os.environ | home, **more,
        )  # fmt: skip

    return run


@pytest.fixture
def listening() -> Iterator[Callable[[int], socket]]:
    """Opens listeners on 127.0.0.1 that close after the test; port 0 lets the system choose."""
    with ExitStack() as closing:

        def listen(port: int = 0) -> socket:
            made = closing.enter_context(socket())
            made.bind(("127.0.0.1", port))
            made.listen()
            return made

        yield listen
