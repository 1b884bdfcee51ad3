"""The values that everything else speaks in. Frozen, small, and without behaviour of their own.

Addresses are the standard library's `IPv4Address` and `IPv6Address`: typed, hashable, and known to every
Python programmer. netaddr is used where text becomes sets of them (`targets.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Self, TypeAlias

from scanner.core.recognise.identity import Identity

Address: TypeAlias = IPv4Address | IPv6Address

ANSWERS_EVERYWHERE = "answers-everywhere"
"""The reason of the one observation that stands for a host that answers on every port."""


class Transport(StrEnum):
    """The transports that have ports (RFC 6335 section 5)."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    DCCP = "dccp"


PROTOCOL: Mapping[Transport, int] = MappingProxyType(
    {Transport.TCP: 6, Transport.UDP: 17, Transport.DCCP: 33, Transport.SCTP: 132}
)
"""IANA's protocol numbers of the transports."""

TRANSPORT: Mapping[int, Transport] = MappingProxyType({number: name for name, number in PROTOCOL.items()})
"""The transports by protocol number."""


class State(StrEnum):
    """What an endpoint is. `unknown` means that we could not tell, because of us.

    `open|filtered` is a UDP endpoint that stayed silent: a service that answers no stranger, or a filter. TCP never
    has it.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    OPEN_FILTERED = "open|filtered"
    UNKNOWN = "unknown"


class RegistryStatus(StrEnum):
    """What the registry's row for a transport says of a port."""

    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    RESERVED = "reserved"
    DEREGISTERED = "deregistered"
    PRIVATE_USE = "private-use"
    DYNAMIC = "dynamic"


class PortRange(StrEnum):
    """The three ranges of RFC 6335 section 6."""

    SYSTEM = "system"
    USER = "user"
    DYNAMIC = "dynamic"


class Verdict(StrEnum):
    """Whether an observation is as it should be."""

    EXPECTED = "expected"
    UNEXPECTED = "unexpected"
    MISSING = "missing"
    UNDETERMINED = "undetermined"


REPORTABLE = frozenset({Verdict.UNEXPECTED, Verdict.MISSING})
"""The verdicts that reports, counts and the exit status are about."""


class Severity(IntEnum):
    """How much a finding wants to be looked at. Ordered, so that `--fail-on` can compare."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """The lower-case word that CSV, JSON and the command line use."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class PortKey:
    """A port of a transport, wherever it is."""

    transport: Transport
    """The transport."""
    number: int
    """The port number, 0 to 65535."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place that can be probed."""

    address: Address
    """The IP address."""
    transport: Transport
    """The transport."""
    port: int
    """The port number, 0 to 65535."""

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else f"{self.address}"
        return f"{host}:{self.port}/{self.transport}"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one sweep saw at one endpoint."""

    endpoint: Endpoint
    """Where."""
    state: State
    """In which state it is."""
    reason: str
    """Why it is in that state, as `reasons.reason_text` words it."""
    at: datetime
    """When it was settled; aware, UTC."""
    rtt: float | None = None
    """Seconds from the probe to its answer, where there was one."""
    evidence: str = ""
    """What backs the reason: the router that sent an ICMP error, say. May hold bytes from the network."""
    hostname: str = ""
    """The name by which the user asked for this address, if they gave one."""
    identity: Identity | None = None
    """What speaks there, where somebody asked."""

    @property
    def whole_host(self) -> bool:
        """Whether it stands for a host that answers on every port (`core/whole_host.py`); its port is then 0."""
        return self.reason == ANSWERS_EVERYWHERE


@dataclass(frozen=True, slots=True)
class Finding:
    """An observation held against one rule."""

    id: str
    """Stable over sweeps: a hash of address, port, transport and rule."""
    observation: Observation
    """What was seen."""
    rule: str
    """The id of the rule that speaks."""
    severity: Severity
    """How much it wants to be looked at."""
    verdict: Verdict
    """Whether the observation is as it should be."""
    detail: str
    """The reason in words, for this endpoint."""
    registry_status: RegistryStatus
    """What the registry says of the port on this transport."""
    service: str = ""
    """IANA's names for the endpoint, joined by a space."""
    policy_entry: str = ""
    """The policy entry that decided, if one did."""
    first_seen: datetime | None = None
    """When the history first knew this finding; None without a history."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An observation with everything the rules say of it. There is always at least one finding."""

    observation: Observation
    """What was seen."""
    findings: tuple[Finding, ...]
    """What the rules say, most severe first."""

    @property
    def severity(self) -> Severity:
        """The severity of the worst finding."""
        return max((finding.severity for finding in self.findings), default=Severity.INFO)


@dataclass(frozen=True, slots=True)
class RegistryIdentity:
    """Which registry spoke."""

    source: str
    """Where it came from, in words or as an address."""
    date: str
    """The ISO date up to which it is current."""
    sha256: str
    """Hex digest of the bytes it was read from."""
    rows: int
    """How many rows those bytes hold."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a sweep, or a part of one, covered.

    `planned = open + closed + filtered + open_filtered + unknown`, always.
    """

    planned: int = 0
    """Endpoints that were to be looked at."""
    sent: int = 0
    """Probes sent, retries included."""
    answered: int = 0
    """Endpoints from which the network gave us any packet."""
    open: int = 0
    """Endpoints that accept connections."""
    closed: int = 0
    """Endpoints that refuse them."""
    filtered: int = 0
    """Endpoints that something in between keeps from us."""
    unknown: int = 0
    """Endpoints of which we could not tell, because of us."""
    excluded: int = 0
    """Endpoints that the user took out of the plan."""
    unreachable_hosts: int = 0
    """Addresses settled as a whole because nothing is there."""
    open_filtered: int = 0
    """UDP endpoints that stayed silent."""

    def __add__(self, other: Self) -> "Coverage":
        return Coverage(
            self.planned + other.planned,
            self.sent + other.sent,
            self.answered + other.answered,
            self.open + other.open,
            self.closed + other.closed,
            self.filtered + other.filtered,
            self.unknown + other.unknown,
            self.excluded + other.excluded,
            self.unreachable_hosts + other.unreachable_hosts,
            self.open_filtered + other.open_filtered,
        )

    @property
    def balanced(self) -> bool:
        """Whether the promise holds that every planned endpoint has one state."""
        return self.planned == self.open + self.closed + self.filtered + self.open_filtered + self.unknown

    @property
    def complete(self) -> bool:
        """Whether something was planned and nothing of it is unknown."""
        return self.planned > 0 and self.unknown == 0
