"""Sets of addresses as sorted runs of integers, and the few operations that scope, policy and diff need.

A span is `(version, first, last)`. A set is a tuple of spans, sorted and merged, so that a /8 is one span and
costs what a single address costs: every operation here is linear in the number of spans, membership is a
binary search, and no address is ever listed. Spans of IPv4 sort before spans of IPv6 and never touch them.

Merging is done once, by `merge`: sets have a type of their own, and every operation on them relies on it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network, summarize_address_range
from typing import NamedTuple, NewType

from scanner.core.model import Address

MOST_SPANS = 1 << 22
"""Maximum number of separate spans in one list: half a gigabyte."""


class Span(NamedTuple):
    """Consecutive addresses of one IP version, both ends included."""

    version: int
    """4 or 6."""
    first: int
    """The first address as an integer."""
    last: int
    """The last address as an integer."""

    @property
    def size(self) -> int:
        """Return the number of addresses."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        first, last = _address(self.version, self.first), _address(self.version, self.last)
        if first == last:
            return str(first)
        networks = list(summarize_address_range(first, last))
        return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"


Spans = NewType("Spans", tuple[Span, ...])
"""A set of addresses: spans sorted, disjoint and merged."""


def network_span(text: str) -> Span:
    """Return the span of an address or a CIDR network. Raises ValueError, also where host bits are set."""
    network = ip_network(text)
    return Span(network.version, int(network.network_address), int(network.broadcast_address))


def address_span(address: Address) -> Span:
    """Return the span of one address."""
    return Span(address.version, int(address), int(address))


def merge(spans: Iterable[tuple[int, int, int]]) -> Spans:
    """Return the set of every address in `spans`, which may come in any order and overlap."""
    merged: list[Span] = []
    for span in map(Span._make, sorted(spans)):
        previous = merged[-1] if merged else None
        if previous and previous.version == span.version and span.first <= previous.last + 1:
            merged[-1] = previous._replace(last=max(previous.last, span.last))
        else:
            merged.append(span)
    return Spans(tuple(merged))


class GatheredSpans:
    """Spans that come one by one, merged on the way: a list of neighbours takes no more room than their range."""

    __slots__ = ("_batch", "_next", "_spans", "most")

    def __init__(self, most: int = MOST_SPANS, batch: int = 1 << 16) -> None:
        """`most` separate spans are kept, looked at whenever `batch` or as many as are kept have come in."""
        self.most = most
        self._spans: list[Span] = []
        self._next = self._batch = batch

    def add(self, spans: Iterable[Span]) -> bool:
        """Take spans in; return False where there are more than can be kept."""
        self._spans += spans
        if len(self._spans) <= self._next:
            return True
        self._spans = list(merge(self._spans))
        self._next = len(self._spans) + max(self._batch, min(len(self._spans), self.most))
        return len(self._spans) <= self.most

    def spans(self) -> Spans:
        """Return the set of all addresses that came in."""
        return merge(self._spans)


def contains(spans: Spans, address: Address) -> bool:
    """Return whether an address is in a set."""
    return contains_number(spans, address.version, int(address))


def contains_number(spans: Spans, version: int, number: int) -> bool:
    """Return whether an address, given as version and integer, is in a set."""
    place = bisect_right(spans, (version, number, 1 << 128)) - 1
    return place >= 0 and spans[place].version == version and spans[place].last >= number


def intersect(left: Spans, right: Spans) -> Spans:
    """Return the addresses that are in both sets."""
    return Spans(tuple(_overlaps(left, right)))


def subtract(spans: Spans, taken: Spans) -> Iterator[Span]:
    """Yield what is left of one set without another, in order; lazy, so that asking for the first costs little."""
    place = 0
    for version, first, last in spans:
        start = first
        while place < len(taken) and (taken[place].version, taken[place].last) < (version, first):
            place += 1
        here = place
        while here < len(taken) and taken[here].version == version and taken[here].first <= last:
            if taken[here].first > start:
                yield Span(version, start, taken[here].first - 1)
            start = max(start, taken[here].last + 1)
            here += 1
        if start <= last:
            yield Span(version, start, last)


def first_outside(spans: Spans, cover: Spans) -> Span | None:
    """Return the first run of addresses of `spans` that `cover` lacks, or None."""
    return next(subtract(spans, cover), None)


def _overlaps(left: Spans, right: Spans) -> Iterator[Span]:
    mine, theirs = 0, 0
    while mine < len(left) and theirs < len(right):
        a, b = left[mine], right[theirs]
        if a.version == b.version and max(a.first, b.first) <= min(a.last, b.last):
            yield Span(a.version, max(a.first, b.first), min(a.last, b.last))
        if (a.version, a.last) <= (b.version, b.last):
            mine += 1
        else:
            theirs += 1


def _address(version: int, number: int) -> Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)
