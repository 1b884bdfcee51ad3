"""Places that cannot take a history: a disk that is full, a folder that is read-only. On a mount of our own."""

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import pytest

pytestmark = pytest.mark.netlab


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory with some options; it goes with the test."""
    with ExitStack() as undoing:

        def mount(options: str) -> Path:
            place = tmp_path / "disk"
            place.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", options, "scanner-test", str(place)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("mounting is not permitted here")
            undoing.callback(subprocess.run, ["umount", str(place)], check=True)
            return place

        yield mount


def scan(folder: Path, port: int, history: Path) -> subprocess.CompletedProcess[str]:
    words = ["scan", "127.0.0.1", "-p", str(port), "-o", "findings.csv", "--history", str(history)]
    return subprocess.run(
        [sys.executable, "-m", "scanner", *words], capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )


def test_a_history_on_a_medium_that_is_read_only_is_read(mounted: Callable[[str], Path], tmp_path: Path) -> None:
    history = mounted("size=4m") / "history.db"
    assert scan(tmp_path, 1, history).returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(history.parent)], check=True)
    for words in (["history"], ["history", "show", "last", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "scanner", *words, "--history", str(history)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert "complete" in done.stdout


@pytest.mark.parametrize(("options", "complaint"), [("size=64k", "full disk"), ("ro", "read-only file system")])
def test_a_line_says_so_and_the_csv_is_written(
    mounted: Callable[[str], Path], tmp_path: Path, options: str, complaint: str
) -> None:
    history = mounted(options) / "history.db"
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = scan(tmp_path, port, history)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("scanner: ")]
    assert str(history) in line
    assert complaint in line
    assert done.returncode == 3
    with (tmp_path / "findings.csv").open(newline="") as file:
        assert [row["port"] for row in csv.DictReader(file)] == [str(port)]
