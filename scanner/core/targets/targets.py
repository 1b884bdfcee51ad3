"""Words to the set of addresses to look at.

A `TargetSet` is a sorted tuple of disjoint ranges with their running totals: the k-th address is found by
bisection and nothing is ever listed, so 10.0.0.0/8 costs no more than a /24. Words are understood by netaddr;
what it has no syntax for (octet lists and globs such as `10.0.0-3.*`) is multiplied out into ranges here.
Names are recognised but not resolved: that takes a network, so it is the caller's work.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate, product

from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.core.targets.masks import mask_prefix
from scanner.core.targets.ranges import Span, Spans, contains, merge, subtract

LARGEST_V6 = 1 << 24
"""Maximum number of IPv6 addresses in one target: a /104."""
MOST_PIECES = 1 << 16
"""Maximum number of separate ranges in one octet expression."""

_BITS = {4: 32, 6: 128}
_V4_MAPPED = (0xFFFF << 32, (0xFFFF << 32) | 0xFFFFFFFF)
_PLAIN_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_NUMERIC = re.compile(r"[0-9.,*/-]+")
_OCTET = re.compile(r"(?:\*|[0-9]{1,3}(?:-[0-9]{1,3})?|-[0-9]{1,3}|[0-9]{1,3}-)")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_ENDS_IN_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
"""A last label that C libraries read as an address in disguise (0x7f000001); no domain is called so."""

_MISTAKES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r".*://.*"), "a web address", "name the host alone, and the port with -p"),
    (re.compile(r"\[.*\].*"), "an address in brackets", "leave them out, and name the port with -p"),
    (re.compile(r"[^:]+:[0-9]+"), "a target with a port", "name the port with -p"),
    (re.compile(r"(?=.*,)(?:.*[A-Za-z/:]|(?:[^.]*\.){4}).*"), "several targets in one word", "use spaces"),
)
"""How people write targets elsewhere: what a word looks like, what that is, and what to write here."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a user wrote, and where: errors point at it."""

    text: str
    """The word."""
    where: str
    """The argument or `file:line`."""


@dataclass(frozen=True, slots=True)
class HostName:
    """A name that is still to be resolved."""

    word: Word
    """The name as it was written."""


class TargetSet:
    """An ordered, indexable set of addresses: IPv4 before IPv6, each ascending."""

    __slots__ = ("_ends", "ranges")

    def __init__(self, ranges: Iterable[tuple[int, int, int]] = ()) -> None:
        """The union of `ranges`, which may come in any order and overlap."""
        self.ranges: Spans = merge(ranges)
        self._ends: tuple[int, ...] = tuple(accumulate(each.size for each in self.ranges))

    def without(self, excluded: Iterable[tuple[int, int, int]]) -> "TargetSet":
        """Return this set without the union of `excluded`. Exclusion always wins."""
        taken = merge(excluded)
        return TargetSet(subtract(self.ranges, taken)) if taken else self

    @property
    def size(self) -> int:
        """Return the number of addresses; `len()` works where it fits the machine's index."""
        return self._ends[-1] if self._ends else 0

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TargetSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __repr__(self) -> str:
        return f"TargetSet({', '.join(map(str, self.ranges[:4]))}{', ...' if len(self.ranges) > 4 else ''})"

    def __getitem__(self, index: int) -> Address:
        """Return the address at an index, in O(log of the number of ranges).

        Raises:
            IndexError: outside of `range(size)`.
        """
        if not 0 <= index < self.size:
            raise IndexError(index)
        place = bisect_right(self._ends, index)
        found = self.ranges[place]
        return to_address(found.version, found.last - (self._ends[place] - 1 - index))

    def __iter__(self) -> Iterator[Address]:
        for each in self.ranges:
            for value in range(each.first, each.last + 1):
                yield to_address(each.version, value)

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, IPv4Address | IPv6Address):
            return False
        return contains(self.ranges, address)


def to_address(version: int, value: int) -> Address:
    """Return a number as an address of that version."""
    return IPv4Address(value) if version == 4 else IPv6Address(value)


def parse_target(word: Word, *, excluded: bool = False) -> tuple[Span, ...] | HostName:
    """Return what a word means: an address, CIDR, `a-b`, octet expression, IPv6, or a name to be resolved.

    An `excluded` network may be of any size: leaving out a /32 of IPv6 costs nothing, probing one never ends.

    Raises:
        InvalidInput: in one line, with the word and where it stands.
    """
    text = word.text
    if _PLAIN_V4.fullmatch(text):  # most words of a long file are plain addresses
        value = int.from_bytes(map(int, text.split(".")))
        return (Span(4, value, value),)
    for looks, problem, cure in _MISTAKES:
        if looks.fullmatch(text):
            raise _bad(word, problem, cure)
    if ":" in text:
        found = _network_or_range(word, 6)
        _check_not_v4(word, found, excluded=excluded)
        if not excluded:
            _check_size(word, found)
        return (found,)
    if _NUMERIC.fullmatch(text):
        if "/" in text or text.count(".") == 6:
            return (_network_or_range(word, 4),)
        return _octets(word)
    return _name(word)


