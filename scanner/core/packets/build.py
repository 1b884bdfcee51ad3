"""SYNs as numpy arrays: one template a route, and whole batches filled by column.

All probes that leave by one route are the same frame but for six fields: next hop, destination, two ports,
sequence number, and the two checksums that follow from them. So the frame is built once, by whoever likes
building frames (scapy), and handed in as bytes. `fill` then writes only those fields, each as one strided
store over the batch, straight into the rows a sender will transmit: no packet is ever an object.

Checksums (RFC 1071) are sums of 16-bit words in ones' complement, which may be added in any order and folded
late. The words that never change are summed once, when the template is made; per batch only the words
of the changing fields are added, in plain 32-bit integers, and folded twice at the end.
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from scanner.core.columns import U8, U16, U32, U64
from scanner.core.packets.frame_columns import (
    Framed,
    column,
    first_words,
    folded,
    sum_of_halves,
    sum_of_quarters,
    word_sum,
)

ETHERNET: Final = 14
"""Length in bytes of an Ethernet header; loopback has one too, with zero addresses."""
RAW_IP: Final = 0
"""Links without a header of their own, such as TUN devices."""

_TCP: Final = 6
_IP_HEADER: Final = {4: 20, 6: 40}


@dataclass(frozen=True, slots=True)
class Template:
    """A SYN with everything in it that all probes by one route share. Make it with `from_frame`."""

    frame: bytes
    """The whole frame, link header first; the fields that `fill` writes are zero."""
    link: int
    """Length of its link header in bytes: `ETHERNET` or `RAW_IP`."""
    version: int
    """IP version, 4 or 6."""
    hop: bytes
    """MAC address of the next hop, six bytes; empty on links without a header."""
    ip_sum: int = field(repr=False)
    """Sum of the constant 16-bit words of an IPv4 header; 0 for IPv6, whose header has no checksum."""
    tcp_sum: int = field(repr=False)
    """Sum of the constant 16-bit words of the TCP segment and its pseudo-header (RFC 9293 3.1, RFC 8200 8.1)."""

    @classmethod
    def from_frame(cls, frame: bytes, *, link: int) -> Self:
        """The template of a ready-made SYN, whose destination, ports, sequence number and checksums are ignored.

        Raises:
            ValueError: the bytes are not one bare TCP segment in an IPv4 packet without options or in IPv6.
        """
        if link not in (ETHERNET, RAW_IP):
            raise ValueError(f"no link header is {link} bytes long here")
        packet = bytearray(frame[link:])
        version = _version_of(packet)
        header = _IP_HEADER[version]
        address = header - 4 if version == 4 else header - 16
        packet[address:header] = bytes(header - address)
        packet[header : header + 8] = bytes(8)
        packet[header + 16 : header + 18] = bytes(2)
        if version == 4:
            packet[10:12] = bytes(2)
        source = packet[12:16] if version == 4 else packet[8:24]
        return cls(
            frame=bytes(frame[:link]) + bytes(packet),
            link=link,
            version=version,
            hop=bytes(frame[:6]) if link == ETHERNET else b"",
            ip_sum=word_sum(packet[:header]) if version == 4 else 0,
            tcp_sum=word_sum(packet[header:]) + word_sum(source) + _TCP + len(packet) - header,
        )

    def __len__(self) -> int:
        return len(self.frame)


def fill(
    template: Template,
    rows: U8,
    *,
    high: U64,
    low: U64,
    port: U16,
    source_port: U16,
    sequence: U32,
    hops: U8 | None = None,
) -> None:
    """Write one probe into each row; the rows must hold the template already (`stamp`).

    Args:
        template: what the rows hold.
        rows: uint8 (n, stride), each row a frame from its column 0; the last axis must be contiguous.
        high: upper 64 bits of each destination; not read for IPv4.
        low: lower 64 bits of each destination; the address itself for IPv4.
        port: destination ports.
        source_port: source ports.
        sequence: sequence numbers.
        hops: uint8 (n, 6), MAC address of each row's next hop; None where it is the template's own.
    """
    ip = template.link
    tcp = ip + _IP_HEADER[template.version]
    if hops is not None:
        column(rows, 0, "u8")[...] = first_words(template, hops)
    if template.version == 4:
        destination = low.astype(np.uint32)
        halves = sum_of_halves(destination)
        column(rows, ip + 16, ">u4")[...] = destination
        column(rows, ip + 10, ">u2")[...] = folded(halves + np.uint32(template.ip_sum))
    else:
        halves = sum_of_quarters(high) + sum_of_quarters(low)
        column(rows, ip + 24, ">u8")[...] = high
        column(rows, ip + 32, ">u8")[...] = low
    ports: U32 = source_port.astype(np.uint32) << np.uint32(16)
    ports |= port
    column(rows, tcp, ">u4")[...] = ports
    column(rows, tcp + 4, ">u4")[...] = sequence
    total = sum_of_halves(ports)
    total += sum_of_halves(sequence)
    total += halves
    total += np.uint32(template.tcp_sum)
    column(rows, tcp + 16, ">u2")[...] = folded(total)


def stamp(template: Framed, rows: U8) -> None:
    """Write the template into rows, uint8 (n, stride); senders do this for the rows they hand out."""
    rows[:, : len(template.frame)] = np.frombuffer(template.frame, np.uint8)


def _version_of(packet: bytearray) -> int:
    """The IP version of a bare TCP segment in IP; ValueError for anything else."""
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        plain = packet[0] == 0x45 and len(packet) >= 40 and packet[9] == _TCP
    else:
        plain = version == 6 and len(packet) >= 60 and packet[6] == _TCP
    if not plain:
        raise ValueError("a template is one TCP segment in IPv4 without options, or in IPv6")
    return version
