"""`scanner policy check` and `explain`."""

from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Command

POLICY = """\
name = "office"

[[expect]]
name = "everyone"
networks = ["10.0.0.0/8"]
ports = ["ssh"]
owner = "IT"

[[exception]]
networks = ["10.0.1.7"]
ports = [22, 8123]
ticket = "OPS-1"
expires = 2026-03-31
owner = "Dana"
note = "until the new box is in"

[[expect]]
networks = ["10.0.0.0/8"]
ports = [22]
owner = "somebody else"
"""


@pytest.fixture
def policy(command: Command, tmp_path: Path) -> Command:
    """Runs `scanner policy ARGUMENTS...` where there is a `policy.toml`."""
    (tmp_path / "policy.toml").write_text(POLICY)
    return partial(command, "policy")


def test_check_says_what_is_odd_and_where(policy: Command) -> None:
    status, out, err = policy("check", "policy.toml")
    assert status == 1
    lines = out.splitlines()
    assert lines[0].startswith("policy.toml:3: overlap: everyone ")
    assert "policy.toml:9: expired: exception[1] ended on 2026-03-31 (OPS-1)" in out
    assert lines[-1].startswith("policy.toml:17: unreachable: expect[2] never decides")
    assert "3 entries" in err


def test_check_of_a_good_policy_is_quiet(policy: Command, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY[: POLICY.index("[[exception]]")])
    assert policy("check", "policy.toml")[:2] == (0, "")


def test_check_of_a_wrong_policy_is_one_line(policy: Command, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY.replace("OPS-1", ""))
    status, out, err = policy("check", "policy.toml")
    assert (status, out) == (2, "")
    assert err.startswith("scanner: policy.toml:12: exception[1].ticket: ")
    assert err.count("\n") == 1


def test_explain_names_the_entry_that_decides_and_the_others(policy: Command) -> None:
    status, out, _ = policy("explain", "10.0.1.7", "ssh", "--policy", "policy.toml", "--on", "2026-03-01")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "10.0.1.7 22/tcp: excepted"
    assert "decided by exception[1], owner Dana, ticket OPS-1: until the new box is in" in lines[1]
    assert "policy.toml:9, via 10.0.1.7, until 2026-03-31" in lines[1]
    assert "also named by everyone" in lines[2]
    assert "via 10.0.0.0/8" in lines[2]
    assert lines[-1] == "  the registry says: assigned"
    assert policy("explain", "10.0.1.7", "22", "--policy", "policy.toml", "--on", "2026-04-01")[1].startswith(
        "10.0.1.7 22/tcp: expired"
    )


def test_explain_says_that_nothing_is_expected(policy: Command) -> None:
    _, out, _ = policy("explain", "192.0.2.1", "8123", "--policy", "policy.toml")
    assert out.startswith("192.0.2.1 8123/tcp: unknown\n  no entry names this port")


@pytest.mark.parametrize("wrong", [("10.0.0.0/24", "22"), ("10.0.0.1", "ssssh"), ("10.0.0.300", "22")])
def test_explain_refuses_what_it_cannot_understand(policy: Command, wrong: tuple[str, str]) -> None:
    status, out, err = policy("explain", *wrong, "--policy", "policy.toml")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
