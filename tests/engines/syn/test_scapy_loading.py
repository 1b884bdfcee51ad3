"""scapy leaves nothing in a home that had nothing, and the environment is as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = """
from ipaddress import ip_address
from scanner.engines.routing.routes import Route
from scanner.engines.syn.route_output import syn_template
from tests.engines.links import ETHER
syn_template(Route(ETHER, ip_address("10.0.0.1"), None))
"""
SCAPY_ENGINE = """
from scanner.engines.syn.scapy_engine import _Network
_Network().close()
"""


def run(home: Path, code: str, **environment: str) -> str:
    """Run code with that home; what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", [TEMPLATE, SCAPY_ENGINE], ids=["syn", "scapy"])
def test_an_engine_makes_no_config_folder(tmp_path: Path, code: str) -> None:
    run(tmp_path, code)
    assert [each.name for each in tmp_path.iterdir()] == [".cache"]


@pytest.mark.parametrize("given", ["", "/nowhere/at/all"])
def test_the_environment_is_as_it_was(tmp_path: Path, given: str) -> None:
    code = "import os; from scanner.engines.syn.scapy_loading import load_scapy as load; before = dict(os.environ)"
    show = "load(); print(before == dict(os.environ))"
    assert run(tmp_path, f"{code}; {show}", **({"XDG_CONFIG_HOME": given} if given else {})) == "True\n"


def test_a_config_folder_of_the_user_is_left_to_scapy(tmp_path: Path) -> None:
    (tmp_path / ".config").mkdir()
    code = "from scanner.engines.syn.scapy_loading import load_scapy as load; load(); import scapy.main"
    assert run(tmp_path, f"{code}; print(scapy.main.SCAPY_CONFIG_FOLDER)") == f"{tmp_path}/.config/scapy\n"
