"""Users and services that lack what is usual: no home folder, no rtnetlink. One line, or it works without."""

import errno
import socket

import pytest

from scanner.engines.choose import EngineName, choose_engine
from tests.cli.conftest import Command


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """The command line as a user runs it who has neither HOME nor a password entry."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    return command


@pytest.mark.parametrize(
    "words",
    [
        ["port", "22"],
        ["scan", "127.0.0.1", "-p", "1"],
        ["scan", "127.0.0.1", "-p", "1", "--dry-run"],
        ["registry", "info"],
        ["listening", "1"],
        ["rule"],
    ],
)
def test_what_needs_no_folder_works_without_a_home(homeless: Command, words: list[str]) -> None:
    status, _, err = homeless(*words)
    assert status == 0, err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [["history"], ["diff"], ["resume"], ["reclassify", "last"], ["registry", "update"]])
def test_what_needs_a_folder_says_so_in_one_line(homeless: Command, words: list[str]) -> None:
    status, out, err = homeless(*words)
    assert (status, out) == (2, "")
    assert err.startswith("scanner: this user has no home folder; set HOME or XDG_")
    assert err.count("\n") == 1


def test_without_rtnetlink_auto_takes_connect_and_says_why(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    real = socket.socket

    def no_netlink(family: int = socket.AF_INET, *more: int) -> object:
        if family == socket.AF_NETLINK:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        if family == socket.AF_PACKET:
            return real()
        return real(family, *more)

    monkeypatch.setattr("socket.socket", no_netlink)
    choice = choose_engine(EngineName.AUTO)
    assert choice.engine is EngineName.CONNECT
    assert "no rtnetlink socket to read routes" in choice.why
    status, out, err = command("scan", "10.0.0.1", "-p", "1", "-sS")
    assert (status, out) == (2, "")
    assert "no rtnetlink socket" in err
    assert err.count("\n") == 1
    status, out, err = command("scan", "--iflist")
    assert (status, err.count("\n")) == (2, 1)
    assert "--iflist cannot read the kernel's routes" in err
