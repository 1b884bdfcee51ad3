"""The library as its users write against it: each Python example runs, and both type checkers accept all of them."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NO_NETWORK = ("unshare", "--net", "--map-root-user")
"""Begins a command that runs where not even loopback is up."""


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of loopback on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def run_script(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run an example."""
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_exposure_test(*within: str, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run the pytest example as its user would, with nothing of this suite's configuration."""
    command = [*within, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    environ = os.environ | {name: str(value) for name, value in environment.items()}
    command += ["--rootdir", str(ROOT / "examples"), str(ROOT / "examples" / "test_exposure.py")]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_an_own_rule_and_an_own_output_take_part(listening: int) -> None:
    done = run_script("own_rule.py", "127.0.0.1", f"{listening},1")
    assert done.stderr == ""
    first, found, total = done.stdout.splitlines()
    assert first == "127.0.0.1: 2 endpoints by connect"
    assert found.startswith(f"127.0.0.1:{listening}/tcp  ")
    assert total.startswith("1 open, ")


def test_the_own_rule_speaks_of_a_database() -> None:
    try:
        server = socket.create_server(("127.0.0.1", 27017))
    except OSError:
        pytest.skip("port 27017 of this machine is in use")
    with server:
        done = run_script("own_rule.py", "127.0.0.1", "27017")
    assert "27017/tcp  high  exposed-database: the network reaches a port of MongoDB\n" in done.stdout
    assert done.returncode == 1


def test_the_exposure_test_passes_where_only_expected_ports_are_open(listening: int) -> None:
    done = run_exposure_test(PORTS=f"1,{listening}", EXPECTED=listening)
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "2 passed")


def test_the_exposure_test_fails_at_an_unexpected_port(listening: int) -> None:
    done = run_exposure_test(PORTS=f"1,{listening}", EXPECTED="")
    assert done.returncode == 1
    assert f"127.0.0.1:{listening}/tcp: " in done.stdout


def test_the_exposure_test_fails_where_an_expected_port_is_closed(listening: int) -> None:
    assert run_exposure_test(PORTS=f"1,{listening}", EXPECTED=f"1,{listening}").returncode == 1


def test_the_exposure_test_fails_where_nothing_was_probed() -> None:
    if shutil.which("unshare") is None or subprocess.run([*NO_NETWORK, "true"], check=False).returncode:
        pytest.skip("this system lets us make no namespace without network")
    done = run_exposure_test(*NO_NETWORK, PORTS="80,443")
    assert done.returncode == 1
    assert "NotCovered: not everything was covered: 2 of 2 endpoints are unknown" in done.stdout


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The examples in a folder without any configuration, as a user has them."""
    folder = tmp_path_factory.mktemp("user")
    return [Path(shutil.copy(path, folder)) for path in EXAMPLES]


def check_types(words: list[str], files: list[Path]) -> None:
    """Run a type checker over files, and show what it says where it complains."""
    command = [sys.executable, "-m", *words, *(path.name for path in files)]
    done = subprocess.run(command, cwd=files[0].parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed (it is in the dev extra)")
def test_mypy_accepts_user_code(copies: list[Path]) -> None:
    check_types(["mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache" / "user")], copies)


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed (it is in the dev extra)")
@pytest.mark.skipif(shutil.which("node") is None, reason="pyright needs node")
def test_pyright_accepts_user_code(copies: list[Path]) -> None:
    check_types(["pyright", "--pythonpath", sys.executable], copies)
