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

SILENT_AMONG_CLOSED = "silent-among-closed"
"""The reason of a UDP port that stays silent, with proof, while its host says of nearly all others that they are closed
(`core/udp/silent_ports.py`)."""


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
    """The state of an endpoint. `unknown` means that a problem on this machine kept us from finding out.

    `open|filtered` is a UDP endpoint that stayed silent: a service that answers no stranger, or a filter. TCP never
    has it.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    OPEN_FILTERED = "open|filtered"
    UNKNOWN = "unknown"


class RegistryStatus(StrEnum):
    """The status of a port on one transport in the registry."""

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
    """The judgement of an observation."""

    EXPECTED = "expected"
    UNEXPECTED = "unexpected"
    MISSING = "missing"
    UNDETERMINED = "undetermined"


REPORTABLE = frozenset({Verdict.UNEXPECTED, Verdict.MISSING})
"""The verdicts that reports, counts and the exit status are about."""


class Severity(IntEnum):
    """How urgent a finding is. Ordered, so that `--fail-on` can compare."""

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
    """The result of one sweep at one endpoint."""

    endpoint: Endpoint
    """The endpoint."""
    state: State
    """Its state."""
    reason: str
    """The reason for that state, as `reasons.reason_text` words it."""
    at: datetime
    """When it was settled; aware, UTC."""
    rtt: float | None = None
    """Seconds from the probe to its answer, where there was one."""
    evidence: str = ""
    """Evidence for the reason, for example the router that sent an ICMP error. May hold bytes from the network."""
    hostname: str = ""
    """The name by which the user asked for this address, if they gave one."""
    identity: Identity | None = None
    """The service that answered; None unless it was asked."""

    @property
    def whole_host(self) -> bool:
        """Return whether it stands for a host that answers on every port (`core/whole_host.py`); its port is then 0."""
        return self.reason == ANSWERS_EVERYWHERE


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule for one observation."""

    id: str
    """Stable over sweeps: a hash of address, port, transport and rule."""
    observation: Observation
    """What was seen."""
    rule: str
    """The id of the rule."""
    severity: Severity
    """How urgent it is."""
    verdict: Verdict
    """The judgement of the observation."""
    detail: str
    """The reason in words, for this endpoint."""
    registry_status: RegistryStatus
    """The status of the port on this transport in the registry."""
    service: str = ""
    """IANA's names for the endpoint, joined by a space."""
    policy_entry: str = ""
    """The policy entry that decided, if one did."""
    first_seen: datetime | None = None
    """When the history first knew this finding; None without a history."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An observation with its findings, at least one."""

    observation: Observation
    """What was seen."""
    findings: tuple[Finding, ...]
    """The findings, most severe first."""

    @property
    def severity(self) -> Severity:
        """Return the severity of the most severe finding."""
        return max((finding.severity for finding in self.findings), default=Severity.INFO)


@dataclass(frozen=True, slots=True)
class RegistryIdentity:
    """The identity of a registry."""

    source: str
    """Its origin, in words or as an address."""
    date: str
    """The ISO date up to which it is current."""
    sha256: str
    """Hex digest of the bytes it was read from."""
    rows: int
    """Number of rows."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts of what a sweep, or a part of one, covered.

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
    """Endpoints that something on the path blocks."""
    unknown: int = 0
    """Endpoints whose state a problem on this machine kept us from finding out."""
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
        """Return whether every planned endpoint has exactly one state."""
        return self.planned == self.open + self.closed + self.filtered + self.open_filtered + self.unknown

    @property
    def complete(self) -> bool:
        """Return whether something was planned and none of it is unknown."""
        return self.planned > 0 and self.unknown == 0
