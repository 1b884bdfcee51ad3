"""What is expected where, on whose authority, and until when.

A policy is a list of entries. Each names networks or hosts, and ports on them. *Expect* entries hold until
someone takes them out; *exceptions* have a ticket and a last day. Which entry decides about an endpoint:

1. the one that names the smallest network around the address (a host name, like a single address, is the
   smallest there is), as a router picks the longest prefix;
2. among equals, the one that stands first in the file.

So a table for each prefix length is enough, most specific first: a look-up costs one dictionary access for
each prefix length in use, however many entries there are.

An entry that is still marked for review decides nothing; it only says that a decision is due. What no entry
decides is unknown to the policy, and an open port that is unknown to the policy is unexpected.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from scanner.core.model import Address, PortKey, Severity
from scanner.core.targets.ranges import Span

BITS: Mapping[int, int] = MappingProxyType({4: 32, 6: 128})
"""Bits of an address of each IP version."""


class EntryKind(StrEnum):
    """The kinds of entries, by their word in the file."""

    EXPECT = "expect"
    EXCEPTION = "exception"
    ACCEPTED = "accepted"


class Standing(StrEnum):
    """The standing of an endpoint under the policy."""

    EXPECTED = "expected"
    EXCEPTED = "excepted"
    EXPIRED = "expired"
    UNREVIEWED = "unreviewed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ports that are expected, or excepted, on some hosts."""

    label: str
    """Its name, or its place in the file: `expect[2]`. What the CSV calls `policy_entry`."""
    kind: EntryKind
    """Permanent expectation or exception."""
    networks: tuple[Span, ...]
    """The networks it speaks of, each a power of two in size and aligned."""
    hosts: frozenset[str]
    """The host names it speaks of, in lower case."""
    ports: frozenset[PortKey]
    """The ports that are expected there, the required ones too."""
    required: frozenset[PortKey] = frozenset()
    """The ports that must be open there."""
    owner: str = ""
    """The person or team responsible."""
    note: str = ""
    """Its purpose."""
    ticket: str = ""
    """The ticket under which an exception was granted."""
    expires: date | None = None
    """The last day on which an exception holds, in the policy's zone; a datetime (aware) is the moment it ends."""
    review: bool = False
    """Whether it still needs review."""
    silent: bool = False
    """Whether its UDP services answer no stranger, so that proven silence is what is expected of them."""
    services: Mapping[PortKey, str] = field(default_factory=dict)
    """What must answer on a port, in a word of `--identify` or the registry; ports without one take anything."""
    place: str = ""
    """`file:line`, to be found again."""

    def standing(self, when: date, zone: tzinfo = UTC) -> Standing:
        """Return how an endpoint stands on a day or at a moment (aware) if this entry decides."""
        if self.review:
            return Standing.UNREVIEWED
        if self.kind is EntryKind.EXPECT:
            return Standing.EXPECTED
        return Standing.EXPIRED if self.expired(when, zone) else Standing.EXCEPTED

    def expired(self, when: date, zone: tzinfo = UTC) -> bool:
        """Return whether the exception is over on a day, or at a moment (aware). Days are those of `zone`."""
        if self.expires is None:
            return False
        if isinstance(self.expires, datetime):
            moment = when if isinstance(when, datetime) else datetime.combine(when, time(), zone)
            return moment >= self.expires
        day = when.astimezone(zone).date() if isinstance(when, datetime) else when
        return day > self.expires

    def __str__(self) -> str:
        owner = f", owner {self.owner}" if self.owner else ""
        ticket = f", ticket {self.ticket}" if self.ticket else ""
        return f"{self.label}{owner}{ticket}" + (f": {self.note}" if self.note else "")


