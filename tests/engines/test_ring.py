"""The receive ring hands over what may answer us and nothing else, and counts what it lost."""

import select
import socket
import time

import numpy as np
import pytest
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether

from scanner.core.cookie import Cookie
from scanner.core.dissect import Kind, dissect, proven
from scanner.core.errors import InvalidInput
from scanner.core.packets import ETHERNET, RAW_IP
from scanner.engines.memory import fence
from scanner.engines.ring import Received, Receiver
from scanner.engines.wire import ip_sender, packet_sender
from tests.core.frames import KEY, tcp_answer
from tests.engines.probes import FIRST, LAST, mac, probe, template
from tests.netlab.lab import Lab, Namespace
from tests.netlab.tun import Tun

pytestmark = pytest.mark.netlab
Pair = tuple[Namespace, Namespace]
PORTS = np.arange(1000, 1500, dtype=np.uint16)


def receiver(slots: int = 1 << 14) -> Receiver:
    return Receiver("v0", first_port=FIRST, last_port=LAST, slots=slots)


def gather(ring: Receiver, count: int, seconds: float = 5) -> list[Received]:
    """Read until `count` frames have come or time is over."""
    until, batches = time.monotonic() + seconds, []
    while sum(map(len, batches)) < count and time.monotonic() < until:
        select.select([ring], [], [], 0.1)
        while len(batch := ring.read(100)):
            batches.append(batch)
    return batches


@pytest.mark.parametrize(("source", "address"), [("10.77.0.1", "10.77.0.2"), ("fd77::1", "fd77::2")])
def test_every_answer_of_a_real_kernel_is_read_and_proven(pair: Pair, source: str, address: str) -> None:
    a, b = pair
    b.listen([1010, 1020])
    b.nft("add rule inet lab input tcp dport 1030-1039 reject")
    b.sysctl("net.ipv4.icmp_ratelimit", 0)
    b.sysctl("net.ipv6.icmp.ratelimit", 0)
    began = time.time()
    with a.entered(), receiver() as ring:
        sender = packet_sender("v0")
        probe(sender, template(source, (mac(a), mac(b))), address, PORTS)
        sender.close()
        batches = gather(ring, len(PORTS))
        assert (ring.taken, ring.dropped) == (len(PORTS), 0)
    found: dict[int, set[int]] = {kind: set() for kind in Kind}
    for batch in batches:
        answers = dissect(batch.frames, batch.lengths, link=batch.link)
        assert proven(answers, Cookie(KEY)).all()
        assert ((batch.at >= began - 1) & (batch.at <= time.time() + 1)).all()
        assert (batch.original >= batch.lengths).all()
        for kind in Kind:
            found[kind] |= set(answers.port[answers.kind == kind].tolist())
    assert found[Kind.SYN_ACK] == {1010, 1020}
    assert found[Kind.ICMP] == set(range(1030, 1040))
    assert found[Kind.RESET] == set(PORTS.tolist()) - found[Kind.SYN_ACK] - found[Kind.ICMP]


def test_round_trips_are_seen_on_loopback(lab: Lab) -> None:
    with lab.namespace().entered(), Receiver("lo", first_port=FIRST, last_port=LAST, slots=1 << 14) as ring:
        for source in ("127.0.0.1", "::1"):
            sender = ip_sender(6 if ":" in source else 4)
            probe(sender, template(source), source, PORTS)
            sender.close()
        batches = gather(ring, 2 * len(PORTS))
        answers = [dissect(batch.frames, batch.lengths, link=batch.link) for batch in batches]
        assert sum(int(proven(some, Cookie(KEY)).sum()) for some in answers) == 2 * len(PORTS)


