"""What came back, as columns: every field that judging needs, read for a whole batch of packets at once.

Packets are rows of bytes, IP header first, and where a field stands depends on the row (IPv4 options, what an ICMP
error quotes). So a batch is read through `Rows`, which fetches the same field of every row from a position of its
own, with positions held inside the row: reading can never fail, and what was read beyond a packet's end is never
believed, because each claim is tied to a check of length. A packet that is not exactly one of the three kinds of
answer is `OTHER`; nothing here raises for any bytes whatever.

A RST counts only with ACK, as every RST in reply to a SYN has it (RFC 9293 3.10.7.1). ICMP errors must
quote the IP header and eight bytes of ours (RFC 792; RFC 1122 3.2.2; RFC 4443 2.4), which hold ports and sequence
number. Checksums are not verified: a tap sees locally made packets before their checksums are filled in, and an
answer has to carry a 32-bit cookie that damage would not leave whole.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U16, U32, U64, Mask
from scanner.core.packets.cookie import Cookie
from scanner.core.packets.received_rows import Packets, Rows, addresses, errors, ip_packets


class AnswerKind(IntEnum):
    """The kind of a packet."""

    OTHER = 0
    """Not an answer to a SYN: other traffic, or malformed."""
    SYN_ACK = 1
    RESET = 2
    ICMP = 3
    """An ICMP error that quotes a TCP segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Columns of one length; where `kind` is OTHER the rest means nothing."""

    kind: U8
    """A `AnswerKind` for each packet."""
    version: U8
    """IP version, 4 or 6; 0 where it is neither."""
    high: U64
    """Upper 64 bits of the address that the answer is about; 0 for IPv4."""
    low: U64
    """Lower 64 bits of the address that the answer is about."""
    port: U16
    """The port that the answer is about."""
    source_port: U16
    """The port of ours that it was probed from."""
    sequence: U32
    """Our sequence number as the answer proves to know it."""
    icmp_type: U8
    """Type of an ICMP error, else 0."""
    icmp_code: U8
    """Code of an ICMP error, else 0."""
    router_high: U64
    """Upper 64 bits of the address that sent an ICMP error; 0 for IPv4 and for TCP answers."""
    router_low: U64
    """Lower 64 bits of the address that sent an ICMP error; 0 for TCP answers."""

    def __len__(self) -> int:
        return len(self.kind)


_TCP: Final = 6
_FIN_SYN_RST_ACK: Final = 0x17
_SYN_ACK: Final = 0x12
_RST_ACK: Final = 0x14
_RST_ACK_FIN: Final = 0x15


def dissect(received: U8, lengths: npt.NDArray[np.integer]) -> Answers:
    """Read a batch of received packets.

    Args:
        received: uint8 (n, width), one packet a row, IP header first; bytes beyond its length may be anything.
        lengths: how many bytes of each row are the packet's.
    """
    rows = Rows(received)
    answers = _nothing(len(received))
    end = np.minimum(lengths, received.shape[1]).astype(np.int64)
    said = rows.u8(np.arange(len(received)), 0) >> 4
    for version in (4, 6):
        which = np.flatnonzero(said == version)
        if not len(which):
            continue
        packets = ip_packets(rows, version, which, np.zeros(len(which), np.int64), end[which])
        _read_tcp(rows, packets, answers)
        _read_icmp(rows, packets, answers)
    return answers


def proven(answers: Answers, cookie: Cookie) -> Mask:
    """Return which answers are to our probes: not OTHER, and carrying the endpoint's cookie."""
    accepted = np.zeros(len(answers), np.bool_)
    for version in (4, 6):
        at = np.flatnonzero((answers.version == version) & (answers.kind != AnswerKind.OTHER))
        expected = cookie.of(
            version,
            high=answers.high[at],
            low=answers.low[at],
            port=answers.port[at],
            source_port=answers.source_port[at],
        )
        accepted[at] = answers.sequence[at] == expected
    return accepted


def _read_tcp(rows: Rows, packets: Packets, answers: Answers) -> None:
    """Put the SYN-ACKs and RSTs among `packets` into the columns."""
    tcp = packets.only(packets.protocol == _TCP)
    header = (rows.u8(tcp.rows, tcp.body + 12) >> 4) * 4
    flags = rows.u8(tcp.rows, tcp.body + 13) & _FIN_SYN_RST_ACK
    kind = np.where(flags == _SYN_ACK, AnswerKind.SYN_ACK, AnswerKind.OTHER)
    kind[(flags == _RST_ACK) | (flags == _RST_ACK_FIN)] = AnswerKind.RESET
    said = (kind != AnswerKind.OTHER) & (header >= 20) & (tcp.body + header <= tcp.end)
    tcp = tcp.only(said)
    at = tcp.rows
    answers.kind[at] = kind[said]
    answers.version[at] = tcp.version
    answers.high[at], answers.low[at] = addresses(rows, tcp, destination=False)
    answers.port[at] = rows.u16(at, tcp.body)
    answers.source_port[at] = rows.u16(at, tcp.body + 2)
    answers.sequence[at] = rows.u32(at, tcp.body + 8) - np.uint32(1)


def _read_icmp(rows: Rows, packets: Packets, answers: Answers) -> None:
    """Put the ICMP errors among `packets` that quote a TCP segment into the columns."""
    version = packets.version
    icmp, quoted = errors(rows, packets, _TCP)
    at = quoted.rows
    answers.kind[at] = AnswerKind.ICMP
    answers.version[at] = version
    answers.high[at], answers.low[at] = addresses(rows, quoted, destination=True)
    answers.source_port[at] = rows.u16(at, quoted.body)
    answers.port[at] = rows.u16(at, quoted.body + 2)
    answers.sequence[at] = rows.u32(at, quoted.body + 4)
    answers.icmp_type[at] = rows.u8(at, icmp.body)
    answers.icmp_code[at] = rows.u8(at, icmp.body + 1)
    answers.router_high[at], answers.router_low[at] = addresses(rows, icmp, destination=False)


def _nothing(size: int) -> Answers:
    """Columns for `size` packets of which none has been understood."""
    narrow, ports, words = np.uint8, np.uint16, np.uint64
    return Answers(
        kind=np.zeros(size, narrow),
        version=np.zeros(size, narrow),
        high=np.zeros(size, words),
        low=np.zeros(size, words),
        port=np.zeros(size, ports),
        source_port=np.zeros(size, ports),
        sequence=np.zeros(size, np.uint32),
        icmp_type=np.zeros(size, narrow),
        icmp_code=np.zeros(size, narrow),
        router_high=np.zeros(size, words),
        router_low=np.zeros(size, words),
    )
