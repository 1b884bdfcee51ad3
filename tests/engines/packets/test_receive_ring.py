"""The receive ring hands over what may answer us and nothing else, and counts what it lost."""

import select
import socket
import time

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from scanner.core.errors import InvalidInput
from scanner.core.packets.cookie import Cookie
from scanner.core.packets.parse import AnswerKind, dissect, proven
from scanner.engines.packets.memory_barrier import fence
from scanner.engines.packets.receive_ring import Received, Receiver
from scanner.engines.packets.sendmmsg import ip_sender, packet_sender
from tests.core.packets.frames import KEY, tcp_answer
from tests.engines.probes import FIRST, LAST, mac, probe, template
from tests.netlab.lab import Lab, Namespace
from tests.netlab.tun import Tun

pytestmark = pytest.mark.netlab
Pair = tuple[Namespace, Namespace]
PORTS = np.arange(1000, 1500, dtype=np.uint16)


def receiver(version: int = 4, slots: int = 1 << 14) -> Receiver:
    return Receiver(version, first_port=FIRST, last_port=LAST, slots=slots)


def gather(ring: Receiver, count: int, seconds: float = 5) -> list[Received]:
    """Read until `count` frames have come or time is over."""
    until = time.monotonic() + seconds
    batches: list[Received] = []
    while sum(map(len, batches)) < count and time.monotonic() < until:
        select.select([ring], [], [], 0.1)
        while len(batch := ring.read(100)):
            batches.append(batch)
    return batches


def ports_of(batches: list[Received]) -> list[int]:
    """The port of ours that each packet is for."""
    return [IP(row.tobytes())[TCP].dport for batch in batches for row in batch.packets]


@pytest.mark.parametrize(("version", "source", "address"), [(4, "10.77.0.1", "10.77.0.2"), (6, "fd77::1", "fd77::2")])
def test_every_answer_of_a_real_kernel_is_read_and_proven(pair: Pair, version: int, source: str, address: str) -> None:
    a, b = pair
    b.listen([1010, 1020])
    b.nft("add rule inet lab input tcp dport 1030-1039 reject")
    b.sysctl("net.ipv4.icmp_ratelimit", 0)
    b.sysctl("net.ipv6.icmp.ratelimit", 0)
    began = time.time()
    with a.entered(), receiver(version) as ring:
        sender = packet_sender("v0")
        probe(sender, template(source, (mac(a), mac(b))), address, PORTS)
        sender.close()
        batches = gather(ring, len(PORTS))
        assert (ring.taken, ring.dropped) == (len(PORTS), 0)
    found: dict[int, set[int]] = {kind: set() for kind in AnswerKind}
    for batch in batches:
        answers = dissect(batch.packets, batch.lengths)
        assert proven(answers, Cookie(KEY)).all()
        assert ((batch.at >= began - 1) & (batch.at <= time.time() + 1)).all()
        assert (batch.original >= batch.lengths).all()
        for kind in AnswerKind:
            found[kind] |= set(answers.port[answers.kind == kind].tolist())
    assert found[AnswerKind.SYN_ACK] == {1010, 1020}
    assert found[AnswerKind.ICMP] == set(range(1030, 1040))
    assert found[AnswerKind.RESET] == set(PORTS.tolist()) - found[AnswerKind.SYN_ACK] - found[AnswerKind.ICMP]


@pytest.mark.parametrize(("version", "source"), [(4, "127.0.0.1"), (6, "::1")])
def test_round_trips_are_seen_on_loopback_once(lab: Lab, version: int, source: str) -> None:
    with lab.namespace().entered(), receiver(version) as ring, receiver(10 - version) as other:
        sender = ip_sender(version)
        probe(sender, template(source), source, PORTS)
        sender.close()
        batches = gather(ring, len(PORTS))
        answers = [dissect(batch.packets, batch.lengths) for batch in batches]
        assert sum(int(proven(some, Cookie(KEY)).sum()) for some in answers) == len(PORTS)
        assert (ring.taken, other.taken) == (len(PORTS), 0)


@pytest.mark.parametrize(("version", "source", "address"), [(4, "10.89.0.1", "10.88.0.9"), (6, "fd89::1", "fd88::9")])
def test_links_without_a_header(lab: Lab, version: int, source: str, address: str) -> None:
    host = lab.namespace()
    kinds = {1001: AnswerKind.SYN_ACK, 1002: AnswerKind.ICMP}
    error = (1, 1) if ":" in source else (3, 13)
    with Tun(host, open=[1001], icmp={1002: error}, silent=[1003]) as tun:
        with host.entered(), receiver(version) as ring:
            sender = packet_sender("tun0")
            probe(sender, template(source), address, PORTS)
            sender.close()
            batches = gather(ring, len(PORTS) - 1)
        assert tun.end()["syns"] == len(PORTS)
    found: dict[int, int] = {}
    for batch in batches:
        answers = dissect(batch.packets, batch.lengths)
        assert proven(answers, Cookie(KEY)).all()
        found |= dict(zip(answers.port.tolist(), answers.kind.tolist(), strict=True))
    assert found == {port: kinds.get(port, AnswerKind.RESET) for port in PORTS.tolist() if port != 1003}


