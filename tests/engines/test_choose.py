"""Which engine runs, and the message for a user without the privilege."""

import errno
import socket
import sys

import pytest

from scanner.core.errors import InvalidInput, NotPermitted
from scanner.engines.choose import EngineName, choose_engine, demand_raw, why_not_raw
from scanner.engines.syn.options import SynOptions


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> "type[System]":
    System.patch = monkeypatch
    return System


class System:
    """Pretends to be on some system, with or without the right."""

    patch: pytest.MonkeyPatch

    @classmethod
    def linux(cls, error: OSError | None = None) -> None:
        class Packets:
            def __init__(self, *words: object) -> None:
                if error:
                    raise error

            def close(self) -> None: ...

        cls.patch.setattr(sys, "platform", "linux")
        cls.patch.setattr(socket, "AF_PACKET", 17, raising=False)
        cls.patch.setattr(socket, "socket", Packets)

    @classmethod
    def macos(cls) -> None:
        cls.patch.setattr(sys, "platform", "darwin")


def test_by_itself_syn_where_it_may_and_connect_where_not(system: type[System]) -> None:
    system.linux()
    assert choose_engine(EngineName.AUTO).engine is EngineName.SYN
    assert choose_engine(EngineName.AUTO).why
    system.linux(PermissionError(errno.EPERM, "no"))
    choice = choose_engine(EngineName.AUTO)
    assert choice.engine is EngineName.CONNECT
    assert "no permission to open a raw socket" in choice.why
    system.macos()
    choice = choose_engine(EngineName.AUTO)
    assert choice.engine is EngineName.CONNECT
    assert "Linux" in choice.why


@pytest.mark.parametrize("asked", [EngineName.SYN, EngineName.SCAPY])
def test_asked_for_by_name_without_the_right_it_fails_with_the_cure(system: type[System], asked: EngineName) -> None:
    system.linux(PermissionError(errno.EPERM, "no"))
    with pytest.raises(NotPermitted) as caught:
        choose_engine(asked)
    text = str(caught.value)
    assert "\n" not in text
    for word in (f"--engine {asked}", "sudo", "CAP_NET_RAW", "AmbientCapabilities", "setpriv"):
        assert word in text
    with pytest.raises(NotPermitted):
        demand_raw(asked)


def test_what_is_asked_for_and_may_run_needs_no_reason(system: type[System]) -> None:
    system.linux()
    for asked in (EngineName.CONNECT, EngineName.SYN, EngineName.SCAPY):
        assert choose_engine(asked).engine is asked
        assert choose_engine(asked).why == ""


def test_connect_needs_no_right(system: type[System]) -> None:
    system.linux(PermissionError(errno.EPERM, "no"))
    assert choose_engine(EngineName.CONNECT).engine is EngineName.CONNECT


def test_elsewhere_scapy_may_try_and_syn_may_not(system: type[System]) -> None:
    system.macos()
    assert choose_engine(EngineName.SCAPY).engine is EngineName.SCAPY
    with pytest.raises(NotPermitted, match="--engine scapy may work"):
        choose_engine(EngineName.SYN)


def test_a_kernel_without_packet_sockets_says_so(system: type[System]) -> None:
    system.linux(OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol"))
    assert "Address family not supported" in why_not_raw()


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"attempts": 22}, {"spacing": 0.5}])
def test_options_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        SynOptions(**wrong)  # type: ignore[arg-type]