@pytest.mark.parametrize(("source", "address"), [("10.89.0.1", "10.88.0.9"), ("fd89::1", "fd88::9")])
def test_links_without_a_header(lab: Lab, source: str, address: str) -> None:
    host = lab.namespace()
    kinds = {1001: Kind.SYN_ACK, 1002: Kind.ICMP}
    error = (1, 1) if ":" in source else (3, 13)
    with Tun(host, open=[1001], icmp={1002: error}, silent=[1003]) as tun:
        with host.entered(), Receiver("tun0", first_port=FIRST, last_port=LAST, slots=1 << 14) as ring:
            assert ring.link == RAW_IP
            sender = packet_sender("tun0")
            probe(sender, template(source), address, PORTS)
            sender.close()
            batches = gather(ring, len(PORTS) - 1)
        assert tun.end()["syns"] == len(PORTS)
    found = {}
    for batch in batches:
        answers = dissect(batch.frames, batch.lengths, link=batch.link)
        assert proven(answers, Cookie(KEY)).all()
        found |= dict(zip(answers.port.tolist(), answers.kind.tolist(), strict=True))
    assert found == {port: kinds.get(port, Kind.RESET) for port in PORTS.tolist() if port != 1003}


def flood(host: Namespace, frames: list[bytes]) -> None:
    """Send frames out of a host's `v0`."""
    with host.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind(("v0", 0))
        for frame in frames:
            raw.send(frame)


def answer(port: int) -> bytes:
    """A SYN-ACK to a port of ours; broadcast, so that no host takes it for its own."""
    packet = tcp_answer(4, 443, port, "SA")
    return bytes(Ether(src="02:00:00:00:00:02", dst="ff:ff:ff:ff:ff:ff") / packet)


def test_only_our_ports_pass_and_nothing_is_queued_before_the_filter(pair: Pair) -> None:
    a, b = pair
    with a.entered(), receiver() as ring:
        flood(b, [answer(port) for port in (FIRST - 1, FIRST, FIRST + 3, LAST, LAST + 1, 22)])
        batches = gather(ring, 3)
        assert len(ring.read()) == 0
        assert ring.taken == 3
    (ports,) = {tuple(Ether(row.tobytes())[TCP].dport for row in batch.frames) for batch in batches}
    assert ports == (FIRST, FIRST + 3, LAST)


def test_what_we_send_ourselves_does_not_come_back(pair: Pair) -> None:
    a, b = pair
    with a.entered(), receiver() as ring:
        flood(a, [answer(FIRST)] * 5)
        flood(b, [answer(LAST)])
        batches = gather(ring, 1)
        assert ring.taken == 1
    assert Ether(batches[0].frames[0].tobytes())[TCP].dport == LAST


def test_the_ring_wraps_and_loses_nothing_that_is_read_in_time(pair: Pair) -> None:
    a, b = pair
    seen, frames = 0, [answer(port) for port in range(FIRST, LAST)] * 150
    with a.entered(), receiver(slots=4096) as ring:
        for _ in range(5):
            flood(b, frames)
            seen += sum(map(len, gather(ring, 1500)))
        assert (seen, ring.dropped) == (7500, 0)


def test_what_the_ring_has_no_room_for_is_counted_once(pair: Pair) -> None:
    a, b = pair
    with a.entered(), receiver(slots=4096) as ring:
        flood(b, [answer(FIRST)] * 5000)
        first, again = ring.dropped, ring.dropped
        read = sum(map(len, gather(ring, 4096)))
        flood(b, [answer(FIRST)] * 5000)
        assert read == 4096
        assert first == again == 5000 - 4096
        assert ring.dropped == 2 * first
        assert ring.taken == 10_000


def test_batches_are_copies(pair: Pair) -> None:
    a, b = pair
    with a.entered(), receiver(slots=4096) as ring:
        flood(b, [answer(FIRST)])
        (batch,) = gather(ring, 1)
        kept = batch.frames[0, : batch.lengths[0]].tobytes()
        flood(b, [answer(LAST)] * 4200)
        gather(ring, 4096)
        assert batch.frames[0, : batch.lengths[0]].tobytes() == kept == answer(FIRST)


def test_the_link_header_is_known(pair: Pair) -> None:
    with pair[0].entered(), receiver(slots=4096) as ring:
        assert ring.link == ETHERNET


def test_unknown_machines_and_links_are_refused() -> None:
    assert fence("x86_64")() is None
    assert callable(fence("aarch64"))
    with pytest.raises(InvalidInput, match="--engine connect"):
        fence("vax")


def test_no_such_interface(lab: Lab) -> None:
    with lab.namespace().entered(), pytest.raises(OSError, match="No such device"):
        receiver()
