"""What a reader of a foreign scan is: it takes a source and yields what stands in it, in order, a little at a time.

A *report* is one host with everything that the file says of it, so that what the file does not list can be counted. An
observation by itself is a row of a file that lists what was found and is silent about the rest: nothing follows from
that silence, the scan may not have asked.

Readers refuse what they do not understand, with the line: half a file read as if it were whole would say that ports
are closed which nobody looked at.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, TypeAlias

from scanner.core.errors import InvalidInput
from scanner.core.model import Address, Coverage, Observation, State, Transport
from scanner.core.targets.ports import PortSet


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is read. The stream can be read from the start again."""

    name: str
    """What errors call it."""
    stream: BinaryIO
    """Its bytes."""
    written: datetime
    """When it was last written, for rows without a time; aware, UTC."""
    hosts: tuple[Address, ...] = ()
    """The addresses of the machine on which a list of listening sockets was made."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many rows were left out, by reason in words."""

    def refuse(self, line: int, problem: str, cure: str = "") -> InvalidInput:
        """Return the error for a line that cannot be read."""
        return InvalidInput(problem, where=f"{self.name}:{line}", cure=cure)


@dataclass(frozen=True, slots=True)
class Heading:
    """What a file says of the scan as a whole. A later one adds to an earlier one."""

    tool: str = ""
    """The program and its version, in words."""
    words: str = ""
    """Its command line."""
    started: datetime | None = None
    """When it began; aware, UTC."""
    ports: PortSet | None = None
    """The ports that were asked on each host, where the file says so."""
    targets: str = ""
    """Target words, where the file says all of them; only for our own files."""
    port_words: str = ""
    """Port words, likewise."""
    coverage: Coverage | None = None
    """What the scan covered, where the file says so for all of it."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """How many endpoints have each reason, likewise."""
    hosts: int = 0
    """How many addresses the scan was about, where the file says so; those that it does not report are not covered."""
    degraded: tuple[str, ...] = ()
    """Why answers may have been lost, one line each."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Ports of one host that share a state, and that a file counts instead of listing them."""

    transport: Transport | None
    """Their transport; None where the file counts all transports together."""
    state: State
    """Their state."""
    reason: str
    """Why."""
    count: int
    """How many."""
    ports: frozenset[int] | None = None
    """Which, where the file says so."""


@dataclass(frozen=True, slots=True)
class HostReport:
    """Everything that a file says of one host."""

    address: Address
    """Its address."""
    at: datetime
    """When its scan ended; aware, UTC."""
    observations: tuple[Observation, ...] = ()
    """The ports that are listed."""
    unlisted: tuple[Unlisted, ...] = ()
    """The ports that are counted."""
    hostname: str = ""
    """The name by which it was asked for."""


ImportEvent: TypeAlias = Heading | HostReport | Observation
"""What readers yield. A file has either reports or observations by themselves."""

ImportReader: TypeAlias = Callable[[Source], Iterator[ImportEvent]]
"""Reads a source from its start. Raises InvalidInput with the line of what it does not understand."""

REASONS: Mapping[str, str] = {
    "conn-refused": "reset",
    "reset": "reset",
    "rst": "reset",
    "syn-ack": "syn-ack",
    "synack": "syn-ack",
    "no-response": "no-response",
    "none": "no-response",
    "net-unreach": "icmp-net-unreachable",
    "host-unreach": "icmp-host-unreachable",
    "proto-unreach": "icmp-protocol-unreachable",
    "net-prohibited": "icmp-net-prohibited",
    "host-prohibited": "icmp-host-prohibited",
    "admin-prohibited": "icmp-admin-prohibited",
    "time-exceeded": "icmp-time-exceeded",
    "udp-response": "udp-answer",
}
"""Foreign words for reasons, and ours; any other word stays as it is."""

IMPORT_STATES: Mapping[str, State] = {
    "open": State.OPEN,
    "closed": State.CLOSED,
    "filtered": State.FILTERED,
    "open|filtered": State.OPEN_FILTERED,
    "closed|filtered": State.FILTERED,
    "unfiltered": State.UNKNOWN,
    "unknown": State.UNKNOWN,
}
"""Foreign words for states. `unfiltered` only says that an answer came back to a probe that cannot tell open from
closed."""


def reason_of(word: str, transport: Transport | None, state: State) -> str:
    """Return our word for a foreign reason."""
    if word == "port-unreach":
        return "port-unreachable" if transport is Transport.UDP else "icmp-port-unreachable"
    if state is State.OPEN_FILTERED and word == "no-response":
        return "udp-no-response"
    return REASONS.get(word, word[:60])
