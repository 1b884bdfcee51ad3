"""What came back, as columns: every field that judging needs, read for a whole batch of packets at once.

Packets are rows of bytes, IP header first, and where a field stands depends on the row (IPv4 options, what an ICMP
error quotes). So a batch is read through `_Rows`, which fetches the same field of every row from a position of its
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

from scanner.core.columns import I64, U8, U16, U32, U64, Mask
from scanner.core.packets.cookie import Cookie


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
_ICMP: Final = {4: 1, 6: 58}
_ERRORS: Final = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
"""ICMP types that say a packet was not delivered: RFC 792, RFC 4443 section 3."""
_FRAGMENT: Final = 0x3FFF
"""More-fragments and fragment offset: a packet with either is only a part."""
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
    rows = _Rows(received)
    answers = _nothing(len(received))
    end = np.minimum(lengths, received.shape[1]).astype(np.int64)
    said = rows.u8(np.arange(len(received)), 0) >> 4
    for version in (4, 6):
        which = np.flatnonzero(said == version)
        if not len(which):
            continue
        packets = _packets(rows, version, which, np.zeros(len(which), np.int64), end[which])
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


class _Rows:
    """Bytes of a batch, readable at a position of each row's own: big-endian in, native out."""

    def __init__(self, received: U8) -> None:
        size, self._width = received.shape
        self._stride = self._width + 8
        copy = np.zeros((size, self._stride), np.uint8)
        copy[:, : self._width] = received
        flat = copy.reshape(-1)
        starts = max(flat.size - 7, 0)
        self._views = {
            width: np.ndarray((starts,), f">u{width}", flat.data, 0, (1,)) if starts else flat.view(f">u{width}")
            for width in (1, 2, 4, 8)
        }

    def u8(self, rows: I64, at: I64 | int) -> I64:
        """One byte of each row, as int64."""
        return self._views[1][self._place(rows, at)].astype(np.int64)

    def u16(self, rows: I64, at: I64 | int) -> I64:
        """Two bytes of each row, as int64."""
        return self._views[2][self._place(rows, at)].astype(np.int64)

    def u32(self, rows: I64, at: I64 | int) -> U32:
        """Four bytes of each row."""
        return self._views[4][self._place(rows, at)].astype(np.uint32)

    def u64(self, rows: I64, at: I64 | int) -> U64:
        """Eight bytes of each row."""
        return self._views[8][self._place(rows, at)].astype(np.uint64)

    def _place(self, rows: I64, at: I64 | int) -> I64:
        place: I64 = rows * self._stride
        place += np.minimum(at, self._width)
        return place


@dataclass(frozen=True, slots=True, eq=False)
class _Packets:
    """Some rows' IP packets, of one version, whose headers are sound."""

    version: int
    rows: I64
    """The rows."""
    start: I64
    """Offset of each packet's IP header."""
    body: I64
    """Offset of the payload."""
    end: I64
    """Offset of its end: by its own length field or by what was captured, whichever is less."""
    protocol: I64
    """The protocol of the payload."""

    def only(self, mask: Mask) -> "_Packets":
        """Those of them that `mask` marks."""
        if mask.all():
            return self
        return _Packets(
            self.version, self.rows[mask], self.start[mask], self.body[mask], self.end[mask], self.protocol[mask]
        )


def _packets(rows: _Rows, version: int, which: I64, start: I64, end: I64) -> _Packets:
    """The IP packets of one version that begin at `start` in rows `which`, held to end by `end`."""
    first = rows.u8(which, start)
    if version == 4:
        header = (first & 15) * 4
        length = rows.u16(which, start + 2)
        protocol = rows.u8(which, start + 9)
        sound = (header >= 20) & ((rows.u16(which, start + 6) & _FRAGMENT) == 0)
    else:
        header = np.full(len(which), 40)
        length = rows.u16(which, start + 4) + 40
        protocol = rows.u8(which, start + 6)
        sound = np.ones(len(which), np.bool_)
    body = start + header
    sound &= (first >> 4 == version) & (body <= end)
    return _Packets(version, which, start, body, np.minimum(end, start + length), protocol).only(sound)


def _addresses(rows: _Rows, packets: _Packets, *, destination: bool) -> tuple[U64, U64]:
    """Upper and lower words of each packet's source or destination address."""
    if packets.version == 4:
        low = rows.u32(packets.rows, packets.start + (16 if destination else 12)).astype(np.uint64)
        return np.zeros_like(low), low
    at = packets.start + (24 if destination else 8)
    return rows.u64(packets.rows, at), rows.u64(packets.rows, at + 8)


def _read_tcp(rows: _Rows, packets: _Packets, answers: Answers) -> None:
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
    answers.high[at], answers.low[at] = _addresses(rows, tcp, destination=False)
    answers.port[at] = rows.u16(at, tcp.body)
    answers.source_port[at] = rows.u16(at, tcp.body + 2)
    answers.sequence[at] = rows.u32(at, tcp.body + 8) - np.uint32(1)


def _read_icmp(rows: _Rows, packets: _Packets, answers: Answers) -> None:
    """Put the ICMP errors among `packets` that quote a TCP segment into the columns."""
    version = packets.version
    icmp = packets.only((packets.protocol == _ICMP[version]) & (packets.body + 8 < packets.end))
    if not len(icmp.rows):
        return
    icmp = icmp.only(np.isin(rows.u8(icmp.rows, icmp.body), _ERRORS[version]))
    quoted = _packets(rows, version, icmp.rows, icmp.body + 8, icmp.end)
    quoted = quoted.only((quoted.protocol == _TCP) & (quoted.body + 8 <= quoted.end))
    icmp = icmp.only(np.isin(icmp.rows, quoted.rows))
    at = quoted.rows
    answers.kind[at] = AnswerKind.ICMP
    answers.version[at] = version
    answers.high[at], answers.low[at] = _addresses(rows, quoted, destination=True)
    answers.source_port[at] = rows.u16(at, quoted.body)
    answers.port[at] = rows.u16(at, quoted.body + 2)
    answers.sequence[at] = rows.u32(at, quoted.body + 4)
    answers.icmp_type[at] = rows.u8(at, icmp.body)
    answers.icmp_code[at] = rows.u8(at, icmp.body + 1)
    answers.router_high[at], answers.router_low[at] = _addresses(rows, icmp, destination=False)


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
