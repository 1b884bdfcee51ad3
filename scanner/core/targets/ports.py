"""Words to the set of ports to look at.

The syntax is nmap's, plus the classes of the registry: `22,80,8000-8100`, `-`, `-1024`, `60000-`, `ssh,http`,
`T:80,U:53`, `unassigned`, `system`, `U:common`. A prefix holds until the next one. What numbers a name or a class means
is the registry's to say; it is handed in.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from types import MappingProxyType
from typing import TypeAlias

from scanner.core.errors import InvalidInput
from scanner.core.model import PortRange, RegistryStatus, Transport
from scanner.core.registry.registry import RANGES, Registry
from scanner.core.targets.targets import Word

FIRST, LAST = 1, 65535
"""The ports that can be probed. Port 0 is reserved (RFC 6335 section 6) and nothing can be bound to it."""

COMMON = "common"
"""The word for the ports that are scanned by default."""
Common: TypeAlias = Callable[[Transport], Iterable[int]]
"""Returns the ports of a transport that are scanned by default."""

_PREFIXES: Mapping[str, Transport] = MappingProxyType({"T": Transport.TCP, "U": Transport.UDP})
_SPAN = re.compile(r"([0-9]*)(-?)([0-9]*)")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.+/*-]*[A-Za-z0-9_+*])?")


@dataclass(frozen=True, slots=True)
class PortSet:
    """Ports of each transport, ascending."""

    tcp: tuple[int, ...] = ()
    """TCP port numbers."""
    udp: tuple[int, ...] = ()
    """UDP port numbers."""

    def __len__(self) -> int:
        return len(self.tcp) + len(self.udp)

    def __or__(self, other: "PortSet") -> "PortSet":
        return PortSet(_sorted({*self.tcp, *other.tcp}), _sorted({*self.udp, *other.udp}))

    def __sub__(self, other: "PortSet") -> "PortSet":
        return PortSet(_sorted({*self.tcp} - {*other.tcp}), _sorted({*self.udp} - {*other.udp}))


def port_words(ports: PortSet) -> Iterator[str]:
    """Yield the ports as words that mean them again, runs together: `22`, `8000-8010`, `U:53`."""
    for numbers, prefix in ((ports.tcp, ""), (ports.udp, "U:")):
        start = 0
        for place, port in enumerate(numbers):
            if place + 1 == len(numbers) or numbers[place + 1] != port + 1:
                first = numbers[start]
                yield f"{prefix}{first}" if first == port else f"{prefix}{first}-{port}"
                start = place + 1


def parse_ports(word: Word, registry: Callable[[], Registry]) -> PortSet:
    """Return what a port word means. `registry` is only called for names and registry classes.

    Raises:
        InvalidInput: in one line, with the part that is wrong.
    """
    return parse_port_words([word], registry)


def parse_port_words(
    words: Iterable[Word],
    registry: Callable[[], Registry],
    unprefixed: tuple[Transport, ...] = (Transport.TCP,),
    common: Common | None = None,
) -> PortSet:
    """Return the union of several port words, in time linear in their length.

    `unprefixed` are the transports of ports before any T: or U:; `common` gives the ports that the word `common` means.
    Each part marks its ports in a table, so that a range that is named again costs next to nothing.

    Raises:
        InvalidInput: in one line, with the part that is wrong.
    """
    marked = {Transport.TCP: bytearray(LAST + 1), Transport.UDP: bytearray(LAST + 1)}
    for word in words:
        for transport, part in _parts(word, unprefixed):
            by_default = common is not None and part.lower() == COMMON
            numbers = common(transport) if by_default and common else _numbers(word, part, transport, registry)
            if isinstance(numbers, range):
                marked[transport][numbers.start : numbers.stop] = b"\1" * len(numbers)
            else:
                for number in numbers:
                    marked[transport][number] = 1
    return PortSet(*(tuple(compress(range(LAST + 1), marked[transport])) for transport in marked))


def _parts(word: Word, unprefixed: tuple[Transport, ...]) -> Iterator[tuple[Transport, str]]:
    """Yield the parts between commas, each with the transport of the latest prefix; a part that is named twice once."""
    transports = unprefixed
    seen: set[tuple[Transport, str]] = set()
    for raw in word.text.split(","):
        part = raw.strip()
        prefix, colon, rest = part.partition(":")
        if colon:
            if prefix.upper() not in _PREFIXES:
                raise _bad(word, f"{part!r}: the prefix must be T: or U:")
            transports, part = (_PREFIXES[prefix.upper()],), rest.strip()
        for transport in transports:
            if (transport, part) not in seen:
                seen.add((transport, part))
                yield transport, part


def _numbers(word: Word, part: str, transport: Transport, registry: Callable[[], Registry]) -> Iterable[int]:
    if not part:
        raise _bad(word, "nothing between two commas" if "," in word.text else "no port is given")
    if span := _SPAN.fullmatch(part):
        return _span(word, part, *span.groups())
    if part.lower() in set(PortRange):
        ports = RANGES[PortRange(part.lower())]
        return range(max(ports.start, FIRST), ports.stop)
    if part.lower() in set(RegistryStatus):
        status = RegistryStatus(part.lower())
        return (port for port in registry().ports_with_status(transport, status) if port >= FIRST)
    return _named(word, part, transport, registry())


def _span(word: Word, part: str, first: str, dash: str, last: str) -> range:
    for number in (first, last):
        if len(number) > 1 and number.startswith("0"):
            raise _bad(word, f"{part!r}: leading zeros are ambiguous", "leave them out")
        if len(number) > 5 or int(number or 0) > LAST:
            raise _bad(word, f"{part!r}: ports end at {LAST}")
    low, high = int(first or FIRST), int(last or (LAST if dash else first))
    if low > high:
        raise _bad(word, f"{part!r}: the range is reversed", "write the lower port first")
    if low < FIRST:
        raise _bad(word, f"{part!r}: port 0 is reserved and cannot be probed", "start at 1")
    return range(low, high + 1)


def _named(word: Word, name: str, transport: Transport, registry: Registry) -> list[int]:
    if not _NAME.fullmatch(name):
        raise _bad(word, f"{name!r} is not a port, a range, a service name or a registry class")
    keys = registry.by_name(name)
    numbers = [key.number for key in keys if key.transport is transport]
    if numbers:
        return numbers
    if not keys:
        raise _bad(word, f"no service named {name!r} in the registry", "use its number")
    elsewhere = ", ".join(f"{key.number}/{key.transport}" for key in keys[:4])
    raise _bad(word, f"{name!r} is not assigned for {transport} (only for {elsewhere})", "use its number")


def _sorted(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers))


def _bad(word: Word, problem: str, cure: str = "") -> InvalidInput:
    return InvalidInput(problem, where=word.where, cure=cure)
