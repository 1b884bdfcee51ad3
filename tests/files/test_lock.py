"""The lock of an audit: one run at a time, by whatever name the file is reached, and no other user can hold it."""

import builtins
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.core.errors import AlreadyRunning, OutputFailed
from scanner.files.lock import lock_for, lock_held, lock_name

HOLD = """
import sys
from pathlib import Path
from scanner.files.lock import lock_held
with lock_held(Path(sys.argv[1]), "a sweep"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_and_a_third_goes_once_the_first_is_over(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.lock"
    with (
        lock_held(path, "a sweep of Office"),
        pytest.raises(AlreadyRunning) as refused,
        lock_held(path, "a sweep of Office"),
    ):
        pass
    assert str(refused.value) == f"a sweep of Office is already running ({path} is locked)"
    assert refused.value.exit_status == 5
    with lock_held(path, "a sweep of Office"):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    run = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning), lock_held(path, "a sweep"):
        pass
    run.send_signal(signal.SIGKILL)
    run.communicate()
    with lock_held(path, "a sweep"):
        pass


def test_one_file_has_one_lock_by_whatever_way_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "office.toml").touch()
    (tmp_path / "link.toml").symlink_to("office.toml")
    (tmp_path / "folder").mkdir()
    names = ["office.toml", "link.toml", "folder/../office.toml"]
    assert len({lock_for(tmp_path / name, tmp_path) for name in names}) == 1
    assert lock_for(tmp_path / "other.toml", tmp_path) != lock_for(tmp_path / "office.toml", tmp_path)


def test_the_name_of_a_lock_is_a_file_name_whatever_the_path_holds() -> None:
    for path in ("/a/b.toml", "/" + "x" * 5000, "/\x1b", os.fsdecode(b"/\xff")):
        assert len(lock_name(path)) == 37
        assert "/" not in lock_name(path)


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OutputFailed, match="cannot be opened"), lock_held(tmp_path / "a.lock", "a sweep"):
        pass
    assert not (tmp_path / "victim").exists()


def test_a_system_without_flock_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *more: object) -> object:
        if name == "fcntl":
            raise ImportError(name)
        return found(name, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(OutputFailed, match="has no flock"), lock_held(tmp_path / "a.lock", "a sweep"):
        pass
