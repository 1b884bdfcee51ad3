"""What came back to UDP questions, as columns: answers, and ICMP errors that quote a datagram of ours.

Where a field stands and why nothing can fail is told in `received_rows.py`. An answer is any datagram; whom it is from
and which port of ours it is for decide whether it is heard. Of an answer in fragments the first one counts: it holds
the beginning, which says what speaks. Checksums are not verified, as in `parse.py`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.core.columns import I64, U8, U16, U32, U64
from scanner.core.packets.received_rows import BEGINNING, Packets, Rows, addresses, errors, ip_packets

WIDTH: Final = 176
"""Bytes of a packet that hold every field which is read here: headers of 60 + 8 + 60 + 8 bytes, and a little more."""
_UDP: Final = 17
_HEADER: Final = 8


class DatagramKind(IntEnum):
    """The kind of a packet."""

    OTHER = 0
    """Neither of the two, or malformed."""
    ANSWER = 1
    """A datagram."""
    ICMP = 2
    """An ICMP error that quotes a datagram."""


@dataclass(frozen=True, slots=True, eq=False)
class Datagrams:
    """Columns of one length; where `kind` is OTHER the rest means nothing."""

    kind: U8
    """A `DatagramKind` for each packet."""
    version: U8
    """IP version, 4 or 6; 0 where it is neither."""
    high: U64
    """Upper 64 bits of the address that the packet is about: an answer's sender, a quoted datagram's destination."""
    low: U64
    """Lower 64 bits of it."""
    port: U16
    """The port there."""
    source_port: U16
    """The port of ours."""
    label: U32
    """Identification or flow label of a quoted datagram; 0 for answers."""
    checksum: U16
    """UDP checksum of a quoted datagram; 0 for answers."""
    data: I64
    """Offset in the row at which the payload begins, an answer's or a quoted one."""
    end: I64
    """Offset of its end, by its own lengths and by what was captured, whichever is less."""
    icmp_type: U8
    """Type of an ICMP error, else 0."""
    icmp_code: U8
    """Code of an ICMP error, else 0."""
    our_high: U64
    """Upper 64 bits of the address of ours that a quoted datagram came from; 0 for answers."""
    our_low: U64
    """Lower 64 bits of it; 0 for answers."""
    router_high: U64
    """Upper 64 bits of the address that sent an ICMP error; 0 for answers."""
    router_low: U64
    """Lower 64 bits of it; 0 for answers."""

    def __len__(self) -> int:
        return len(self.kind)


def dissect_datagrams(received: U8, lengths: npt.NDArray[np.integer]) -> Datagrams:
    """Read a batch of received packets.

    Args:
        received: uint8 (n, width), one packet a row, IP header first; bytes beyond its length may be anything.
        lengths: how many bytes of each row are the packet's.
    """
    rows = Rows(received[:, :WIDTH])
    found = _nothing(len(received))
    end = np.minimum(lengths, received.shape[1]).astype(np.int64)
    said = rows.u8(np.arange(len(received)), 0) >> 4
    for version in (4, 6):
        which = np.flatnonzero(said == version)
        if not len(which):
            continue
        start = np.zeros(len(which), np.int64)
        _read_answers(rows, ip_packets(rows, version, which, start, end[which], BEGINNING), found)
        _read_errors(rows, ip_packets(rows, version, which, start, end[which]), found)
    return found


def _read_answers(rows: Rows, packets: Packets, found: Datagrams) -> None:
    udp = packets.only(packets.protocol == _UDP)
    length = rows.u16(udp.rows, udp.body + 4)
    sound = (length >= _HEADER) & (udp.body + _HEADER <= udp.end)
    udp, length = udp.only(sound), length[sound]
    at = udp.rows
    found.kind[at] = DatagramKind.ANSWER
    found.version[at] = udp.version
    found.high[at], found.low[at] = addresses(rows, udp, destination=False)
    found.port[at] = rows.u16(at, udp.body)
    found.source_port[at] = rows.u16(at, udp.body + 2)
    found.data[at], found.end[at] = udp.body + _HEADER, np.minimum(udp.end, udp.body + length)


def _read_errors(rows: Rows, packets: Packets, found: Datagrams) -> None:
    icmp, quoted = errors(rows, packets, _UDP)
    at = quoted.rows
    length = np.maximum(rows.u16(at, quoted.body + 4), _HEADER)
    found.kind[at] = DatagramKind.ICMP
    found.version[at] = packets.version
    found.high[at], found.low[at] = addresses(rows, quoted, destination=True)
    found.our_high[at], found.our_low[at] = addresses(rows, quoted, destination=False)
    found.router_high[at], found.router_low[at] = addresses(rows, icmp, destination=False)
    found.source_port[at] = rows.u16(at, quoted.body)
    found.port[at] = rows.u16(at, quoted.body + 2)
    found.checksum[at] = rows.u16(at, quoted.body + 6)
    if packets.version == 4:
        found.label[at] = rows.u16(at, quoted.start + 4)
    else:
        found.label[at] = rows.u32(at, quoted.start) & np.uint32(0xFFFFF)
    found.icmp_type[at] = rows.u8(at, icmp.body)
    found.icmp_code[at] = rows.u8(at, icmp.body + 1)
    found.data[at], found.end[at] = quoted.body + _HEADER, np.minimum(quoted.end, quoted.body + length)


def _nothing(size: int) -> Datagrams:
    """Return columns for `size` packets of which none has been understood."""
    return Datagrams(
        kind=np.zeros(size, np.uint8),
        version=np.zeros(size, np.uint8),
        high=np.zeros(size, np.uint64),
        low=np.zeros(size, np.uint64),
        port=np.zeros(size, np.uint16),
        source_port=np.zeros(size, np.uint16),
        label=np.zeros(size, np.uint32),
        checksum=np.zeros(size, np.uint16),
        data=np.zeros(size, np.int64),
        end=np.zeros(size, np.int64),
        icmp_type=np.zeros(size, np.uint8),
        icmp_code=np.zeros(size, np.uint8),
        our_high=np.zeros(size, np.uint64),
        our_low=np.zeros(size, np.uint64),
        router_high=np.zeros(size, np.uint64),
        router_low=np.zeros(size, np.uint64),
    )
