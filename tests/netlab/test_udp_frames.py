"""UDP by frames: the same table as by sockets and by nmap, nothing believed without proof, no answer answered."""

import asyncio
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from scapy.layers.inet import ICMP, UDP
from scapy.utils import rdpcap

from scanner.core.errors import OutOfScope
from scanner.core.model import State
from scanner.core.rate.limits import UNLIMITED
from scanner.core.targets.ranges import Span
from scanner.core.udp.catalogue import EMPTY, Catalogue
from scanner.engines.choose import Wire
from scanner.engines.syn.scope_filter import ScopeFilter
from scanner.engines.udp import held_ports
from scanner.engines.udp.engine import UdpEngine, UdpOptions
from scanner.engines.udp.frames import FrameOptions, FrameWire
from scanner.engines.udp.wire import Probe, WayState
from tests.netlab.lab import Lab, Namespace, why_not
from tests.netlab.sweeping import permit
from tests.netlab.test_udp_lab import by_state, sweep, udp_plan

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
TARGETS = ("10.77.0.2", "fd77::2")
Answer = Callable[[socket.socket, bytes, tuple[str, int]], object]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@contextmanager
def serving(host: Namespace, answer: Answer, *ports: int) -> Iterator[None]:
    """UDP servers in a thread, on every address of a host."""
    with host.entered():
        socks = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in ports]
    for sock, port in zip(socks, ports, strict=True):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("", port))
    stop, wake = socket.socketpair()

    def serve() -> None:
        while stop not in (ready := select.select([*socks, stop], [], [])[0]):
            for sock in ready:
                data, peer, *_ = (*sock.recvfrom(4096)[:2],)
                answer(sock, data, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        wake.close()
        thread.join()
        for each in (*socks, stop):
            each.close()


def echo(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
    sock.sendto(b"hello " + data, peer)


def unlimited(host: Namespace) -> None:
    """Let a host tell of every closed port."""
    host.sysctl("net.ipv4.icmp_ratelimit", 0)
    host.sysctl("net.ipv6.icmp.ratelimit", 0)
    host.sysctl("net.ipv4.icmp_msgs_per_sec", 1_000_000)
    host.sysctl("net.ipv4.icmp_msgs_burst", 100_000)


def nmap(host: Namespace, target: str, ports: range) -> dict[tuple[str, int], str]:
    """What nmap says of each port, in its own words."""
    words = ["-6"] if ":" in target else []
    listed = f"{ports.start}-{ports.stop - 1}"
    said = host.run("nmap", "-sU", "-Pn", "-n", *words, "-T4", "-oG", "-", "-p", listed, target, seconds=300)
    (most,) = re.findall(r"Ignored State: ([a-z|]+)", said.stdout)
    told = {int(port): state for port, state in re.findall(r"(\d+)/([a-z|]+)/udp", said.stdout)}
    return {(target, port): told.get(port, most) for port in ports}


@pytest.mark.parametrize("target", TARGETS)
def test_frames_sockets_and_nmap_agree(lab: Lab, target: str) -> None:
    """Two thousand ports: open, closed, silent and prohibited ones."""
    a, b = lab.pair()
    unlimited(b)
    ports = range(2000, 4000)
    kind = "icmpv6" if ":" in target else "icmp"
    b.nft("add rule inet lab input udp dport { 2100, 2200, 3300 } drop")
    b.nft(f"add rule inet lab input udp dport 2400-2404 reject with {kind} admin-prohibited")
    with serving(b, echo, 2500, 2501, 3999):
        by_sockets = sweep(a, target, ports)
        by_frames = sweep(a, target, ports, wire=Wire.SENDMMSG)
        by_xdp = sweep(a, target, ports, wire=Wire.AF_XDP)
        by_nmap = nmap(a, target, ports)
    tables = [
        {key: (seen.state, seen.reason, seen.evidence) for key, seen in found.items()}
        for found in (by_sockets, by_frames, by_xdp)
    ]
    assert tables[0] == tables[1] == tables[2]
    assert by_state(by_frames, State.OPEN) == {2500, 2501, 3999}
    assert by_state(by_frames, State.OPEN_FILTERED) == {2100, 2200, 3300}
    assert by_state(by_frames, State.FILTERED) == set(range(2400, 2405))
    assert {key: seen.state.value for key, seen in by_frames.items()} == by_nmap


@pytest.mark.parametrize("target", TARGETS)
def test_this_machine_does_not_answer_answers(lab: Lab, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = lab.pair()
    a.counter("said")
    a.nft("add rule inet lab output icmp type destination-unreachable counter name said")
    a.nft("add rule inet lab output icmpv6 type destination-unreachable counter name said")
    ports = range(5000, 5030)
    with serving(b, echo, *ports):
        found = sweep(a, target, ports, wire=Wire.SENDMMSG)
        assert by_state(found, State.OPEN) == set(ports)
        assert a.packets("said") == 0
        monkeypatch.setattr(held_ports, "_bound", lambda ports: tuple(socket.socket() for _ in ports))
        sweep(a, target, ports, wire=Wire.SENDMMSG)
    assert a.packets("said") > 0  # without holding the ports it does


@pytest.mark.parametrize("target", TARGETS)
def test_an_answer_to_another_port_of_ours_is_not_heard(lab: Lab, target: str) -> None:
    a, b = lab.pair()

    def astray(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        for step in (-1, 1):
            sock.sendto(b"x" + data, (peer[0], peer[1] + step))

    with serving(b, astray, 5000):
        found = sweep(a, target, (5000, 5001), wire=Wire.SENDMMSG)
    assert by_state(found, State.OPEN) == set()
    assert by_state(found, State.CLOSED) == {5001}


def test_an_error_with_the_right_port_and_a_wrong_label_or_checksum_is_not_believed(lab: Lab) -> None:
    """The forger sees the question, and gets one of the keyed fields wrong; the last error is a true one."""
    a, b = lab.pair()
    with b.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        tap.bind(("v0", 0x0800))
        tap.settimeout(10)
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    b.nft("add rule inet lab input udp dport 161 drop")

    def forge() -> None:
        while (packet := tap.recv(2048))[9] != 17:
            pass
        for at in (4, 27, 21):  # identification, checksum, source port
            lie = bytearray(packet[:28])
            lie[at] ^= 1
            raw.sendto(_icmp(bytes(lie)), ("10.77.0.1", 0))

    forger = threading.Thread(target=forge, daemon=True)
    forger.start()
    found = sweep(a, "10.77.0.2", (161,), wire=Wire.SENDMMSG)
    forger.join(10)
    assert not forger.is_alive()
    assert {seen.reason for seen in found.values()} == {"udp-silent-host"}

    def confess() -> None:
        while (packet := tap.recv(2048))[9] != 17:
            pass
        raw.sendto(_icmp(packet[:28]), ("10.77.0.1", 0))

    while select.select([tap], [], [], 0)[0]:
        tap.recv(2048)
    honest = threading.Thread(target=confess, daemon=True)
    honest.start()
    found = sweep(a, "10.77.0.2", (161,), wire=Wire.SENDMMSG)
    honest.join(10)
    for each in (tap, raw):
        each.close()
    assert {seen.reason for seen in found.values()} == {"port-unreachable"}


def _icmp(quoted: bytes) -> bytes:
    """A port-unreachable that quotes bytes (RFC 792)."""
    body = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return body[:2] + (0xFFFF - total).to_bytes(2) + body[4:]


@pytest.mark.parametrize("address", ["10.77.0.1", "fd77::1"])
def test_ports_that_this_scan_holds_are_said_to_be_so(lab: Lab, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a, _ = lab.pair()
    monkeypatch.setattr("scanner.engines.udp.frames.secrets.randbelow", lambda _: 0)
    found = sweep(a, address, range(9_990, 10_010), wire=Wire.SENDMMSG)
    assert by_state(found, State.CLOSED) == set(range(9_990, 10_010))
    held = {port for (_, port), seen in found.items() if seen.evidence == "the port is held by this scan"}
    assert held == set(range(10_000, 10_010))


def test_neighbours_on_the_link_each_have_their_own_hop(lab: Lab) -> None:
    a, b = lab.pair()
    unlimited(b)
    for number in range(10, 40):
        b.ip("address", "add", f"10.77.0.{number}/24", "dev", "v0")
    found = sweep(a, "10.77.0.0/26", (53, 161, 5000), wire=Wire.SENDMMSG)
    states = {address: {seen.reason for (each, _), seen in found.items() if each == address} for address, _ in found}
    there = {f"10.77.0.{number}" for number in (1, 2, *range(10, 40))}
    assert {address for address, said in states.items() if said == {"port-unreachable"}} == there
    assert {address for address, said in states.items() if said == {"host-unreachable"}} >= {"10.77.0.3", "10.77.0.50"}


def test_what_proves_something_leaves_behind_everything_else(lab: Lab) -> None:
    """Suspects and canaries of several hosts go out together, whatever they are asked."""
    a, b = lab.pair()
    with b.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        tap.bind(("v0", 0x0800))
        tap.settimeout(5)
    address = ip_address("10.77.0.2")
    with a.entered():
        wire = FrameWire(FrameOptions(ScopeFilter([Span(4, int(address), int(address))]), wire=Wire.SENDMMSG))
        (way,) = wire.ways(np.array([4], np.uint8), np.zeros(1, np.uint64), np.array([int(address)], np.uint64))
        until = monotonic() + 5
        while wire.way(way, monotonic()) is not WayState.OPEN and monotonic() < until:
            wire.keep_up(monotonic(), 8)
        payloads = [EMPTY, *(question.payload for question in Catalogue().everything)]
        probes = [
            Probe(
                address, str(address), 1000 + turn, payloads[turn % len(payloads)], bytes(8), way=way, last=not turn % 5
            )
            for turn in range(200)
        ]
        assert wire.send(probes) == {}
        wire.close()
    ports: list[int] = []
    while len(ports) < len(probes):
        packet = tap.recv(2048)
        if packet[9] == 17:
            ports.append(int.from_bytes(packet[22:24]))
    tap.close()
    proving = {probe.port for probe in probes if probe.last}
    assert set(ports[-len(proving) :]) == proving
    assert sorted(ports) == [probe.port for probe in probes]


def test_an_address_that_is_not_permitted_stops_before_any_frame(lab: Lab) -> None:
    a, _ = lab.pair()
    permitted = ScopeFilter([Span(4, int(ip_address("10.77.0.3")), int(ip_address("10.77.0.9")))])
    with a.entered():
        wire = FrameWire(FrameOptions(permitted))
        (way,) = wire.ways(np.array([4], np.uint8), np.zeros(1, np.uint64), np.array([0x0A4D0001], np.uint64))
        address = ip_address("10.77.0.1")
        with pytest.raises(OutOfScope, match=r"10\.77\.0\.1"):
            wire.send([Probe(address, str(address), 53, EMPTY, bytes(8), way=way)])
        wire.close()


def test_accepted_answers_are_kept_as_a_capture(lab: Lab, tmp_path: Path) -> None:
    a, b = lab.pair()
    plan = udp_plan("10.77.0.2", (5000, 5001))
    how = FrameOptions(permit(plan), wire=Wire.SENDMMSG, pcap=tmp_path / "answers.pcap")
    engine = UdpEngine(UdpOptions(bytes(16), frames=how), UNLIMITED)

    async def run() -> None:
        async for _ in engine.run(map(plan.wave, plan.numbers())):
            pass

    with serving(b, echo, 5000), a.entered():
        asyncio.run(run())
    packets = rdpcap(str(tmp_path / "answers.pcap"))
    assert {bytes(packet[UDP].payload) for packet in packets if UDP in packet} == {b"hello "}
    assert any(ICMP in packet and packet[ICMP].code == 3 for packet in packets)


def test_ports_are_held_for_both_versions_and_given_back(lab: Lab) -> None:
    host = lab.namespace()
    with host.entered():
        held = held_ports.hold_ports(lambda _: 0, most=64)
        assert held.first == 10_000
        assert held.numbers == frozenset(range(10_000, 10_000 + held.count))
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as asker:
                asker.connect((address, 10_000))
                asker.send(b"x")  # it is taken without an error, and not kept
                asker.send(b"x")
                with pytest.raises(OSError, match="in use"):
                    socket.socket(family, socket.SOCK_DGRAM).bind((address, 10_001))
        assert not select.select(held.sockets, [], [], 0)[0]
        held.close()
        held_ports.hold_ports(lambda _: 0, most=64).close()


def test_a_block_with_a_port_that_is_taken_is_not_chosen(lab: Lab) -> None:
    host = lab.namespace()
    with host.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 10_005))
        picks = iter([0, 0, 100])
        held = held_ports.hold_ports(lambda _: next(picks), most=64)
        assert 10_005 not in held.numbers
        held.close()


def test_silence_while_the_link_was_cut_says_nothing(lab: Lab) -> None:
    """The cable is out for as long as it takes to notice, after the first question has arrived."""
    a, b = lab.pair()
    b.nft("add rule inet lab input meta l4proto udp drop")
    with b.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        tap.bind(("v0", 0x0800))
        tap.settimeout(10)

    def cut() -> None:
        while tap.recv(2048)[9] != 17:
            pass
        b.ip("link", "set", "v0", "down")
        while " state UP " in a.ip("link", "show", "v0"):
            pass
        b.ip("link", "set", "v0", "up")

    cutter = threading.Thread(target=cut, daemon=True)
    cutter.start()
    found = sweep(a, "10.77.0.2", (53, 5000), wire=Wire.SENDMMSG)
    cutter.join(10)
    tap.close()
    assert {(seen.state, seen.reason) for seen in found.values()} == {(State.UNKNOWN, "link-down")}
