"""Frames as scapy makes them, and columns as the core wants them, for tests of both directions."""

from ipaddress import ip_address
from typing import Any

import numpy as np
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from scanner.core.columns import U8, U16, U64
from scanner.core.packets.build import ETHERNET
from scanner.core.packets.cookie import Cookie

KEY = bytes(range(32))
OURS = {4: "10.77.0.1", 6: "fd77::1"}
THEIRS = {4: "10.77.0.2", 6: "fd77::2"}
ROUTER = {4: "10.77.0.254", 6: "fd77::fe"}


def words(addresses: list[str]) -> tuple[U64, U64]:
    """High and low words of addresses."""
    numbers = [int(ip_address(address)) for address in addresses]
    return (
        np.array([number >> 64 for number in numbers], np.uint64),
        np.array([number & (1 << 64) - 1 for number in numbers], np.uint64),
    )


def ports(*numbers: int) -> U16:
    return np.array(numbers, np.uint16)


def sequence(address: str, port: int, source_port: int) -> int:
    """The cookie of one endpoint, under `KEY`."""
    high, low = words([address])
    version = ip_address(address).version
    return int(Cookie(KEY).of(version, high=high, low=low, port=ports(port), source_port=ports(source_port))[0])


def network(version: int, source: str, destination: str, **fields: Any) -> Packet:
    """An IP header of either version."""
    return (IP if version == 4 else IPv6)(src=source, dst=destination, **fields)


def syn(version: int, link: int, **fields: Any) -> bytes:
    """A SYN from us, as an engine would hand it in for a template."""
    packet = network(version, OURS[version], THEIRS[version]) / TCP(flags="S", **fields)
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet if link == ETHERNET else packet)


def our_syn(version: int, port: int, source_port: int) -> Packet:
    """The probe of an endpoint at `THEIRS`, as it leaves."""
    number = sequence(THEIRS[version], port, source_port)
    segment = TCP(sport=source_port, dport=port, seq=number, flags="S")
    return network(version, OURS[version], THEIRS[version]) / segment


def tcp_answer(version: int, port: int, source_port: int, flags: str, *, ip_flags: str = "", **ip: object) -> Packet:
    """What the peer says to that probe."""
    if ip_flags:
        ip["flags"] = ip_flags
    number = (sequence(THEIRS[version], port, source_port) + 1) % (1 << 32)
    segment = TCP(sport=port, dport=source_port, seq=9, ack=number, flags=flags)
    return network(version, THEIRS[version], OURS[version], **ip) / segment


def framed(packets: list[bytes], *, width: int = 176) -> tuple[U8, np.ndarray]:
    """Rows and lengths as the receive ring hands them over; beyond a packet's end is noise."""
    rows = np.random.default_rng(1).integers(0, 256, (len(packets), width)).astype(np.uint8)
    for row, packet in zip(rows, packets, strict=True):
        row[: len(packet)] = np.frombuffer(packet[:width], np.uint8)
    return rows, np.array([min(len(packet), width) for packet in packets], np.uint32)
