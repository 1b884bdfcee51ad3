"""The kernel's filter, run by the kernel on chosen frames: it must pass every answer, and little else.

A filter can be set on any socket. A pair of datagram sockets is the shortest way to ask the kernel about some
bytes, and needs no right at all.
"""

import socket
import sys
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, TCP, UDP, IPOption_RR
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply
from scapy.packet import Packet

from scanner.core.packets.parse import AnswerKind, dissect
from scanner.engines.bpf import attach_filter
from scanner.engines.packets.answer_filter import UDP as UDP_NUMBER
from scanner.engines.packets.answer_filter import answer_filter
from tests.core.packets.frames import OURS, ROUTER, framed, network, our_syn, tcp_answer

FIRST, LAST = 61000, 61010

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="classic BPF on sockets is Linux's")


class Gate:
    """A pair of sockets with a filter between them."""

    def __init__(self, program: bytes) -> None:
        self._in, self._out = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._out.setblocking(False)
        attach_filter(self._out, program)

    def passes(self, packet: Packet | bytes) -> bool:
        """Whether the kernel lets these bytes through, whole."""
        self._in.send(bytes(packet))
        try:
            return self._out.recv(2048) == bytes(packet)
        except BlockingIOError:
            return False

    def close(self) -> None:
        self._in.close()
        self._out.close()


@pytest.fixture(scope="module")
def gates() -> Iterator[Mapping[int, Gate]]:
    """A gate for each IP version."""
    made = {version: Gate(answer_filter(version, first_port=FIRST, last_port=LAST)) for version in (4, 6)}
    yield made
    for each in made.values():
        each.close()


def error(version: int, source_port: int, **fields: object) -> Packet:
    quoted = our_syn(version, 443, source_port)
    for name, value in fields.items():
        setattr(quoted, name, value)
    kind = ICMP(type=3, code=1) if version == 4 else ICMPv6DestUnreach()
    return network(version, ROUTER[version], OURS[version]) / kind / bytes(quoted)


@pytest.mark.parametrize("version", [4, 6])
def test_our_ports_pass_and_no_other(gates: Mapping[int, Gate], version: int) -> None:
    for make in (lambda port: tcp_answer(version, 443, port, "SA"), lambda port: error(version, port)):
        passed = [port for port in range(FIRST - 3, LAST + 4) if gates[version].passes(make(port))]
        assert passed == list(range(FIRST, LAST + 1))


def test_options_do_not_hide_the_port(gates: Mapping[int, Gate]) -> None:
    options = [IPOption_RR(routers=["1.2.3.4"] * 9)]
    assert gates[4].passes(tcp_answer(4, 443, FIRST, "RA", options=options))
    quoting = error(4, FIRST, options=options)
    quoting.options = options
    assert gates[4].passes(quoting)
    assert not gates[4].passes(error(4, FIRST - 1, options=options))


def test_the_rest_is_dropped(gates: Mapping[int, Gate]) -> None:
    quoted = bytes(our_syn(4, 443, FIRST))
    packets = [
        network(4, ROUTER[4], OURS[4]) / UDP(dport=FIRST),
        network(6, ROUTER[6], OURS[6]) / UDP(dport=FIRST),
        network(4, ROUTER[4], OURS[4]) / ICMP(type=0) / quoted,
        network(4, ROUTER[4], OURS[4]) / ICMP(type=5) / quoted,
        network(6, ROUTER[6], OURS[6]) / ICMPv6EchoReply(),
        network(4, ROUTER[4], OURS[4]) / ICMP(type=3) / (network(4, OURS[4], ROUTER[4]) / UDP(sport=FIRST)),
        network(6, ROUTER[6], OURS[6]) / ICMPv6DestUnreach() / (network(6, OURS[6], ROUTER[6]) / UDP(sport=FIRST)),
        tcp_answer(4, 443, FIRST, "SA", frag=5),
    ]
    assert [gates[packet.version].passes(packet) for packet in packets] == [False] * len(packets)
    for version, header in ((4, 20), (6, 40)):
        answer = bytes(tcp_answer(version, 443, FIRST, "SA"))
        passed = [size for size in range(1, len(answer)) if gates[version].passes(answer[:size])]
        assert passed == [*range(header + 4, len(answer))]


ANSWERS = [tcp_answer(version, 443, FIRST, "SA") for version in (4, 6)] + [error(version, FIRST) for version in (4, 6)]


@settings(max_examples=100)
@given(which=st.integers(0, 3), bends=st.lists(st.tuples(st.integers(0, 120), st.integers(1, 255)), max_size=4))
def test_whatever_reads_as_an_answer_passes(
    gates: Mapping[int, Gate], which: int, bends: list[tuple[int, int]]
) -> None:
    packet = bytearray(bytes(ANSWERS[which]))
    for offset, change in bends:
        packet[offset % len(packet)] ^= change
    answers = dissect(*framed([bytes(packet)]))
    if answers.kind[0] != AnswerKind.OTHER and FIRST <= answers.source_port[0] <= LAST:
        assert gates[int(answers.version[0])].passes(bytes(packet))


def test_a_probe_of_ours_carries_what_its_answers_do() -> None:
    """The packets of these tests are about one endpoint: SYN and SYN-ACK mirror each other."""
    probe, answer = our_syn(4, 443, FIRST), tcp_answer(4, 443, FIRST, "SA")
    assert (probe[TCP].sport, probe[TCP].seq + 1) == (answer[TCP].dport, answer[TCP].ack)


@pytest.fixture(scope="module")
def udp_gates() -> Iterator[Mapping[int, Gate]]:
    """A gate for answers to datagrams, for each IP version."""
    made = {
        version: Gate(answer_filter(version, first_port=FIRST, last_port=LAST, protocol=UDP_NUMBER))
        for version in (4, 6)
    }
    yield made
    for each in made.values():
        each.close()


@pytest.mark.parametrize("version", [4, 6])
def test_the_same_for_datagrams(udp_gates: Mapping[int, Gate], version: int) -> None:
    def answer(port: int) -> Packet:
        return network(version, ROUTER[version], OURS[version]) / UDP(dport=port) / b"answer"

    def about(port: int) -> Packet:
        quoted = network(version, OURS[version], ROUTER[version]) / UDP(sport=port)
        kind = ICMP(type=3, code=3) if version == 4 else ICMPv6DestUnreach()
        return network(version, ROUTER[version], OURS[version]) / kind / quoted

    for make in (answer, about):
        passed = [port for port in range(FIRST - 3, LAST + 4) if udp_gates[version].passes(make(port))]
        assert passed == list(range(FIRST, LAST + 1))
    assert not udp_gates[version].passes(tcp_answer(version, 443, FIRST, "SA"))
    assert not udp_gates[version].passes(error(version, FIRST))


def test_of_a_datagram_in_fragments_the_first_passes(udp_gates: Mapping[int, Gate]) -> None:
    packets = [network(4, ROUTER[4], OURS[4], **word) / UDP(dport=FIRST) for word in ({"flags": "MF"}, {"frag": 5})]
    assert [udp_gates[4].passes(packet) for packet in packets] == [True, False]
