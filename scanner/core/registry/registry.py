"""The IANA service-name and port-number registry.

The registry is a list of rows. A row gives a port, or a run of ports, on one transport (or on none, which
means TCP and UDP), and either a service name or, without a name, a description that is really a status.
Several rows may speak of one endpoint, and most endpoints have none. Everything the program asks of it is:

* the *status* of an endpoint. It is the strongest thing that any of its rows says, in the order of
  `STATUSES`: a named row assigns, whatever its description; without any row a port is unassigned below
  49152 and dynamic from there on (RFC 6335 section 6: IANA assigns nothing in that range).
* the *names* of an endpoint, in the registry's own order, which puts the current name before its
  historic aliases.

Statuses are kept as one table of 65,536 bytes a transport, made when first asked for: a byte is a place in
`STATUSES`. One look-up is an index, and a million of them are one numpy gather over `status_codes()`.

Sources: RFC 6335 (sections 5, 6 and 8.1), https://www.iana.org/assignments/service-names-port-numbers
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from scanner.core.model import PortKey, PortRange, RegistryIdentity, RegistryStatus, Transport
from scanner.core.registry.words import row_status, use_reported

ALL_PORTS = 1 << 16
"""How many port numbers there are."""

RANGES: Mapping[PortRange, range] = MappingProxyType(
    {
        PortRange.SYSTEM: range(1024),
        PortRange.USER: range(1024, 49152),
        PortRange.DYNAMIC: range(49152, ALL_PORTS),
    }
)
"""The three ranges of RFC 6335 section 6."""

STATUSES: tuple[RegistryStatus, ...] = (
    RegistryStatus.UNASSIGNED,
    RegistryStatus.DYNAMIC,
    RegistryStatus.RESERVED,
    RegistryStatus.PRIVATE_USE,
    RegistryStatus.DEREGISTERED,
    RegistryStatus.ASSIGNED,
)
"""Every status, weakest first: where several rows speak of an endpoint, the strongest holds."""

_CODES = {status: code for code, status in enumerate(STATUSES)}

BUCKET = 8
"""Rows that span ports are looked up by the port shifted right by so many bits."""

MAX_AGE_DAYS = 365
"""Age in days from which a registry is reported as old."""


class RegistryRow(NamedTuple):
    """One row of the registry. A named tuple, since 14,500 are made at each start: a quarter of the cost."""

    service: str
    """The service name; empty on rows that only give a status."""
    first: int
    """The first port it speaks of."""
    last: int
    """The last one; the same as `first` for most."""
    transports: tuple[Transport, ...]
    """The transports it holds for; a row that names none holds for TCP and UDP."""
    description: str
    """The description, or on a nameless row the status in words."""
    assignee: str
    """The assignee, as the registry writes it."""
    registered: str
    """When it was registered, ISO date or year-month; often empty."""
    modified: str
    """When it was last modified, ISO date or year-month; often empty."""
    reference: str
    """The specification, as the registry writes it: `[RFC9110]`."""
    unauthorised_use: str
    """Reported use of the port without an assignment."""
    notes: str
    """The registry's notes on the assignment."""

    @property
    def status(self) -> RegistryStatus:
        """Return the status that this row alone gives its ports."""
        return row_status(self.service, self.description)


