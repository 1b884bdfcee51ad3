"""The laboratory itself: if this lies, every test that uses it does."""

import errno
import socket
import subprocess
from pathlib import Path

import pytest

from tests.netlab.lab import PREFIX, Lab, Namespace

Pair = tuple[Namespace, Namespace]


def connect(address: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((address, port))


@pytest.mark.parametrize("address", ["10.77.0.2", "fd77::2"])
def test_pair_speaks_over_its_wire(pair: Pair, address: str) -> None:
    a, b = pair
    b.listen(range(7000, 7050))
    with a.entered():
        assert {connect(address, port) for port in range(7000, 7050)} == {0}
        assert connect(address, 7050) == errno.ECONNREFUSED


def test_entering_is_undone(pair: Pair) -> None:
    before = Path("/proc/thread-self/ns/net").readlink()
    with pair[0].entered():
        assert Path("/proc/thread-self/ns/net").readlink() != before
    assert Path("/proc/thread-self/ns/net").readlink() == before
    with pytest.raises(KeyError), pair[1].entered():
        raise KeyError
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_rules_and_counters(pair: Pair) -> None:
    a, b = pair
    b.listen([80, 81])
    b.counter("hits")
    b.nft("add rule inet lab input tcp dport 80 counter name hits drop")
    with a.entered():
        assert connect("10.77.0.2", 80) == errno.EAGAIN
        assert connect("10.77.0.2", 81) == 0
    assert b.packets("hits") == 1


def test_one_host_answers_for_a_network(pair: Pair) -> None:
    a, b = pair
    b.answer_for("10.99.0.0/16")
    b.answer_for("fd99::/64")
    a.ip("route", "add", "10.99.0.0/16", "via", "10.77.0.2")
    a.ip("-6", "route", "add", "fd99::/64", "via", "fd77::2")
    b.listen([22])
    with a.entered():
        for address in ("10.99.3.4", "10.99.255.1", "fd99::abcd"):
            assert connect(address, 22) == 0
            assert connect(address, 23) == errno.ECONNREFUSED


def test_router_is_between(routed: tuple[Namespace, Namespace, Namespace]) -> None:
    a, r, b = routed
    b.listen([22])
    r.counter("passed")
    r.nft("add rule inet lab forward tcp dport 22 tcp flags & (syn|ack) == syn counter name passed")
    with a.entered():
        assert connect("10.77.2.1", 22) == 0
        assert connect("fd77:2::1", 22) == 0
    assert r.packets("passed") == 2


def test_everything_is_taken_away(lab: Lab) -> None:
    kept = lab.namespace()
    with Lab() as inner:
        left, right = inner.pair()
        process = right.listen([9])
        assert Path("/run/netns", left.name).exists()
    assert not Path("/run/netns", left.name).exists()
    assert not Path("/run/netns", right.name).exists()
    assert process.poll() is not None
    assert Path("/run/netns", kept.name).exists()


def test_what_a_killed_process_left_is_swept_up(lab: Lab) -> None:
    last_pid = int(Path("/proc/sys/kernel/pid_max").read_text())
    left = f"{PREFIX}-{last_pid + 1}-1"
    subprocess.run(["ip", "netns", "add", left], check=True)
    with Lab():
        assert not Path("/run/netns", left).exists()
