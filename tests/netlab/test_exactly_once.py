"""Each endpoint once a try, none twice, none missing: counted in the frames that reach the target.

A network that drops everything has no canaries, so nothing is asked again there. Where hosts answer, endpoints that
did are asked again about every second, to see whether the path still carries (`core/path/canaries.py`).
"""

import numpy as np
import pytest

from tests.netlab.frame_count import FrameCount
from tests.netlab.lab import Namespace

NETWORK, PORTS = "10.78.0.0/24", 64


@pytest.fixture
def net(pair: tuple[Namespace, Namespace]) -> tuple[Namespace, Namespace]:
    """Host b answers for a whole network; every port of it is closed."""
    a, b = pair
    b.answer_for(NETWORK)
    a.ip("route", "add", NETWORK, "via", "10.77.0.2")
    return a, b


@pytest.fixture
def silent(net: tuple[Namespace, Namespace]) -> tuple[Namespace, Namespace]:
    """Host b drops what comes in, after it was counted."""
    net[1].nft("add rule inet lab input tcp flags syn drop")
    return net


def scan(host: Namespace, *more: str) -> None:
    words = ("-m", "scanner", "scan", NETWORK, "-p", f"1-{PORTS}", "--retries", "0", "--rate", "40000", "-q")
    done = host.python(*words, *more, check=False, seconds=120)
    assert done.returncode in (0, 3), done.stderr


def asked(counted: FrameCount) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """How often each planned endpoint was asked; nothing else was."""
    planned = counted.frames[:, 1 : PORTS + 1]
    assert counted.total == int(planned.sum())
    return planned


def test_a_syn_sweep_of_silence_asks_each_endpoint_exactly_once(silent: tuple[Namespace, Namespace]) -> None:
    a, b = silent
    with FrameCount(b) as counted:
        scan(a, "--engine", "syn", "--no-history")
    assert (asked(counted) == 1).all()


@pytest.mark.parametrize("engine", ["syn", "connect"])
def test_where_hosts_answer_none_is_missing_and_only_canaries_are_asked_again(
    net: tuple[Namespace, Namespace], engine: str
) -> None:
    a, b = net
    with FrameCount(b) as counted:
        scan(a, "--engine", engine, "--no-history")
    frames = asked(counted)
    assert (frames >= 1).all()
    assert (frames > 1).mean() < 0.2
