"""Answers to UDP questions and ICMP errors about them are read as scapy built them, and forgeries hold no proof."""

from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, TCP, UDP, IPOption_RR
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply
from scapy.packet import Packet, Raw

from scanner.core.packets.datagram_proof import DatagramProof
from scanner.core.packets.parse_datagrams import DatagramKind, Datagrams, dissect_datagrams
from tests.core.packets.frames import KEY, OURS, ROUTER, THEIRS, framed, network, ports, words

FIRST, COUNT = 20_000, 4096
WIDE = 1968
BOTH = pytest.mark.parametrize("version", [4, 6])


def proof() -> DatagramProof:
    return DatagramProof(KEY, first_port=FIRST, count=COUNT)


def keyed(version: int, port: int) -> tuple[int, int]:
    """The source port and label of an endpoint at `THEIRS`."""
    high, low = words([THEIRS[version]])
    made = proof().of(version, high=high, low=low, port=ports(port))
    return int(made.source_port[0]), int(made.label[0])


def question(version: int, port: int, payload: bytes = b"question") -> Packet:
    """What we sent to an endpoint at `THEIRS`."""
    source_port, label = keyed(version, port)
    fields = {"id": label, "flags": "DF"} if version == 4 else {"fl": label}
    return network(version, OURS[version], THEIRS[version], **fields) / UDP(sport=source_port, dport=port) / payload


def answer(version: int, port: int, payload: bytes = b"answer", **ip: object) -> Packet:
    return (
        network(version, THEIRS[version], OURS[version], **ip)
        / UDP(sport=port, dport=keyed(version, port)[0])
        / payload
    )


def unreachable(version: int, quoted: bytes, code: int = 3) -> Packet:
    kind = ICMP(type=3, code=code) if version == 4 else ICMPv6DestUnreach(code=code)
    return network(version, ROUTER[version], OURS[version]) / kind / quoted


def read(*packets: Packet) -> tuple[Datagrams, list[bool], list[bytes]]:
    """The columns, whether each is proven, and the payload of each."""
    rows, lengths = framed([bytes(packet) for packet in packets], width=WIDE)
    found = dissect_datagrams(rows, lengths)
    data = [row[start:end].tobytes() for row, start, end in zip(rows, found.data, found.end, strict=True)]
    return found, proof().holds(found).tolist(), data


@BOTH
@pytest.mark.parametrize("size", [0, 1, 40, 1400])
def test_an_answer_is_read_with_its_payload(version: int, size: int) -> None:
    payload = bytes(range(256)) * 6
    found, held, data = read(answer(version, 53, payload[:size]))
    high, low = words([THEIRS[version]])
    assert (held, data) == ([True], [payload[:size]])
    assert (found.kind[0], found.version[0], found.port[0]) == (DatagramKind.ANSWER, version, 53)
    assert (found.high[0], found.low[0]) == (high[0], low[0])
    assert found.source_port[0] == keyed(version, 53)[0]


def test_padding_of_short_frames_is_no_payload() -> None:
    rows, _ = framed([bytes(answer(4, 53, b"xy")) + bytes(30)], width=WIDE)
    found = dissect_datagrams(rows, np.array([60]))
    assert rows[0, found.data[0] : found.end[0]].tobytes() == b"xy"


@BOTH
def test_an_error_is_read_with_all_that_it_quotes(version: int) -> None:
    sent = question(version, 161)
    found, held, data = read(unreachable(version, bytes(sent)))
    checked = type(sent)(bytes(sent))[UDP].chksum
    high, low = words([ROUTER[version]])
    ours = words([OURS[version]])
    assert (held, data) == ([True], [b"question"])
    assert (found.kind[0], found.port[0], found.icmp_code[0]) == (DatagramKind.ICMP, 161, 3)
    assert (found.label[0], found.checksum[0]) == (keyed(version, 161)[1], checked)
    assert (found.router_high[0], found.router_low[0]) == (high[0], low[0])
    assert (found.our_high[0], found.our_low[0]) == (ours[0][0], ours[1][0])


@BOTH
def test_eight_bytes_are_enough_and_seven_are_not(version: int) -> None:
    header = 20 if version == 4 else 40
    quoted = bytes(question(version, 161))
    found, held, data = read(*(unreachable(version, quoted[: header + size]) for size in (8, 7)))
    assert held == [True, False]
    assert data[0] == b""
    assert found.kind.tolist() == [DatagramKind.ICMP, DatagramKind.OTHER]


