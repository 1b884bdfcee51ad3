"""Few descriptors, little memory, no thread: one line, or it works. Never a traceback, a hang, or a lying status."""

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socket import socket
from unittest import mock

import pytest

from scanner.cli.shortage import LEAST_MEMORY, shortage
from tests.cli.conftest import home

LIMITS = {"descriptors": resource.RLIMIT_NOFILE, "memory": resource.RLIMIT_AS, "MiB": resource.RLIMIT_AS}


def limited(folder: Path, kind: str, most: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with a hard limit."""
    amount = most << 20 if kind == "MiB" else most
    return subprocess.run(
        [sys.executable, "-m", "scanner", *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=folder, env=os.environ | home(folder),
        preexec_fn=lambda: resource.setrlimit(LIMITS[kind], (amount, amount)),
    )  # fmt: skip


@pytest.mark.parametrize("kind_and_most", [*(("descriptors", each) for each in range(6, 16, 2)), ("MiB", 150)])
def test_a_scan_with_few_resources_works_or_says_so_in_one_line(
    tmp_path: Path, listening: Callable[[int], socket], kind_and_most: tuple[str, int]
) -> None:
    port = str(listening(0).getsockname()[1])
    words = ["scan", "127.0.0.1", "-p", port, "--no-history", "--csv", "-q"]
    done = limited(tmp_path, *kind_and_most, *words)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1, done.stderr
    if done.returncode == 2:
        assert done.stdout == ""
        assert done.stderr.startswith("scanner: this process ")
    else:
        assert done.returncode == 1, done.stderr
        assert f",{port},tcp,open," in done.stdout


def test_sixteen_descriptors_are_enough(tmp_path: Path) -> None:
    done = limited(tmp_path, "descriptors", 16, "scan", "127.0.0.1", "-p", "1", "-o", "f.csv", "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_status_1_means_findings_also_where_a_library_would_end_the_process_with_it(tmp_path: Path) -> None:
    done = limited(tmp_path, "memory", LEAST_MEMORY - 1, "scan", "127.0.0.1", "-p", "1", "--no-history")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("scanner: this process has not enough memory (its limit is 143 MiB")


def test_what_came_of_a_shortage_is_recognised_however_late() -> None:
    assert "open enough files" in shortage(OSError(errno.EMFILE, "x"))
    assert "open enough files" in shortage(OSError(errno.ENFILE, "x"))
    assert "enough memory" in shortage(MemoryError())
    assert "enough memory" in shortage(OSError(errno.ENOMEM, "x"))
    late = AttributeError("no loop")
    late.__context__ = OSError(errno.EMFILE, "x")
    assert "open enough files" in shortage(late)
    late.__context__ = late
    assert not shortage(late)


def test_a_thread_that_cannot_start_is_a_shortage_and_another_error_is_none() -> None:
    with mock.patch("threading._start_new_thread", side_effect=RuntimeError("whatever it says")):
        with pytest.raises(RuntimeError) as caught:
            threading.Thread(target=print).start()
        inner = caught.value.__traceback__
        while inner is not None and inner.tb_frame.f_code.co_name != "start":
            inner = inner.tb_next
        assert inner is not None
        inner.tb_next = None  # the builtin that fails has no frame of its own
        assert "start no thread" in shortage(caught.value)
    assert not shortage(RuntimeError("can't start new thread"))
    assert not shortage(OSError(errno.ENOENT, "x"))
    assert not shortage(ImportError("x", path="a.py"))
