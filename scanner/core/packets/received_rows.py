"""Received packets, read as columns: the same field of every row, each from a position of its own.

Positions are held inside the row, so that reading can never fail, and what was read beyond a packet's end is never
believed, because each claim is tied to a check of length.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scanner.core.columns import I64, U8, U32, U64, Mask

_ICMP: Final = {4: 1, 6: 58}
_ERRORS: Final = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
"""ICMP types that say a packet was not delivered: RFC 792, RFC 4443 section 3."""
WHOLE: Final = 0x3FFF
"""More-fragments and fragment offset: a packet with either is only a part."""
BEGINNING: Final = 0x1FFF
"""Fragment offset alone: a packet with one lacks its beginning."""


class Rows:
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
class Packets:
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

    def only(self, mask: Mask) -> "Packets":
        """Those of them that `mask` marks."""
        if mask.all():
            return self
        return Packets(
            self.version, self.rows[mask], self.start[mask], self.body[mask], self.end[mask], self.protocol[mask]
        )


def ip_packets(rows: Rows, version: int, which: I64, start: I64, end: I64, part: int = WHOLE) -> Packets:
    """The IP packets of one version that begin at `start` in rows `which`, held to end by `end`.

    `part`: bits of the fragment word that rule a packet out, `WHOLE` or `BEGINNING`.
    """
    first = rows.u8(which, start)
    if version == 4:
        header = (first & 15) * 4
        length = rows.u16(which, start + 2)
        protocol = rows.u8(which, start + 9)
        sound = (header >= 20) & ((rows.u16(which, start + 6) & part) == 0)
    else:
        header = np.full(len(which), 40)
        length = rows.u16(which, start + 4) + 40
        protocol = rows.u8(which, start + 6)
        sound = np.ones(len(which), np.bool_)
    body = start + header
    sound &= (first >> 4 == version) & (body <= end)
    return Packets(version, which, start, body, np.minimum(end, start + length), protocol).only(sound)


def addresses(rows: Rows, packets: Packets, *, destination: bool) -> tuple[U64, U64]:
    """Upper and lower words of each packet's source or destination address."""
    if packets.version == 4:
        low = rows.u32(packets.rows, packets.start + (16 if destination else 12)).astype(np.uint64)
        return np.zeros_like(low), low
    at = packets.start + (24 if destination else 8)
    return rows.u64(packets.rows, at), rows.u64(packets.rows, at + 8)


def errors(rows: Rows, packets: Packets, protocol: int) -> tuple[Packets, Packets]:
    """The ICMP errors among `packets` that quote at least eight bytes of a protocol, and what they quote."""
    version = packets.version
    icmp = packets.only((packets.protocol == _ICMP[version]) & (packets.body + 8 < packets.end))
    if not len(icmp.rows):
        return icmp, icmp
    icmp = icmp.only(np.isin(rows.u8(icmp.rows, icmp.body), _ERRORS[version]))
    quoted = ip_packets(rows, version, icmp.rows, icmp.body + 8, icmp.end)
    quoted = quoted.only((quoted.protocol == protocol) & (quoted.body + 8 <= quoted.end))
    return icmp.only(np.isin(icmp.rows, quoted.rows)), quoted
