"""What is said to have been sent is what the interface counted; what is sent arrives as it was built."""

import ctypes
import errno
import socket

import numpy as np
import pytest

from scanner.core.errors import NotPermitted
from scanner.engines.packets import sendmmsg as wire
from scanner.engines.packets.sendmmsg import BATCH, MessageSender, Sent, ip_sender, packet_sender
from tests.engines.probes import counted, mac, probe, silence, template, total
from tests.netlab.lab import Lab, Namespace

pytestmark = pytest.mark.netlab
PORTS = np.arange(9000, dtype=np.uint16)
Pair = tuple[Namespace, Namespace]


@pytest.mark.parametrize("version", [4, 6])
def test_the_interface_counts_what_we_say(pair: Pair, version: int) -> None:
    a, b = pair
    silence(b)
    silence(a)
    form = template("10.77.0.1" if version == 4 else "fd77::1", (mac(a), mac(b)))
    with a.entered():
        sender = packet_sender("v0")
        before = counted(a)
        said = probe(sender, form, "10.77.0.2" if version == 4 else "fd77::2", PORTS)
        sender.close()
    assert {sent.error for sent in said} == {0}
    assert total(said) == len(PORTS) == counted(a) - before


def test_frames_arrive_as_they_were_built(pair: Pair) -> None:
    a, b = pair
    with b.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.bind(("v0", 0x0800))
        tap.settimeout(5)
    with a.entered():
        sender = packet_sender("v0")
        form = template("10.77.0.1", (mac(a), mac(b)))
        probe(sender, form, "10.77.0.2", PORTS[:5])
        built = [row[: len(form)].tobytes() for row in sender.rows(form, 5)]
        sender.close()
    with tap:
        assert [tap.recv(2048) for _ in built] == built


def test_templates_may_change_from_batch_to_batch(pair: Pair) -> None:
    a, b = pair
    b.counter("four")
    b.counter("six")
    b.nft("add rule inet lab input meta nfproto ipv4 tcp flags syn counter name four drop")
    b.nft("add rule inet lab input meta nfproto ipv6 tcp flags syn counter name six drop")
    hop = mac(a), mac(b)
    with a.entered():
        sender = packet_sender("v0")
        four, six = template("10.77.0.1", hop), template("fd77::1", hop)
        for _ in range(3):
            probe(sender, four, "10.77.0.2", PORTS[:100])
            probe(sender, six, "fd77::2", PORTS[:100])
        sender.close()
    assert (b.packets("four"), b.packets("six")) == (300, 300)


def test_a_link_that_is_down_is_told_with_how_many_went(pair: Pair) -> None:
    a, b = pair
    form = template("10.77.0.1", (mac(a), mac(b)))
    with a.entered():
        sender = packet_sender("v0")
        a.ip("link", "set", "v0", "down")
        assert probe(sender, form, "10.77.0.2", PORTS[:10]) == [Sent(0, errno.ENETDOWN)]
        a.ip("link", "set", "v0", "up")
        silence(a)
        assert total(probe(sender, form, "10.77.0.2", PORTS[:10])) == 10
        a.ip("link", "del", "v0")
        assert probe(sender, form, "10.77.0.2", PORTS[:10])[0].error in (errno.ENXIO, errno.ENETDOWN, errno.ENODEV)
        sender.close()


def test_a_peer_without_carrier_takes_nothing(pair: Pair) -> None:
    a, b = pair
    form = template("10.77.0.1", (mac(a), mac(b)))
    with a.entered():
        sender = packet_sender("v0")
        b.ip("link", "set", "v0", "down")
        before = counted(a)
        (sent,) = probe(sender, form, "10.77.0.2", PORTS[:10])
        sender.close()
    assert sent.count == 0 == counted(a) - before
    assert sent.error in (errno.ENOBUFS, errno.ENETDOWN)


class _Stubborn:
    """A sendmmsg that takes a few messages at a time and fails by a script: 0 takes three, else the errno."""

    def __init__(self, script: list[int]) -> None:
        self.script = script
        self.addresses: list[int] = []

    def sendmmsg(self, descriptor: int, messages: int, count: int, flags: int) -> int:
        self.addresses.append(messages)
        error = self.script.pop(0) if self.script else 0
        ctypes.set_errno(error)
        return -1 if error else min(count, 3)


@pytest.mark.parametrize(
    ("script", "sent"),
    [
        ([], Sent(10)),
        ([errno.ENOBUFS, 0, errno.EAGAIN, errno.ENOBUFS], Sent(10)),
        ([0, 0, errno.ENETDOWN], Sent(6, errno.ENETDOWN)),
        ([errno.EPERM], Sent(0, errno.EPERM)),
        ([0, *[errno.ENOBUFS] * 1000], Sent(3, errno.ENOBUFS)),
    ],
)
def test_partial_sends_go_on_where_they_ended(monkeypatch: pytest.MonkeyPatch, script: list[int], sent: Sent) -> None:
    kernel = _Stubborn(list(script))
    monkeypatch.setattr(wire, "libc", lambda: kernel)
    monkeypatch.setattr("scanner.engines.packets.sendmmsg.time.sleep", lambda seconds: None)
    with socket.socket() as any_socket:
        sender = MessageSender("test", any_socket)
        form = template("10.77.0.1")
        sender.rows(form, 10)
        assert sender.send(10) == sent
    steps = [(address - kernel.addresses[0]) // 64 for address in kernel.addresses]
    assert max(steps) <= sent.count
    assert steps == sorted(steps)


def test_no_more_rows_than_a_call_takes() -> None:
    with socket.socket() as any_socket:
        assert len(MessageSender("test", any_socket).rows(template("10.77.0.1"), 10**6)) == BATCH


@pytest.mark.parametrize(("source", "address"), [("127.0.0.1", "127.0.0.9"), ("::1", "::1")])
def test_loopback_is_reached_through_the_ip_layer(lab: Lab, source: str, address: str) -> None:
    host = lab.namespace()
    host.counter("syns")
    host.nft("add rule inet lab input tcp flags syn counter name syns drop")
    with host.entered():
        before = counted(host, "lo")
        sender = ip_sender(6 if ":" in source else 4)
        assert total(probe(sender, template(source), address, PORTS[:200])) == 200
        sender.close()
        assert counted(host, "lo") - before == 200
    assert host.packets("syns") == 200


def test_without_the_right_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("scanner.engines.packets.sendmmsg.socket.socket", denied)
    for opening in (lambda: packet_sender("lo"), lambda: ip_sender(4)):
        with pytest.raises(NotPermitted, match=r"sudo.*CAP_NET_RAW"):
            opening()


def test_no_such_interface(lab: Lab) -> None:
    with lab.namespace().entered(), pytest.raises(OSError, match="No such device"):
        packet_sender("nothere")