def _name(word: Word) -> HostName:
    labels = word.text.rstrip(".").split(".")
    if "/" in word.text:
        raise _bad(word, "a name cannot have a prefix length", "write the network as numbers")
    if len(word.text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad(word, "neither an address, a range, a network nor a host name")
    if _ENDS_IN_NUMBER.fullmatch(labels[-1]):
        raise _bad(word, "neither an address nor a host name (a name does not end in a number)")
    return HostName(word)


def _network_or_range(word: Word, version: int) -> Span:
    first, dash, last = word.text.partition("-")
    if dash:
        if "/" in word.text:
            raise _bad(word, "a range of networks", "write either a network or a range of addresses")
        return _ordered(word, version, _address(word, first, version), _address(word, last, version))
    address, slash, prefix = word.text.partition("/")
    value = _address(word, address, version)
    if not slash:
        return Span(version, value, value)
    return _network(word, version, address, prefix)


def _network(word: Word, version: int, address: str, prefix: str) -> Span:
    import netaddr

    bits = _BITS[version]
    if version == 4 and (length := mask_prefix(prefix)) is not None:
        prefix = str(length)
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", prefix) or int(prefix) > bits:
        raise _bad(word, f"the prefix length is not a number from 0 to {bits}")
    network = netaddr.IPNetwork(f"{address}/{prefix}", version=version).cidr
    return Span(version, int(network.first), int(network.last))


def _address(word: Word, text: str, version: int) -> int:
    import netaddr

    if "%" in text:
        raise _bad(word, "a link-local address with its interface cannot be scanned yet", "name another")
    try:
        return int(netaddr.IPAddress(text, version=version, flags=netaddr.INET_PTON))
    except (netaddr.AddrFormatError, ValueError) as error:
        hint = "leading zeros are ambiguous (octal?): leave them out" if _leading_zero(text) else ""
        raise _bad(word, f"{text or 'nothing'!r} is not an IPv{version} address", hint) from error


def _ordered(word: Word, version: int, first: int, last: int) -> Span:
    if first > last:
        raise _bad(word, "the range is reversed", "write the lower end first")
    return Span(version, first, last)


def _check_size(word: Word, found: Span) -> None:
    if found.size > LARGEST_V6:
        raise _bad(
            word,
            "more than 2^24 IPv6 addresses; at a million probes a second a /64 would take 580,000 years",
            "name a /104 or smaller, or the hosts themselves",
        )


def _check_not_v4(word: Word, found: Span, *, excluded: bool) -> None:
    """Refuse IPv4 in the dress of IPv6; an exclusion may hold it among other addresses (`::/3`)."""
    first, last = _V4_MAPPED
    touched = found.first <= last and found.last >= first
    inside = first <= found.first and found.last <= last
    if inside if excluded else touched:
        raise _bad(word, "IPv4 written as IPv6 (::ffff:0:0/96)", "write the IPv4 address")


def _octets(word: Word) -> tuple[Span, ...]:
    parts = word.text.split(".")
    if len(parts) != 4:
        raise _bad(word, "not an IPv4 address, range or network", "an IPv4 address has four numbers")
    octets = [_octet(word, part) for part in parts]
    while len(octets) > 1 and len(octets[-1]) == 256:
        octets.pop()
    span = 256 ** (4 - len(octets))
    runs = _runs(octets[-1])
    count = len(runs)
    for values in octets[:-1]:
        count *= len(values)
    if count > MOST_PIECES:
        raise _bad(word, f"this makes {count:,} separate ranges, more than {MOST_PIECES:,}", "use networks")
    return tuple(
        Span(4, (_join(head) * 256 + low) * span, (_join(head) * 256 + high + 1) * span - 1)
        for head in product(*octets[:-1])
        for low, high in runs
    )


def _join(octets: tuple[int, ...]) -> int:
    value = 0
    for octet in octets:
        value = value * 256 + octet
    return value


def _octet(word: Word, text: str) -> list[int]:
    """The sorted values of one octet expression: `7`, `1-20`, `-5`, `9-`, `*`, and lists of these."""
    values: set[int] = set()
    for part in text.split(","):
        if not _OCTET.fullmatch(part):
            raise _bad(word, f"{part!r} is not an octet, a range of octets or *")
        if part == "*":
            values.update(range(256))
            continue
        low, dash, high = part.partition("-")
        if _leading_zero(low) or _leading_zero(high):
            raise _bad(word, "leading zeros are ambiguous (octal?)", "leave them out")
        first, last = int(low or 0), int(high or (255 if dash else low))
        if max(first, last) > 255:
            raise _bad(word, f"{part!r} is above 255")
        if first > last:
            raise _bad(word, f"the range {part!r} is reversed", "write the lower end first")
        values.update(range(first, last + 1))
    return sorted(values)


def _runs(values: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][1] == value - 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


def _leading_zero(text: str) -> bool:
    return any(len(part) > 1 and part.startswith("0") for part in text.split("."))


def _bad(word: Word, problem: str, cure: str = "") -> InvalidInput:
    return InvalidInput(f"{word.text!r}: {problem}", where=word.where, cure=cure)
