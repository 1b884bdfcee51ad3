"""AF_XDP sends the same frames as the packet socket, and counts as exactly."""

import errno

import numpy as np
import pytest

from scanner.core.errors import NotPermitted
from scanner.engines.packets import af_xdp as xdp
from scanner.engines.packets.af_xdp import XdpSender, xdp_sender
from scanner.engines.packets.sendmmsg import Sent
from tests.engines.probes import counted, mac, probe, silence, template, total
from tests.netlab.lab import Lab, Namespace

pytestmark = pytest.mark.netlab
PORTS = np.arange(10_000, dtype=np.uint16)
Pair = tuple[Namespace, Namespace]


def sender_of(host: Namespace) -> XdpSender:
    """An AF_XDP sender on the host's `v0`; the test is skipped where the kernel has none to give."""
    try:
        return xdp_sender("v0")
    except OSError as error:
        pytest.skip(f"no AF_XDP for sending here: {error}")


def test_the_interface_counts_what_we_say(pair: Pair) -> None:
    a, b = pair
    silence(a)
    silence(b)
    with a.entered():
        sender = sender_of(a)
        before = counted(a)
        said = probe(sender, template("10.77.0.1", (mac(a), mac(b))), "10.77.0.2", PORTS)
        sender.close()
    assert {sent.error for sent in said} == {0}
    assert total(said) == len(PORTS) == counted(a) - before


def test_each_probe_arrives_once_in_either_family(pair: Pair) -> None:
    a, b = pair
    hop = mac(a), mac(b)
    b.nft("add set inet lab seen { type inet_service; flags dynamic; size 65535; }")
    for name in ("once", "again"):
        b.counter(name)
    b.nft("add rule inet lab input tcp flags syn tcp dport @seen counter name again drop")
    b.nft("add rule inet lab input tcp flags syn add @seen { tcp dport } counter name once drop")
    with a.entered():
        sender = sender_of(a)
        four, six = template("10.77.0.1", hop), template("fd77::1", hop)
        for start in range(0, 5000, 700):  # stretches of odd length, across the end of the ring
            probe(sender, four, "10.77.0.2", PORTS[start : start + 300])
            probe(sender, six, "fd77::2", PORTS[start + 300 : start + 700])
        sender.close()
    assert (b.packets("once"), b.packets("again")) == (5600, 0)


def test_a_device_that_drops_is_told_exactly_and_forgiven(pair: Pair) -> None:
    a, b = pair
    silence(a)
    form = template("10.77.0.1", (mac(a), mac(b)))
    with a.entered():
        sender = sender_of(a)
        b.ip("link", "set", "v0", "down")
        before = counted(a)
        assert probe(sender, form, "10.77.0.2", PORTS[:700]) == [Sent(0, errno.ENOBUFS)]
        assert counted(a) == before
        b.ip("link", "set", "v0", "up")
        silence(b)
        before = counted(a)
        assert total(probe(sender, form, "10.77.0.2", PORTS[:100])) == 100
        assert total(probe(sender, form, "10.77.0.2", PORTS[:5000])) == 5000
        sender.close()
    assert counted(a) - before == 5100


def test_a_link_that_is_down_is_told(pair: Pair) -> None:
    a, b = pair
    silence(a)
    silence(b)
    form = template("10.77.0.1", (mac(a), mac(b)))
    with a.entered():
        sender = sender_of(a)
        a.ip("link", "set", "v0", "down")
        assert probe(sender, form, "10.77.0.2", PORTS[:10]) == [Sent(0, errno.ENETDOWN)]
        a.ip("link", "set", "v0", "up")
        before = counted(a)
        assert total(probe(sender, form, "10.77.0.2", PORTS[:3000])) == 3000
        sender.close()
    assert counted(a) - before == 3000


def test_a_dropped_frame_in_the_middle_is_sent_again(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's word for it, EBUSY with one frame read but not sent, is put in its mouth at the 40th frame."""
    a, b = pair
    silence(a)
    silence(b)
    with a.entered():
        sender = sender_of(a)
        before = counted(a)
        kick = sender._kick
        fell: list[int] = []

        def stumble() -> int:
            if fell:
                return kick()
            fell.append(1)
            end = int(sender._announced[0])
            sender._announced[0] = 40
            assert kick() == 0
            sender._announced[0] = end
            return errno.EBUSY

        monkeypatch.setattr(sender, "_kick", stumble)
        said = probe(sender, template("10.77.0.1", (mac(a), mac(b))), "10.77.0.2", PORTS[:700])
        sender.close()
    assert (said, counted(a) - before) == ([Sent(700)], 701)  # 39 and one that "fell", then 661 from it on


def test_a_queue_that_was_just_closed_can_be_taken_again(pair: Pair) -> None:
    a, b = pair
    form = template("10.77.0.1", (mac(a), mac(b)))
    with a.entered():
        senders = [sender_of(a)]
        for _ in range(2):
            assert total(probe(senders[-1], form, "10.77.0.2", PORTS[:10])) == 10
            senders[-1].close()
            senders.append(xdp_sender("v0"))
        assert total(probe(senders[-1], form, "10.77.0.2", PORTS[:10])) == 10
        senders[-1].close()


def test_a_queue_that_stays_busy_is_an_error(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xdp, "_BIND_PATIENCE", 0.05)
    with pair[0].entered():
        sender = sender_of(pair[0])
        with pytest.raises(OSError, match="busy"):
            xdp_sender("v0")
        sender.close()


def test_without_the_right_the_cure_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("scanner.engines.packets.af_xdp.socket.socket", denied)
    with pytest.raises(NotPermitted, match=r"sudo.*CAP_NET_RAW"):
        xdp_sender("lo")