class PolicyMatch(NamedTuple):
    """An entry that names an endpoint, and how."""

    entry: Entry
    """The entry."""
    via: str
    """The network or name in it that holds the endpoint."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of a policy about one endpoint."""

    standing: Standing
    """The standing of the endpoint."""
    entry: Entry | None = None
    """The entry that decides; None where the policy does not know the endpoint."""
    required_by: Entry | None = None
    """The entry that requires it to be open, if any."""
    zone: tzinfo = UTC
    """Where the last day of an exception ends."""

    @property
    def ends(self) -> str:
        """Return when the deciding exception ends: a day with its zone, or a moment; empty where it has no end."""
        expires = self.entry.expires if self.entry else None
        if expires is None:
            return ""
        return expires.isoformat(" ") if isinstance(expires, datetime) else f"{expires} ({self.zone})"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Findings that a person has accepted: of these rules, at this place, until a day.

    An exception says that a port may be open for a while; what rules say of the service behind it still counts. An
    acceptance is about single findings, whatever rule they come from.
    """

    entry: Entry
    """Place, owner, ticket and last day; without ports it speaks of every port."""
    rules: frozenset[str]
    """The ids of the rules."""

    def covers(self, address: Address, hostname: str, port: PortKey, rule: str) -> bool:
        """Return whether it speaks of a finding."""
        if rule not in self.rules or (self.entry.ports and port not in self.entry.ports):
            return False
        number = int(address)
        inside = any(
            span.version == address.version and span.first <= number <= span.last for span in self.entry.networks
        )
        return inside or bool(hostname and hostname.lower() in self.entry.hosts)


class Policy:
    """The entries, and the queries over them. Immutable."""

    def __init__(
        self,
        name: str,
        entries: Iterable[Entry],
        *,
        severities: Mapping[str, Severity] = MappingProxyType({}),
        sha256: str = "",
        as_of: date | None = None,
        zone: tzinfo = UTC,
        accepted: Iterable[Acceptance] = (),
    ) -> None:
        """`severities` replace those of rules, by id; `as_of` is the day or moment at which exceptions are
        checked, by default that of the observation; `zone` is where their last days end; `accepted` are findings
        that count no more."""
        self.name, self.sha256, self.as_of, self.zone = name, sha256, as_of, zone
        self.entries = tuple(entries)
        self.severities = severities
        self.accepted = tuple(accepted)
        self._by_host = _by_host(self.entries)
        self._by_network = _by_network(self.entries)
        self.required_ports = frozenset(key for entry in self.entries for key in entry.required)

    @property
    def identity(self) -> str:
        """Return name and digest, as the history and the JSON keep them."""
        return f"{self.name} sha256:{self.sha256}"

    @property
    def hosts(self) -> frozenset[str]:
        """Return every host name in the policy, for a caller that can resolve them."""
        return frozenset(self._by_host)

    def as_of_day(self, day: date) -> "Policy":
        """Return the same policy, judged as of one day or moment (aware) whenever something was observed."""
        return Policy(
            self.name,
            self.entries,
            severities=self.severities,
            sha256=self.sha256,
            as_of=day,
            zone=self.zone,
            accepted=self.accepted,
        )

    def accepting(self, address: Address, hostname: str, port: PortKey, rule: str, when: date) -> Entry | None:
        """Return the entry under which a finding is accepted on a day, or at a moment (aware); None if it is not."""
        for each in self.accepted:
            holds = each.entry.standing(self.as_of or when, self.zone) is Standing.EXCEPTED
            if holds and each.covers(address, hostname, port, rule):
                return each.entry
        return None

    def matches(self, address: Address, hostname: str, port: PortKey) -> Iterator[PolicyMatch]:
        """Yield every entry that names an endpoint, the deciding one first."""
        return (match for match in self.about(address, hostname) if port in match.entry.ports)

    def about(self, address: Address, hostname: str = "") -> Iterator[PolicyMatch]:
        """Yield every entry that names an address, or the host name it was given by; most specific first."""
        for entry in self._by_host.get(hostname.lower(), ()):
            yield PolicyMatch(entry, hostname)
        number = int(address)
        for level in self._by_network.get(address.version, ()):
            for entry in level.entries.get(number >> level.shift, ()):
                first = number >> level.shift << level.shift
                yield PolicyMatch(entry, str(Span(address.version, first, first + (1 << level.shift) - 1)))

    def decide(self, address: Address, hostname: str, port: PortKey, when: date) -> Decision:
        """Return how an endpoint stands on a day, or at a moment (aware)."""
        found = [match.entry for match in self.matches(address, hostname, port)]
        if not found:
            return Decision(Standing.UNKNOWN)
        required_by = next((e for e in found if port in e.required and not e.review), None)
        return Decision(found[0].standing(self.as_of or when, self.zone), found[0], required_by, self.zone)


@dataclass(frozen=True, slots=True)
class _Level:
    """The entries that name a network of one prefix length."""

    shift: int
    entries: dict[int, tuple[Entry, ...]] = field(default_factory=dict)


def _by_host(entries: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    table: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        for host in entry.hosts:
            table[host].append(entry)
    return {host: tuple(found) for host, found in table.items()}


def _by_network(entries: Iterable[Entry]) -> dict[int, tuple[_Level, ...]]:
    table: defaultdict[tuple[int, int], defaultdict[int, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        for span in dict.fromkeys(entry.networks):
            shift = host_bits(span)
            table[span.version, shift][span.first >> shift].append(entry)
    return {
        version: tuple(
            _Level(shift, {number: tuple(found) for number, found in table[version, shift].items()})
            for _, shift in sorted(key for key in table if key[0] == version)
        )
        for version in BITS
    }


def host_bits(network: Span) -> int:
    """Return the number of host bits of a network: 0 for a single address, 8 for a /24."""
    return network.size.bit_length() - 1