def test_padding_behind_a_quote_is_not_quoted() -> None:
    """RFC 4884 5: what is quoted may be filled up to 128 bytes."""
    _, held, data = read(unreachable(4, bytes(question(4, 161)).ljust(128, b"\0")))
    assert (held, data) == ([True], [b"question"])


def test_options_do_not_hide_anything() -> None:
    options = [IPOption_RR(routers=["1.2.3.4"] * 9)]
    sent = question(4, 53)
    sent.options = options
    error = unreachable(4, bytes(sent))
    error.options = options
    _, held, data = read(answer(4, 53, options=options), error)
    assert (held, data) == ([True, True], [b"answer", b"question"])


def test_of_an_answer_in_fragments_the_first_counts() -> None:
    found, held, _ = read(answer(4, 53, flags="MF"), answer(4, 53, frag=5))
    assert held == [True, False]
    assert found.kind.tolist() == [DatagramKind.ANSWER, DatagramKind.OTHER]


@BOTH
def test_other_packets_are_nothing(version: int) -> None:
    source_port, _ = keyed(version, 53)
    tcp = network(version, THEIRS[version], OURS[version]) / TCP(sport=53, dport=source_port)
    about_tcp = unreachable(version, bytes(network(version, OURS[version], THEIRS[version]) / TCP(sport=source_port)))
    echo = network(version, THEIRS[version], OURS[version]) / (ICMP(type=0) if version == 4 else ICMPv6EchoReply())
    short = answer(version, 53)
    short[UDP].len = 7
    found, held, _ = read(tcp, about_tcp, echo / Raw(bytes(question(version, 53))), short)
    assert (set(found.kind.tolist()), any(held)) == ({DatagramKind.OTHER}, False)


@BOTH
@settings(max_examples=200)
@given(bits=st.integers(1, 2**64 - 1))
def test_a_forged_quote_holds_no_proof(version: int, bits: int) -> None:
    """Whatever differs in port of ours, label, port asked or address."""
    sent = question(version, 161)
    number = int(ip_address(THEIRS[version])) ^ (bits & 0xFF)
    sent.dst = str(type(ip_address(THEIRS[version]))(number))
    sent[UDP].sport ^= (bits >> 8) & 0xFFF
    sent[UDP].dport ^= (bits >> 24) & 0xFFFF
    if version == 4:
        sent.id ^= (bits >> 40) & 0xFFFF
    else:
        sent.fl ^= (bits >> 40) & 0xFFFFF
    same = bytes(sent) == bytes(question(version, 161))
    _, held, _ = read(unreachable(version, bytes(sent)))
    assert held == [same]


@BOTH
def test_of_many_forged_errors_about_as_many_are_believed_as_the_proof_has_bits(version: int) -> None:
    """Port and label are drawn evenly: 12 bits and 16 or 20."""
    size = 1 << 20
    random = np.random.default_rng(version)
    high, low = (np.repeat(column, size) for column in words([THEIRS[version]]))
    wanted = ports(*([161] * size))
    made = proof().of(version, high=high, low=low, port=wanted)
    guessed_port = random.integers(FIRST, FIRST + COUNT, size).astype(np.uint16)
    guessed_label = random.integers(0, 1 << (16 if version == 4 else 20), size)
    assert np.count_nonzero((made.source_port == guessed_port) & (made.label == guessed_label)) <= 1


@BOTH
def test_ports_and_labels_of_endpoints_are_spread_and_no_label_is_zero(version: int) -> None:
    size = 1 << 16
    high, low = (np.repeat(column, size) for column in words([THEIRS[version]]))
    made = proof().of(version, high=high, low=low, port=np.arange(size, dtype=np.uint16))
    counts = np.bincount(made.source_port - FIRST, minlength=COUNT)
    assert len(counts) == COUNT
    assert counts.max() < 50
    assert made.label.min() > 0
    assert len(np.unique(made.label)) > size // 2
    assert len(np.unique(made.token.view(np.uint64))) == size


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=300), max_size=4))
def test_nothing_is_raised_for_any_bytes(packets: list[bytes]) -> None:
    rows, lengths = framed([packet[:WIDE] for packet in packets], width=WIDE)
    found = dissect_datagrams(rows, lengths)
    assert (found.end >= found.data).all()
    proof().holds(found)