@dataclass(frozen=True, slots=True)
class PortRecord:
    """Everything the registry says of one port on one transport."""

    transport: Transport
    """The transport."""
    port: int
    """The port, 0 to 65535."""
    status: RegistryStatus
    """The status, all rows considered."""
    rows: tuple[RegistryRow, ...]
    """The rows that speak of it, those for it alone first, else in the registry's order; often none."""

    @property
    def range(self) -> PortRange:
        """The range it lies in."""
        return port_range(self.port)

    @property
    def names(self) -> tuple[str, ...]:
        """Return every service name of the port, the current one first."""
        return tuple(dict.fromkeys(row.service for row in self.rows if row.service))

    @property
    def service(self) -> str:
        """Return the names joined by a space, as in the CSV."""
        return " ".join(self.names)

    @property
    def unauthorised_use(self) -> str:
        """Return the reported unauthorised use of this port; empty if there is none."""
        texts = (use_reported(row.unauthorised_use, row.first, row.last, self.port) for row in self.rows)
        return "; ".join(dict.fromkeys(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class RangeCounts:
    """Counts of the statuses in one range on one transport."""

    range: PortRange
    """The range."""
    transport: Transport
    """The transport."""
    ports: int
    """Number of ports in the range."""
    counts: Mapping[RegistryStatus, int]
    """Number of ports by status; every status is a key."""


class Registry:
    """The rows, and the queries over them. Immutable."""

    def __init__(self, identity: RegistryIdentity, rows: Iterable[RegistryRow]) -> None:
        """`identity` says which registry this is; `rows` are its rows, in its own order."""
        self.identity = identity
        self.rows: tuple[RegistryRow, ...] = tuple(rows)
        self._status_codes: dict[Transport, bytes] = {}

    def lookup(self, transport: Transport, port: int) -> PortRecord:
        """Return the record of a port (0 to 65535) on a transport."""
        narrow = self._narrow_rows.get(port, ())
        wide = (row for row in self._wide_rows.get(port >> BUCKET, ()) if row.first <= port <= row.last)
        rows = tuple(row for row in (*narrow, *wide) if transport in row.transports)
        return PortRecord(transport, port, self.status(transport, port), rows)

    def status(self, transport: Transport, port: int) -> RegistryStatus:
        """Return the status of a port (0 to 65535) on a transport."""
        return STATUSES[self.status_codes(transport)[port]]

    def status_codes(self, transport: Transport) -> bytes:
        """65,536 bytes, one a port: its status as a place in `STATUSES`. Made for `numpy.frombuffer`."""
        if transport not in self._status_codes:
            self._status_codes[transport] = self._make_status_codes(transport)
        return self._status_codes[transport]

    def _make_status_codes(self, transport: Transport) -> bytes:
        table = bytearray([_CODES[RegistryStatus.UNASSIGNED]]) * ALL_PORTS
        dynamic = RANGES[PortRange.DYNAMIC]
        table[dynamic.start :] = bytes([_CODES[RegistryStatus.DYNAMIC]]) * len(dynamic)
        for code, first, last, transports in self._coded_runs:
            if transport not in transports:
                continue
            if first == last:
                table[first] = code
            else:
                table[first : last + 1] = bytes([code]) * (last + 1 - first)
        return bytes(table)

    @cached_property
    def _coded_runs(self) -> Sequence[tuple[int, int, int, tuple[Transport, ...]]]:
        """Return what each row writes into the tables, the strongest last, so that it stays."""
        coded = ((_CODES[row.status], row.first, row.last, row.transports) for row in self.rows)
        return sorted((run for run in coded if run[0]), key=itemgetter(0))

    def ports_with_status(self, transport: Transport, status: RegistryStatus) -> tuple[int, ...]:
        """Return every port of a transport that has this status, ascending."""
        code = _CODES[status]
        return tuple(port for port, has in enumerate(self.status_codes(transport)) if has == code)

    def by_name(self, text: str) -> tuple[PortKey, ...]:
        """Return the ports of a service name, if any. Case does not matter (RFC 6335 section 5.1)."""
        return self._keys_by_name.get(text.lower(), ())

    @property
    def names(self) -> Sequence[str]:
        """Return every service name that has a port, in lower case."""
        return tuple(self._keys_by_name)

    def other_transport_only(self, transport: Transport, port: int) -> tuple[Transport, ...]:
        """Return the transports on which the port is assigned, if it is not assigned on this one."""
        if self.status(transport, port) is RegistryStatus.ASSIGNED:
            return ()
        return tuple(other for other in Transport if self.status(other, port) is RegistryStatus.ASSIGNED)

    def stats(self) -> tuple[RangeCounts, ...]:
        """Return the counts of every range and transport."""
        return tuple(self._counts(name, transport) for name in RANGES for transport in Transport)

    def _counts(self, name: PortRange, transport: Transport) -> RangeCounts:
        ports = RANGES[name]
        codes = self.status_codes(transport)[ports.start : ports.stop]
        counts = {status: codes.count(code) for code, status in enumerate(STATUSES)}
        return RangeCounts(name, transport, len(ports), MappingProxyType(counts))

    @cached_property
    def assignments(self) -> Mapping[PortKey, tuple[str, ...]]:
        """Every assigned endpoint with its names."""
        names: defaultdict[PortKey, list[str]] = defaultdict(list)
        for row in self.rows:
            for key in _keys(row) if row.service else ():
                names[key].append(row.service)
        return {key: tuple(services) for key, services in names.items()}

    @cached_property
    def _narrow_rows(self) -> Mapping[int, Sequence[RegistryRow]]:
        index: defaultdict[int, list[RegistryRow]] = defaultdict(list)
        for row in self.rows:
            if row.first == row.last:
                index[row.first].append(row)
        return index

    @cached_property
    def _wide_rows(self) -> Mapping[int, Sequence[RegistryRow]]:
        """The rows that span ports, by the runs of 256 ports that they reach into."""
        index: defaultdict[int, list[RegistryRow]] = defaultdict(list)
        for row in self.rows:
            if row.first != row.last:
                for bucket in range(row.first >> BUCKET, (row.last >> BUCKET) + 1):
                    index[bucket].append(row)
        return index

    @cached_property
    def _keys_by_name(self) -> Mapping[str, tuple[PortKey, ...]]:
        keys: defaultdict[str, list[PortKey]] = defaultdict(list)
        for row in self.rows:
            if row.service:
                keys[row.service.lower()].extend(_keys(row))
        return {name: tuple(sorted(set(found))) for name, found in keys.items()}


def _keys(row: RegistryRow) -> Iterable[PortKey]:
    return (PortKey(transport, port) for transport in row.transports for port in range(row.first, row.last + 1))


def port_range(port: int) -> PortRange:
    """Return the range of a port (0 to 65535)."""
    return next(name for name, ports in RANGES.items() if port in ports)


def age_warning(identity: RegistryIdentity, today: date) -> str:
    """Return one line that says a registry is out of date or dated in the future; empty if it is neither."""
    age = (today - date.fromisoformat(identity.date)).days
    if age < MAX_AGE_DAYS:
        return future_warning(identity, today)
    return f"the registry is of {identity.date}, {age} days ago; `scanner registry update` fetches a new one"


def future_warning(identity: RegistryIdentity, today: date) -> str:
    """Return one line that says a registry is dated after tomorrow, or nothing; zones differ by up to a day."""
    if date.fromisoformat(identity.date) <= today + timedelta(days=1):
        return ""
    return f"the registry is of {identity.date}, which is in the future; check this machine's clock and the file"
