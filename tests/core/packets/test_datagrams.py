"""Datagrams that numpy fills are those that scapy would have built, and what quotes them is read back."""

from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from scanner.core.packets.build import stamp
from scanner.core.packets.datagrams import (
    MOST_PAYLOAD,
    DatagramTemplate,
    datagram_checksum,
    fill_datagrams,
    token_columns,
)
from scanner.core.udp.catalogue import QUESTIONS, Catalogue
from scanner.core.udp.question import Form, Payload, Question, Token, compose
from tests.core.packets.frames import OURS, network, ports, words

MACS = (bytes([2, 0, 0, 0, 0, 2]), bytes([2, 0, 0, 0, 0, 1]))
HOPS = np.array([[2, 0, 0, 0, 1, 7]], np.uint8)
ADDRESSES = {4: st.integers(0, 2**32 - 1), 6: st.integers(0, 2**128 - 1)}
TOKENS = st.builds(
    Token,
    width=st.integers(1, 8),
    form=st.sampled_from(Form),
    keep=st.integers(0, 255),
    put=st.integers(0, 255),
)
PARTS = st.lists(st.one_of(TOKENS, st.binary(max_size=60)), max_size=5)


def filled(
    payload: Payload,
    version: int,
    number: int,
    *,
    port: int = 53,
    source_port: int = 20_000,
    label: int = 1,
    token: bytes = bytes(8),
    ethernet: bool = False,
) -> bytes:
    """The frame that `fill_datagrams` makes for one endpoint."""
    template = DatagramTemplate.of(payload, ip_address(OURS[version]), macs=MACS if ethernet else None)
    rows = np.full((1, 2048), 0xEE, np.uint8)
    stamp(template, rows)
    fill_datagrams(
        template,
        rows,
        high=np.array([number >> 64], np.uint64),
        low=np.array([number & (1 << 64) - 1], np.uint64),
        port=ports(port),
        source_port=ports(source_port),
        label=np.array([label], np.uint32),
        token=np.frombuffer(token, np.uint8).reshape(1, 8),
        hops=HOPS if ethernet else None,
    )
    assert (rows[0, len(template) :] == 0xEE).all()
    return rows[0, : len(template)].tobytes()


def by_scapy(version: int, number: int, payload: bytes, *, port: int, source_port: int, label: int) -> Packet:
    """The same datagram as scapy builds it."""
    there = str(ip_address(number.to_bytes(4 if version == 4 else 16)))
    fields = {"flags": "DF", "id": label} if version == 4 else {"fl": label}
    packet = network(version, OURS[version], there, **fields) / UDP(sport=source_port, dport=port)
    return packet / Raw(payload) if payload else packet


@pytest.mark.parametrize("version", [4, 6])
@settings(max_examples=300)
@given(data=st.data(), token=st.binary(min_size=8, max_size=8), parts=PARTS)
def test_every_byte_is_as_scapy_would_have_it(version: int, data: st.DataObject, token: bytes, parts: list) -> None:
    payload = compose(*parts)
    number = data.draw(ADDRESSES[version])
    fields = {
        "port": data.draw(st.integers(0, 65535)),
        "source_port": data.draw(st.integers(0, 65535)),
        "label": data.draw(st.integers(1, (1 << (16 if version == 4 else 20)) - 1)),
    }
    frame = filled(payload, version, number, token=token, **fields)  # type: ignore[arg-type]
    assert frame == bytes(by_scapy(version, number, payload.of(token), **fields))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: f"{each.protocol}-{each.ports[0]}")
def test_every_question_of_the_catalogue(version: int, question: Question) -> None:
    token, number = bytes(range(250, 242, -1)), int(ip_address("10.0.0.9" if version == 4 else "fd77::9"))
    frame = filled(question.payload, version, number, token=token)
    wanted = by_scapy(version, number, question.payload.of(token), port=53, source_port=20_000, label=1)
    assert frame == bytes(wanted)


@pytest.mark.parametrize("size", [0, 1, 22, 23, 1399, 1400])
def test_lengths_up_to_the_longest_question(size: int) -> None:
    frame = filled(Payload(bytes(size)), 4, 7)
    assert len(frame) == 28 + size
    assert frame == bytes(by_scapy(4, 7, bytes(size), port=53, source_port=20_000, label=1))


def test_a_question_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="1400"):
        DatagramTemplate.of(Payload(bytes(MOST_PAYLOAD + 1)), ip_address("10.0.0.1"))


@pytest.mark.parametrize("version", [4, 6])
def test_frames_on_ethernet_carry_each_rows_next_hop(version: int) -> None:
    frame = Ether(filled(Payload(b"abc"), version, 9, ethernet=True))
    assert (frame.dst, frame.src) == ("02:00:00:00:01:07", "02:00:00:00:00:01")
    assert frame.type == (0x0800 if version == 4 else 0x86DD)
    assert bytes(frame[IP if version == 4 else IPv6])[-3:] == b"abc"


def test_a_checksum_of_zero_is_sent_as_its_other_form() -> None:
    """RFC 768: 0 says that there is none."""
    base = int.from_bytes(filled(Payload(b"\0\0"), 4, 9)[26:28])
    frame = filled(Payload(base.to_bytes(2)), 4, 9)
    assert frame[26:28] == b"\xff\xff"
    assert datagram_checksum(ip_address(OURS[4]).packed, bytes([0, 0, 0, 9]), 20_000, 53, base.to_bytes(2)) == 0xFFFF


@pytest.mark.parametrize("version", [4, 6])
@given(data=st.data(), payload=st.binary(max_size=70), port=st.integers(0, 65535), source_port=st.integers(0, 65535))
def test_the_checksum_of_one_datagram(
    version: int, data: st.DataObject, payload: bytes, port: int, source_port: int
) -> None:
    number = data.draw(ADDRESSES[version])
    frame = filled(Payload(payload), version, number, port=port, source_port=source_port)
    header = 20 if version == 4 else 40
    there = number.to_bytes(4 if version == 4 else 16)
    expected = datagram_checksum(ip_address(OURS[version]).packed, there, source_port, port, payload)
    assert int.from_bytes(frame[header + 6 : header + 8]) == expected


@given(slot=TOKENS, tokens=st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=5))
def test_tokens_by_column_are_those_of_one(slot: Token, tokens: list[bytes]) -> None:
    table = np.frombuffer(b"".join(tokens), np.uint8).reshape(-1, 8)
    assert [row.tobytes() for row in token_columns(slot, table)] == [slot.write(token) for token in tokens]


def test_no_question_is_too_long_for_a_frame() -> None:
    assert max(len(question.payload.data) for question in Catalogue().everything) <= MOST_PAYLOAD


def test_columns_need_not_be_contiguous() -> None:
    template = DatagramTemplate.of(compose(b"a", Token(8)), ip_address(OURS[6]))
    high, low = (np.repeat(column, 2)[::2] for column in words(["fd77::1", "fd77::2"]))
    rows = np.zeros((2, 128), np.uint8)
    stamp(template, rows)
    table = np.arange(32, dtype=np.uint8).reshape(2, 16)[:, ::2]
    fill_datagrams(
        template,
        rows,
        high=high,
        low=low,
        port=ports(1, 2),
        source_port=ports(3, 4),
        label=np.array([5, 6], np.uint32),
        token=table,
    )
    for row, packed in zip(rows, table, strict=True):
        frame = IPv6(row[: len(template)].tobytes())
        assert bytes(frame[UDP].payload) == b"a" + packed.tobytes()
        del frame[UDP].chksum
        assert bytes(frame) == row[: len(template)].tobytes()
