"""UDP datagrams as numpy arrays: one template a route and question, whole batches filled by column.

Beside what `build.py` does for SYNs, a datagram carries a question, 0 to 1,400 bytes that are the same for every
endpoint but for its keyed token, and a label: the identification of an IPv4 packet or the flow label of an IPv6 one.
Routers must quote the IP header and eight bytes of a packet that they report on (RFC 792, RFC 4443 2.4), so label,
ports and UDP checksum come back with every ICMP error, and are proof that it is about a datagram of ours. The
identification has no other use here: the packets must not be fragmented (RFC 6864 4.1).
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from scanner.core.columns import U8, U16, U32, U64
from scanner.core.model import Address
from scanner.core.packets.build import ETHERNET, RAW_IP
from scanner.core.packets.frame_columns import (
    column,
    first_words,
    folded,
    sum_of_halves,
    sum_of_quarters,
    word_sum,
)
from scanner.core.udp.question import Form, Payload, Token

MOST_PAYLOAD: Final = 1400
"""Bytes of the longest question: with its headers it fits into every Ethernet frame."""
LABEL_BITS: Final = {4: 16, 6: 20}
"""How many bits of proof fit into identification and flow label."""

_UDP: Final = 17
_UDP_HEADER: Final = 8
_IP_HEADER: Final = {4: 20, 6: 40}
_HOP_LIMIT: Final = 64
_MASK16: Final = np.uint32(0xFFFF)


@dataclass(frozen=True, slots=True)
class DatagramTemplate:
    """A datagram with everything in it that all probes of one question by one route share. Make it with `of`."""

    frame: bytes
    """The whole frame, link header first; the fields that `fill_datagrams` writes are zero."""
    link: int
    """Length of its link header in bytes: `ETHERNET` or `RAW_IP`."""
    version: int
    """IP version, 4 or 6."""
    slots: tuple[tuple[int, Token], ...]
    """Where in the payload the token goes, and how it is written."""
    ip_sum: int = field(repr=False)
    """Sum of the constant 16-bit words of an IPv4 header; 0 for IPv6."""
    udp_sum: int = field(repr=False)
    """Sum of the constant 16-bit words of the datagram and its pseudo-header (RFC 768, RFC 8200 8.1)."""

    @classmethod
    def of(cls, payload: Payload, source: Address, *, macs: tuple[bytes, bytes] | None = None) -> Self:
        """Return the template of a question.

        Args:
            payload: the question.
            source: our address.
            macs: link-layer addresses of the next hop and of our interface; None for links without a header.

        Raises:
            ValueError: the question is too long.
        """
        size = len(payload.data)
        if size > MOST_PAYLOAD:
            raise ValueError(f"a question has at most {MOST_PAYLOAD} bytes, not {size}")
        version, length = source.version, _UDP_HEADER + size
        datagram = bytes(4) + length.to_bytes(2) + bytes(2) + payload.data
        if version == 4:
            start = b"\x45\0" + (20 + length).to_bytes(2) + b"\0\0\x40\0" + bytes((_HOP_LIMIT, _UDP, 0, 0))
        else:
            start = b"\x60\0\0\0" + length.to_bytes(2) + bytes((_UDP, _HOP_LIMIT))
        header = start + source.packed + bytes(len(source.packed))
        ether = b"" if macs is None else b"".join(macs) + (b"\x08\x00" if version == 4 else b"\x86\xdd")
        return cls(
            frame=ether + header + datagram,
            link=RAW_IP if macs is None else ETHERNET,
            version=version,
            slots=payload.slots,
            ip_sum=word_sum(header) if version == 4 else 0,
            udp_sum=word_sum(source.packed) + _UDP + length + word_sum(_even(datagram)),
        )

    def __len__(self) -> int:
        return len(self.frame)


def fill_datagrams(
    template: DatagramTemplate,
    rows: U8,
    *,
    high: U64,
    low: U64,
    port: U16,
    source_port: U16,
    label: U32,
    token: U8,
    hops: U8 | None = None,
) -> None:
    """Write one datagram into each row; the rows must hold the template already (`build.stamp`).

    Args:
        template: what the rows hold.
        rows: uint8 (n, stride), each row a frame from its column 0; the last axis must be contiguous.
        high: upper 64 bits of each destination; not read for IPv4.
        low: lower 64 bits of each destination; the address itself for IPv4.
        port: destination ports.
        source_port: source ports.
        label: identification (16 bits) or flow label (20 bits).
        token: uint8 (n, 8), the token of each endpoint; not read where the question has none.
        hops: uint8 (n, 6), MAC address of each row's next hop; None where it is the template's own.
    """
    ip, header = template.link, _IP_HEADER[template.version]
    udp = ip + header
    if hops is not None:
        column(rows, 0, "u8")[...] = first_words(template, hops)
    if template.version == 4:
        destination = low.astype(np.uint32)
        total = sum_of_halves(destination)
        column(rows, ip + 4, ">u2")[...] = label
        column(rows, ip + 16, ">u4")[...] = destination
        column(rows, ip + 10, ">u2")[...] = folded(total + label + np.uint32(template.ip_sum))
    else:
        total = sum_of_quarters(high) + sum_of_quarters(low)
        column(rows, ip, ">u4")[...] = label | np.uint32(0x6000_0000)
        column(rows, ip + 24, ">u8")[...] = high
        column(rows, ip + 32, ">u8")[...] = low
    ports: U32 = source_port.astype(np.uint32) << np.uint32(16)
    ports |= port
    column(rows, udp, ">u4")[...] = ports
    total += sum_of_halves(ports)
    total += _write_tokens(template, rows, udp + _UDP_HEADER, token)
    total += np.uint32(template.udp_sum)
    column(rows, udp + 6, ">u2")[...] = _never_zero(folded(total))


def datagram_checksum(source: bytes, destination: bytes, source_port: int, port: int, payload: bytes) -> int:
    """Return the UDP checksum of a datagram between two packed addresses: what an ICMP error should quote."""
    length = _UDP_HEADER + len(payload)
    summed = source + destination + b"".join(each.to_bytes(2) for each in (_UDP, length, source_port, port, length))
    return 0xFFFF - int.from_bytes(_even(summed + payload)) % 0xFFFF or 0xFFFF


def _write_tokens(template: DatagramTemplate, rows: U8, payload: int, token: U8) -> U32:
    """Write the tokens where they belong, and return the sum of the 16-bit words that they add to each datagram."""
    total = np.zeros(len(rows), np.uint32)
    sums: dict[tuple[Token, int], tuple[U8, U32]] = {}
    for offset, slot in template.slots:
        key = (slot, offset % 2)
        if key not in sums:
            written = token_columns(slot, token)
            sums[key] = written, _sum_of_bytes(written, odd=bool(offset % 2))
        written, each = sums[key]
        rows[:, payload + offset : payload + offset + slot.size] = written
        total += each
    return total


def token_columns(slot: Token, token: U8) -> U8:
    """Return the bytes of a token's field for each of many tokens, uint8 (n, slot.size): `Token.write` by column."""
    part = token[:, : slot.width].copy()
    part[:, 0] &= np.uint8(slot.keep)
    part[:, 0] |= np.uint8(slot.put)
    match slot.form:
        case Form.HEX:
            nibbles = np.stack([part >> np.uint8(4), part & np.uint8(15)], axis=2).reshape(len(part), slot.size)
            return np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles]
        case Form.DIGITS:
            return np.uint8(0x31) + part % np.uint8(9)
        case _:
            return part


def _sum_of_bytes(written: U8, *, odd: bool) -> U32:
    """Return the sum of the 16-bit words that bytes are part of, beginning at an odd or even place."""
    size = written.shape[1] + odd
    padded = np.zeros((len(written), -(-size // 8) * 8), np.uint8)
    padded[:, int(odd) : size] = written
    words = padded.view(">u8").astype(np.uint64)
    total = np.zeros(len(written), np.uint32)
    for place in range(words.shape[1]):
        total += sum_of_quarters(words[:, place])
    return total


def _never_zero(sums: U32) -> U32:
    """Return checksums in the lower half, as they are sent: 0 would mean that there is none (RFC 768)."""
    sums &= _MASK16
    sums[sums == 0] = _MASK16
    return sums


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)
