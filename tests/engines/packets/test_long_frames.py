"""Datagrams of every length leave by every sender, mixed, and a real kernel takes each: its checksums are right."""

import select
import socket
from collections import Counter
from ipaddress import ip_address

import numpy as np
import pytest

from scanner.core.packets.datagram_proof import DatagramProof
from scanner.core.packets.datagrams import DatagramTemplate, fill_datagrams
from scanner.core.packets.parse_datagrams import DatagramKind, dissect_datagrams
from scanner.core.udp.question import Payload, Token, compose
from scanner.engines.packets.af_xdp import xdp_sender
from scanner.engines.packets.answer_filter import UDP
from scanner.engines.packets.receive_ring import LONG_SLOT, Receiver
from scanner.engines.packets.sendmmsg import Sender, ip_sender, packet_sender
from tests.core.packets.frames import KEY, words
from tests.engines.probes import mac
from tests.netlab.lab import Lab, Namespace

pytestmark = pytest.mark.netlab
Pair = tuple[Namespace, Namespace]
PORT, FIRST, COUNT = 7000, 20_000, 256
SIZES = (0, 30, 90, 200, 464, 1200, 1400)
QUESTIONS = [compose(Token(4), bytes([size % 251]) * (size - 4)) if size else Payload(b"") for size in SIZES]
BOTH = pytest.mark.parametrize(
    ("version", "source", "target"), [(4, "10.77.0.1", "10.77.0.2"), (6, "fd77::1", "fd77::2")]
)


def listening(host: Namespace, address: str) -> socket.socket:
    with host.entered():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)  # SO_RCVBUFFORCE
    sock.bind((address, PORT))
    sock.setblocking(False)
    return sock


def ask(sender: Sender, template: DatagramTemplate, address: str, count: int) -> int:
    """Send a question so many times to one endpoint; how many went."""
    high, low = words([address])
    proof = DatagramProof(KEY, first_port=FIRST, count=COUNT)
    made = proof.of(template.version, high=high, low=low, port=np.array([PORT], np.uint16))
    done = 0
    while done < count:
        rows = sender.rows(template, count - done)
        size = len(rows)
        fill_datagrams(
            template,
            rows,
            high=np.repeat(high, size),
            low=np.repeat(low, size),
            port=np.full(size, PORT, np.uint16),
            source_port=np.repeat(made.source_port, size),
            label=np.repeat(made.label, size),
            token=np.repeat(made.token, size, axis=0),
        )
        sent = sender.send(size)
        assert sent.error == 0
        done += sent.count
    return done


def heard(sock: socket.socket, wanted: int) -> Counter[int]:
    """How many datagrams of each length came, until there are as many as wanted or none comes for a second."""
    sizes: Counter[int] = Counter()
    while sizes.total() < wanted and select.select([sock], [], [], 1)[0]:
        sizes[len(sock.recv(4096))] += 1
    return sizes


def mixed(sender: Sender, source: str, target: str, sock: socket.socket, macs: tuple[bytes, bytes] | None) -> None:
    templates = [DatagramTemplate.of(question, ip_address(source), macs=macs) for question in QUESTIONS]
    for turn in range(40):
        counts = [1 + (turn * 7 + place * 5) % 23 for place in range(len(SIZES))]
        for template, count in zip(templates, counts, strict=True):
            assert ask(sender, template, target, count) == count
        assert heard(sock, sum(counts)) == Counter(dict(zip(SIZES, counts, strict=True)))
    for template, size in zip(templates, SIZES, strict=True):
        assert ask(sender, template, target, 700) == 700
        assert heard(sock, 700) == {size: 700}


@BOTH
@pytest.mark.parametrize("wire", ["sendmmsg", "af_xdp"])
def test_frames_of_any_length_in_any_order(pair: Pair, version: int, source: str, target: str, wire: str) -> None:
    a, b = pair
    macs = (bytes.fromhex(mac(b).replace(":", "")), bytes.fromhex(mac(a).replace(":", "")))
    with listening(b, target) as sock, a.entered():
        try:
            sender = packet_sender("v0") if wire == "sendmmsg" else xdp_sender("v0")
        except OSError as error:
            pytest.skip(f"no AF_XDP for sending here: {error}")
        mixed(sender, source, target, sock, macs)
        sender.close()


@pytest.mark.parametrize(("version", "address"), [(4, "127.0.0.1"), (6, "::1")])
def test_bare_packets_to_this_machine(lab: Lab, version: int, address: str) -> None:
    host = lab.namespace()
    with listening(host, address) as sock, host.entered():
        sender = ip_sender(version)
        mixed(sender, address, address, sock, None)
        sender.close()


@BOTH
def test_answers_and_errors_of_a_real_kernel_hold_the_proof(pair: Pair, version: int, source: str, target: str) -> None:
    a, b = pair
    b.sysctl("net.ipv4.icmp_ratelimit", 0)
    b.sysctl("net.ipv6.icmp.ratelimit", 0)
    macs = (bytes.fromhex(mac(b).replace(":", "")), bytes.fromhex(mac(a).replace(":", "")))
    ring_of = {"first_port": FIRST, "last_port": FIRST + COUNT - 1, "slots": 1024, "slot_bytes": LONG_SLOT}
    proof = DatagramProof(KEY, first_port=FIRST, count=COUNT)
    with a.entered(), Receiver(version, **ring_of, protocol=UDP) as ring:
        sender = packet_sender("v0")
        with listening(b, target) as sock:
            ask(sender, DatagramTemplate.of(QUESTIONS[1], ip_address(source), macs=macs), target, 1)
            assert select.select([sock], [], [], 5)[0]
            sock.sendto(b"a" * 1400, sock.recvfrom(4096)[1])
            assert select.select([ring], [], [], 5)[0]
            batch = ring.read()
        found = dissect_datagrams(batch.packets, batch.lengths)
        assert (found.kind.tolist(), proof.holds(found).tolist()) == ([DatagramKind.ANSWER], [True])
        assert batch.packets[0, found.data[0] : found.end[0]].tobytes() == b"a" * 1400
        ask(sender, DatagramTemplate.of(QUESTIONS[1], ip_address(source), macs=macs), target, 1)
        assert select.select([ring], [], [], 5)[0]
        batch = ring.read()
        sender.close()
    found = dissect_datagrams(batch.packets, batch.lengths)
    assert (found.kind.tolist(), proof.holds(found).tolist()) == ([DatagramKind.ICMP], [True])
