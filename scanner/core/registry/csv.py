"""IANA's CSV, as it is, into a `Registry`. Bytes in, values out.

The file is RFC 4180 with line breaks inside quoted fields; 1,055 of its 14,499 rows carry a service name
without a port (they are counted and left out), 762 carry a run of ports in one cell, and some carry no
transport. Columns are found by their heading, so that a new one does no harm. The bundled snapshot has the
same form: there is one way in.

A file that is not the registry, or not all of it, must not be mistaken for a registry that assigns less.
So a row with missing cells, an open quote, an unreadable port, a file that is much too short or that lacks
the last port IANA keeps (49151) are all `RegistryUnusable`: one line, with the line number if there is one.
"""

import csv
import datetime
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from operator import itemgetter
from types import MappingProxyType

from scanner.core.errors import InvalidInput, RegistryUnusable
from scanner.core.model import RegistryIdentity, Transport
from scanner.core.registry.registry import ALL_PORTS, Registry, RegistryRow
from scanner.core.text import decode_text

IANA_COLUMNS = (
    "Service Name",
    "Port Number",
    "Transport Protocol",
    "Description",
    "Assignee",
    "Registration Date",
    "Modification Date",
    "Reference",
    "Unauthorized Use Reported",
    "Assignment Notes",
)
"""The headings that are read. The others, as the addresses of persons, are not."""

_OLDER_HEADINGS = MappingProxyType({"known unauthorized uses": "unauthorized use reported"})
"""Headings of earlier years (2014 to 2018) and what IANA calls the same column now, in lower case."""

_DATES = slice(5, 7)

LEAST_ROWS = 5_000
"""A whole registry has at least so many rows: IANA's of February 2026 has 14,499, the snapshot over 7,000."""

LAST_PORT = 49151
"""The last port that IANA keeps rows for; it is reserved, so that a whole file always has it."""

_TRANSPORTS = MappingProxyType(
    {"": (Transport.TCP, Transport.UDP)} | {transport.value: (transport,) for transport in Transport}
)
_PORT_CELL = re.compile(r"\s*(\d{1,5})(?:-(\d{1,5}))?\s*", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_iana_csv(data: bytes, *, source: str, date: str | None = None, whole: bool = True) -> Registry:
    """Read a registry from the bytes of IANA's CSV (UTF-8, a byte-order mark and CRLF allowed).

    `source` says in words or as an address where the bytes came from. `date` is the ISO date up to which they
    are current; by default the newest date in them. `whole=False` takes an excerpt for the registry.
    Raises RegistryUnusable.
    """
    cells = list(_cells(_text(data, source), source))
    rows = tuple(_rows(cells, source))
    if whole:
        _check_whole(len(cells), rows, source)
    date = date or _newest_day(cells)
    if not date:
        raise RegistryUnusable(f"{source}: no row has a date, so it is not known how current it is")
    identity = RegistryIdentity(source, date, sha256(data).hexdigest(), len(cells))
    return Registry(identity, rows)


def _text(data: bytes, source: str) -> str:
    try:
        text = decode_text(data, source)
    except InvalidInput as error:
        raise RegistryUnusable(f"{error}; expected IANA's CSV") from None
    if text.lstrip()[:1] == "<":
        raise RegistryUnusable(f"{source}: this is HTML or XML; expected IANA's CSV")
    return text


def _cells(text: str, source: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The line number and the cells of `IANA_COLUMNS` of each row."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: Sequence[str] = ()
    try:
        header = next(reader, [])
        wanted = itemgetter(*_places(header, source))
        for cells in filter(any, reader):  # an empty line is no row
            if len(cells) != len(header):
                raise RegistryUnusable(
                    f"{source}:{reader.line_num}: {len(cells)} cells where the heading has {len(header)};"
                    " the file is damaged or cut short"
                )
            yield reader.line_num, wanted(cells)
    except csv.Error as error:
        raise RegistryUnusable(f"{source}:{reader.line_num}: {error}; the file is damaged or cut short") from None


def _places(header: Sequence[str], source: str) -> list[int]:
    named = [heading.strip().lower() for heading in header]
    places = {_OLDER_HEADINGS.get(name, name): place for place, name in enumerate(named)}
    missing = [column for column in IANA_COLUMNS if column.lower() not in places]
    if missing:
        raise RegistryUnusable(f"{source}: no column {missing[0]!r} in the first line; expected IANA's CSV")
    return [places[column.lower()] for column in IANA_COLUMNS]


def _rows(table: Iterable[tuple[int, tuple[str, ...]]], source: str) -> Iterator[RegistryRow]:
    """The rows that have a port and a transport that this program knows."""
    for line, cells in table:
        service, ports, transport = cells[:3]
        transports = _TRANSPORTS.get(transport) or _TRANSPORTS.get(transport.strip().lower())
        if ports and transports:
            try:
                first, last = _port_run(ports)
            except ValueError as error:
                raise RegistryUnusable(f"{source}:{line}: {error}") from None
            yield RegistryRow(service.strip(), first, last, transports, *cells[3:])


def _port_run(cell: str) -> tuple[int, int]:
    match = _PORT_CELL.fullmatch(cell)
    if match is None:
        raise ValueError(f"{cell!r} is not a port; expected a number or a range like 6000-6063")
    first = int(match[1])
    last = int(match[2]) if match[2] else first
    if not first <= last < ALL_PORTS:
        raise ValueError(f"{cell!r} is not a range of ports between 0 and {ALL_PORTS - 1}")
    return first, last


def _check_whole(count: int, rows: Sequence[RegistryRow], source: str) -> None:
    if count < LEAST_ROWS:
        raise RegistryUnusable(
            f"{source}: {count} rows; the whole registry has more than {LEAST_ROWS}, so this is a part of it"
        )
    if not any(row.first <= LAST_PORT <= row.last for row in rows):
        raise RegistryUnusable(f"{source}: no row for port {LAST_PORT}, the last; the file is cut short")


def _newest_day(table: Iterable[tuple[int, tuple[str, ...]]]) -> str:
    days = {day for _, cells in table for day in cells[_DATES] if _DAY.fullmatch(day)}
    return next(filter(_is_date, sorted(days, reverse=True)), "")


def _is_date(day: str) -> bool:
    try:
        return bool(datetime.date.fromisoformat(day))
    except ValueError:  # 2026-02-30
        return False
