"""Frames that numpy fills are those that scapy would have built, byte for byte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from scanner.core.packets.build import ETHERNET, RAW_IP, Template, fill, stamp
from tests.core.packets.frames import ports, syn, words

LAYER = {4: IP, 6: IPv6}
VERSIONS_AND_LINKS = [(version, link) for version in (4, 6) for link in (ETHERNET, RAW_IP)]
HOPS = np.array([[2, 0, 0, 0, 1, n] for n in range(3)], np.uint8)
ADDRESSES = {
    4: ["10.0.0.1", "255.255.255.255", "0.0.0.0"],
    6: ["fd77::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"],
}


def filled(template: Template, addresses: list[str], rows: np.ndarray, hops: np.ndarray | None = None) -> list[bytes]:
    """The frames that `fill` makes for three probes."""
    high, low = words(addresses)
    stamp(template, rows)
    sequence = np.array([0, 0xFFFFFFFF, 0x12345678], np.uint32)
    fill(
        template,
        rows,
        high=high,
        low=low,
        port=ports(80, 65535, 0),
        source_port=ports(61000, 65535, 1),
        sequence=sequence,
        hops=hops,
    )
    return [row[: len(template)].tobytes() for row in rows]


def rebuilt(frame: bytes, version: int, link: int) -> bytes:
    """The same frame with lengths and checksums as scapy computes them."""
    packet = Ether(frame) if link == ETHERNET else LAYER[version](frame)
    for layer, names in ((IP, ("len", "chksum", "ihl")), (IPv6, ("plen",)), (TCP, ("chksum", "dataofs"))):
        if layer in packet:
            for name in names:
                delattr(packet[layer], name)
    return bytes(packet)


@pytest.mark.parametrize(("version", "link"), VERSIONS_AND_LINKS)
@pytest.mark.parametrize("stride", [128, 2048])
def test_every_byte_is_as_scapy_would_have_it(version: int, link: int, stride: int) -> None:
    template = Template.from_frame(syn(version, link, options=[("MSS", 1460)], window=1024), link=link)
    hops = HOPS if link == ETHERNET else None
    frames = filled(template, ADDRESSES[version], np.full((3, stride), 0xEE, np.uint8), hops)
    for row, (frame, address) in enumerate(zip(frames, ADDRESSES[version], strict=True)):
        assert frame == rebuilt(frame, version, link)
        packet = Ether(frame) if link == ETHERNET else LAYER[version](frame)
        assert packet[LAYER[version]].dst == address
        expected = [(80, 61000, 0), (65535, 65535, 0xFFFFFFFF), (0, 1, 0x12345678)][row]
        assert (packet[TCP].dport, packet[TCP].sport, packet[TCP].seq) == expected
        assert packet[TCP].flags == "S"
        assert packet[TCP].options == [("MSS", 1460)]
        if link == ETHERNET:
            assert packet.dst == HOPS[row].tobytes().hex(":")


@pytest.mark.parametrize("version", [4, 6])
def test_the_templates_own_next_hop(version: int) -> None:
    template = Template.from_frame(syn(version, ETHERNET), link=ETHERNET)
    rows = np.zeros((3, 128), np.uint8)
    filled(template, ADDRESSES[version], rows, HOPS)
    frames = filled(template, ADDRESSES[version], rows)
    assert {Ether(frame).dst for frame in frames} == {"02:00:00:00:00:02"}


@pytest.mark.parametrize("version", [4, 6])
def test_nothing_is_written_beyond_the_frame(version: int) -> None:
    template = Template.from_frame(syn(version, RAW_IP), link=RAW_IP)
    rows = np.full((3, 128), 0xEE, np.uint8)
    filled(template, ADDRESSES[version], rows)
    assert (rows[:, len(template) :] == 0xEE).all()


@pytest.mark.parametrize("version", [4, 6])
@given(
    numbers=st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 65535), st.integers(0, 65535)),
    sequence=st.integers(0, 2**32 - 1),
)
def test_checksums_for_any_fields(version: int, numbers: tuple[int, int, int], sequence: int) -> None:
    address, port, source_port = numbers
    template = Template.from_frame(syn(version, RAW_IP), link=RAW_IP)
    rows = np.zeros((1, 128), np.uint8)
    stamp(template, rows)
    fill(
        template,
        rows,
        high=np.array([address >> 64], np.uint64),
        low=np.array([address & (0xFFFFFFFF if version == 4 else 2**64 - 1)], np.uint64),
        port=ports(port),
        source_port=ports(source_port),
        sequence=np.array([sequence], np.uint32),
    )
    frame = rows[0, : len(template)].tobytes()
    assert frame == rebuilt(frame, version, RAW_IP)


@pytest.mark.parametrize("version", [4, 6])
def test_checksums_for_every_port(version: int) -> None:
    """One in a few thousand sums carries beyond the first fold: all ports are tried, as a receiver would check."""
    template = Template.from_frame(syn(version, RAW_IP), link=RAW_IP)
    size = 65536
    rows = np.zeros((size, 128), np.uint8)
    stamp(template, rows)
    high, low = (np.repeat(column, size) for column in words([ADDRESSES[version][1]]))
    fill(
        template,
        rows,
        high=high,
        low=low,
        port=np.arange(size, dtype=np.uint16),
        source_port=np.full(size, 61000, np.uint16),
        sequence=np.full(size, 0xFFFF0000, np.uint32),
    )
    addresses, segment = (12, 20) if version == 4 else (8, 40)
    summed = rows[:, addresses : len(template)].view(">u2").astype(np.uint64).sum(axis=1)
    summed += 6 + len(template) - segment
    assert (summed % 0xFFFF == 0).all()


def test_columns_need_not_be_contiguous() -> None:
    template = Template.from_frame(syn(6, RAW_IP), link=RAW_IP)
    high, low = (np.repeat(column, 2)[::2] for column in words(ADDRESSES[6]))
    rows = np.zeros((3, 128), np.uint8)
    stamp(template, rows)
    one = ports(1, 1, 1)
    fill(template, rows, high=high, low=low, port=one, source_port=one, sequence=np.zeros(3, np.uint32))
    for row in rows:
        frame = row[: len(template)].tobytes()
        assert frame == rebuilt(frame, 6, RAW_IP)


NOT_TEMPLATES = {
    "nothing": b"",
    "UDP": bytes(IP() / UDP()),
    "IPv4 options": bytes(IP(options=b"\1\1\1\1") / TCP()),
    "cut short": bytes(IP() / TCP())[:39],
    "IPv6 without TCP": bytes(IPv6() / UDP()) + bytes(20),
    "neither version": b"\x55" * 60,
}


@pytest.mark.parametrize("frame", NOT_TEMPLATES.values(), ids=NOT_TEMPLATES.keys())
def test_what_is_no_template_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match="template"):
        Template.from_frame(frame, link=RAW_IP)


def test_unknown_link_headers_are_refused() -> None:
    with pytest.raises(ValueError, match="link"):
        Template.from_frame(syn(4, ETHERNET), link=16)
