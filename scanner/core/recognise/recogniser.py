"""What a recogniser is: a pure function over the first bytes of a peer.

Most are a row: a regular expression on bytes, the protocol, and which groups hold product, version and
detail. A recogniser must be cheap on hostile input: patterns are anchored, have no nested repetition, and
see at most `READ_LIMIT` bytes.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from scanner.core.recognise.identity import ProtocolMatch, cut

Recogniser: TypeAlias = Callable[[bytes], ProtocolMatch | None]
"""The first bytes of a peer in, what they mean out."""

READ_LIMIT = 8192
"""Bytes of one conversation that are looked at; what comes after is never read."""


def text(data: bytes | None) -> str:
    """Bytes from the network as a bounded text; never raises."""
    return cut((data or b"").decode("utf-8", "replace"))


def row(protocol: str, pattern: bytes, *, product: str = "", certain: bool = True) -> Recogniser:
    """A recogniser from one regular expression, anchored at the first byte.

    Its groups `product`, `version` and `detail`, where it has them, fill the match; `product` is the
    product's name where the pattern itself proves it.
    """
    compiled = re.compile(pattern, re.DOTALL)

    def recognise(data: bytes) -> ProtocolMatch | None:
        found = compiled.match(data)
        if found is None:
            return None
        groups = {name: text(value) for name, value in found.groupdict().items()}
        return ProtocolMatch(
            protocol,
            groups.get("product") or product,
            groups.get("version", ""),
            groups.get("detail", ""),
            certain,
        )

    return recognise


def first_match(recognisers: Iterable[Recogniser], data: bytes) -> ProtocolMatch | None:
    """Return what the first recogniser that knows these bytes says; a likely match only where no certain one is."""
    likely = None
    for recognise in recognisers:
        match = recognise(data)
        if match is not None and match.certain:
            return match
        likely = likely or match
    return likely
