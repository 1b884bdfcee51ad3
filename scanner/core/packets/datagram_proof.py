"""What of a UDP probe is keyed, besides the token in its payload: source port and label of each endpoint.

Both are parts of the endpoint's hash (`cookie.py`), so that an answer is only heard at the port that this endpoint
was asked from, and an ICMP error only where it quotes port and label. With a question that carries a token the UDP
checksum is proof as well, because the token is in it.
"""

from dataclasses import dataclass

import numpy as np

from scanner.core.columns import U8, U16, U32, U64, Mask
from scanner.core.packets.cookie import Cookie
from scanner.core.packets.datagrams import LABEL_BITS
from scanner.core.packets.parse_datagrams import DatagramKind, Datagrams


@dataclass(frozen=True, slots=True, eq=False)
class EndpointProof:
    """Keyed columns of some endpoints."""

    source_port: U16
    """The port that each is asked from."""
    label: U32
    """Identification or flow label of what it is sent; never 0, which some systems replace."""
    token: U8
    """Eight keyed bytes for each, uint8 (n, 8)."""


class DatagramProof:
    """Source ports and labels under one key. Not for use by several threads at once."""

    def __init__(self, key: bytes, *, first_port: int, count: int) -> None:
        """The source ports are `count` from `first_port` on."""
        self._cookie = Cookie(key)
        self._first, self._count = first_port, count

    def of(self, version: int, *, high: U64, low: U64, port: U16) -> EndpointProof:
        """Return the proof of each endpoint; the columns are those of `Cookie.of`."""
        words = self._cookie.words(version, high=high, low=low, port=port, source_port=np.zeros(len(port), np.uint16))
        place = words[:, 0] % np.uint32(self._count)
        largest = np.uint32((1 << LABEL_BITS[version]) - 1)
        return EndpointProof(
            source_port=(place + np.uint32(self._first)).astype(np.uint16),
            label=words[:, 1] % largest + np.uint32(1),
            token=words[:, 2:].copy().view(np.uint8),
        )

    def holds(self, found: Datagrams) -> Mask:
        """Return which packets came to, or quote, the source port of their endpoint, and quote its label."""
        held = np.zeros(len(found), np.bool_)
        for version in (4, 6):
            at = np.flatnonzero((found.version == version) & (found.kind != DatagramKind.OTHER))
            if not len(at):
                continue
            proof = self.of(version, high=found.high[at], low=found.low[at], port=found.port[at])
            quoted = (found.kind[at] == DatagramKind.ANSWER) | (found.label[at] == proof.label)
            held[at] = (found.source_port[at] == proof.source_port) & quoted
        return held
