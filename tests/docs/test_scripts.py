"""The scripts say what they would do, and refuse what they do not know, before they do anything."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ("scripts/check", ".ci/run")


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of this repository as a user would, outside of CI unless `environment` says so."""
    clean = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [str(ROOT / command[0]), *command[1:]],
        capture_output=True, text=True, check=False, timeout=60, env=clean | environment, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A folder for the path in which no package is installed and every call of apt-get leaves a mark."""
    for name, text in (("dpkg-query", "exit 1"), ("apt-get", f"touch {tmp_path}/called")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_explains_and_does_nothing_else(script: str, word: str) -> None:
    done = run(script, word)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {script}")
    assert "--install" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("words", [("--nonsense",), ("x",), ("--install", "--nonsense")])
def test_an_unknown_argument_is_refused_before_anything_happens(script: str, words: tuple[str, ...]) -> None:
    done = run(script, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown argument" in done.stderr


def test_two_things_at_once_are_refused() -> None:
    assert run("scripts/check", "--static", "--lab").returncode == 2


def test_packages_are_listed_and_none_is_installed_unasked(debian: Path) -> None:
    done = run("scripts/check", "--packages", PATH=f"{debian}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert "missing: iproute2 nftables" in done.stdout
    assert "nothing is installed without --install" in done.stdout
    assert not (debian / "called").exists()


def test_without_root_nothing_is_installed_even_in_ci(debian: Path) -> None:
    (debian / "id").write_text("#!/bin/sh\necho 1000\n")
    (debian / "id").chmod(0o755)
    done = run("scripts/check", "--packages", PATH=f"{debian}:{os.environ['PATH']}", CI="true")
    assert "installing needs root" in done.stdout
    assert not (debian / "called").exists()