def flood(host: Namespace, frames: list[bytes], link: str = "v0") -> None:
    """Send frames out of a host's link."""
    with host.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((link, 0))
        for frame in frames:
            raw.send(frame)


def framed(packet: Packet, to: str = "ff:ff:ff:ff:ff:ff") -> bytes:
    """A packet in an Ethernet frame; by default a broadcast, so that no host takes it for its own."""
    return bytes(Ether(src="02:00:00:00:00:02", dst=to) / packet)


def answer(port: int, to: str = "ff:ff:ff:ff:ff:ff") -> bytes:
    """A SYN-ACK to a port of ours."""
    return framed(tcp_answer(4, 443, port, "SA"), to)


def test_only_our_ports_pass_and_nothing_is_queued_before_the_filter(pair: Pair) -> None:
    a, b = pair
    with a.entered(), receiver() as ring:
        flood(b, [answer(port) for port in (FIRST - 1, FIRST, FIRST + 3, LAST, LAST + 1, 22)])
        batches = gather(ring, 3)
        assert len(ring.read()) == 0
        assert ring.taken == 3
    assert ports_of(batches) == [FIRST, FIRST + 3, LAST]


def test_what_we_send_ourselves_does_not_come_back(pair: Pair) -> None:
    a, b = pair
    with a.entered(), receiver() as ring:
        flood(a, [answer(FIRST)] * 5)
        flood(b, [answer(LAST)])
        batches = gather(ring, 1)
        assert ring.taken == 1
    assert ports_of(batches) == [LAST]


def test_every_interface_is_heard_even_one_made_later(pair: Pair, lab: Lab) -> None:
    a, b = pair
    with a.entered(), receiver() as ring:
        flood(b, [answer(FIRST)])
        for number in range(2):
            lab.wire(a, b, "v1", "v1")
            flood(b, [answer(FIRST + 1 + number)], "v1")
            a.ip("link", "del", "v1")
        a.ip("link", "set", "v0", "down")
        a.ip("link", "set", "v0", "up")
        flood(b, [answer(LAST)])
        assert ports_of(gather(ring, 4)) == [FIRST, FIRST + 1, FIRST + 2, LAST]


def test_what_passes_several_interfaces_is_heard_once(pair: Pair, lab: Lab) -> None:
    """The port of a bridge and the bridge; the parent of a macvlan and the macvlan."""
    a, b = pair
    lab.wire(a, b, "v1", "v1")
    a.ip("link", "add", "bridge0", "type", "bridge")
    a.ip("link", "set", "v0", "master", "bridge0")
    a.ip("link", "add", "link", "v1", "name", "mac0", "type", "macvlan")
    for link in ("bridge0", "mac0"):
        a.ip("link", "set", link, "up")
    with a.entered(), receiver() as ring:
        flood(b, [answer(FIRST, to=mac(a, "bridge0"))] * 10)
        flood(b, [answer(LAST, to=mac(a, "mac0"))] * 10, "v1")
        assert ports_of(gather(ring, 20)) == [FIRST] * 10 + [LAST] * 10
        assert len(ring.read()) == 0
        assert ring.taken == 20


def test_what_is_for_another_machine_is_left_out(pair: Pair) -> None:
    a, b = pair
    a.ip("link", "set", "v0", "promisc", "on")
    with a.entered(), receiver() as ring:
        flood(b, [answer(FIRST, to="02:00:00:00:00:99"), answer(LAST, to=mac(a))])
        assert ports_of(gather(ring, 1)) == [LAST]
        assert ring.taken == 1


def test_tags_and_padding_do_not_hide_a_packet(pair: Pair) -> None:
    a, b = pair
    packet = tcp_answer(4, 443, FIRST, "SA")
    with a.entered(), receiver() as ring:
        flood(b, [framed(Dot1Q(vlan=0, prio=5) / packet), framed(packet).ljust(60, b"\0")])
        batches = gather(ring, 2)
    assert ports_of(batches) == [FIRST, FIRST]
    answers = [dissect(batch.packets, batch.lengths) for batch in batches]
    assert all(proven(some, Cookie(KEY)).all() for some in answers)


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
        kept = batch.packets[0, : batch.lengths[0]].tobytes()
        flood(b, [answer(LAST)] * 4200)
        gather(ring, 4096)
        assert batch.packets[0, : batch.lengths[0]].tobytes() == kept == answer(FIRST)[14:]


def test_unknown_machines_are_refused() -> None:
    assert fence("x86_64")() is None
    assert callable(fence("aarch64"))
    with pytest.raises(InvalidInput, match="--engine connect"):
        fence("vax")


def test_a_ring_that_cannot_be_had_is_an_error_of_the_system(lab: Lab) -> None:
    with lab.namespace().entered(), pytest.raises(OSError, match="Invalid argument"):
        receiver(slots=1000)
