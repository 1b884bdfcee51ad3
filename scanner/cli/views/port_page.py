"""The page about a port: sections, one after the other, each a function from the page to its lines.

To say more of a port, add a function to `SECTIONS` (and its fact to `page_fields` for JSON). A section with
nothing to say returns nothing. What the registry holds was written by strangers: every line is sanitised.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten, wrap
from types import MappingProxyType
from typing import Any

from scanner.cli.views.port_overlays import de_facto, history, if_open, look_yourself, overlay_fields
from scanner.core.model import PortKey, RegistryIdentity, RegistryStatus, Transport
from scanner.core.registry.registry import RANGES, PortRecord, Registry, RegistryRow, port_range
from scanner.core.registry.words import use_reported
from scanner.core.sanitise import sanitise
from scanner.outputs.lines import json_line, registry_fields

PAGE_WIDTH = 78
NOTE_LENGTH = 300

MEANING: Mapping[RegistryStatus, str] = MappingProxyType(
    {
        RegistryStatus.ASSIGNED: "Assigned: IANA keeps the number for that service. It does not say that this is what"
        " listens on it, nor that it is safe.",
        RegistryStatus.UNASSIGNED: "Unassigned: no service has the number. Whatever listens on it chose it by itself;"
        " ask who, and why.",
        RegistryStatus.RESERVED: "Reserved: IANA keeps the number back, so no service may have it.",
        RegistryStatus.DEREGISTERED: "Deregistered: the assignment was withdrawn. What listens on it is old, or took it"
        " over.",
        RegistryStatus.PRIVATE_USE: "Private use: set aside for services of one's own; only the owner of the host can"
        " say which.",
        RegistryStatus.DYNAMIC: "Dynamic: IANA assigns nothing here (RFC 6335 section 6); programs take such a port"
        " for a while. One that stays open is somebody's choice.",
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is about."""

    query: str
    """The word that asked for it."""
    port: int
    """The port."""
    transports: tuple[Transport, ...]
    """The transports that were asked for."""
    registry: Registry
    """The registry that answers."""
    note: str = ""
    """A line to say first, if there is one."""

    @property
    def records(self) -> tuple[PortRecord, ...]:
        """What the registry says on each of the transports."""
        return tuple(self.registry.lookup(transport, self.port) for transport in self.transports)

    @property
    def keys(self) -> tuple[PortKey, ...]:
        """The ports of the page, for whoever has more to say of them."""
        return tuple(PortKey(transport, self.port) for transport in self.transports)


def title(page: Page) -> Iterator[str]:
    """The number and its range."""
    name = port_range(page.port)
    ports = RANGES[name]
    yield f"Port {page.port}, {name} range ({ports.start}-{ports.stop - 1})"
    yield from filter(None, [page.note])


def statuses(page: Page) -> Iterator[str]:
    """Status and names on each transport; transports of which the same is said share a line."""
    said: dict[tuple[str, str], list[str]] = {}
    for record in page.records:
        said.setdefault((record.status, _names(page, record)), []).append(record.transport)
    labels = {key: ", ".join(transports) for key, transports in said.items()}
    width = max(map(len, labels.values()))
    for (status, names), label in labels.items():
        yield f"  {label:<{width}}  {status:<12}  {names}".rstrip()


def _names(page: Page, record: PortRecord) -> str:
    others = page.registry.other_transport_only(record.transport, record.port)
    told = others and record.transport in (Transport.TCP, Transport.UDP)
    return f"(assigned for {' and '.join(others)} only)" if told else sanitise(record.service)


def services(page: Page) -> Iterator[str]:
    """Each name with its description, dates, notes and what is reported of others who use the port."""
    for row, transports in _distinct_rows(page).items():
        use = use_reported(row.unauthorised_use, row.first, row.last, page.port)
        yield f"  {sanitise(row.service) or row.status} ({', '.join(transports)})"
        yield from _wrapped(row.description if row.service else "")
        yield from _wrapped(_dates(row))
        yield from _wrapped(f"note: {shorten(row.notes, NOTE_LENGTH, placeholder=' [...]')}" if row.notes else "")
        yield from _wrapped(f"reported: {use}" if use else "")


def _distinct_rows(page: Page) -> dict[RegistryRow, list[str]]:
    """Rows that say something, with the transports they hold for; rows that differ in nothing else are one."""
    found: dict[RegistryRow, list[str]] = {}
    for record in page.records:
        for row in record.rows:
            if row.service or row.notes or row.unauthorised_use or row.registered or row.modified:
                found.setdefault(row._replace(transports=()), []).append(record.transport)
    return found


def _dates(row: RegistryRow) -> str:
    facts = (("registered", row.registered), ("modified", row.modified), ("see", row.reference), ("by", row.assignee))
    return ", ".join(f"{word} {fact}" for word, fact in facts if fact)


def _wrapped(text: str) -> list[str]:
    return wrap(sanitise(" ".join(text.split())), PAGE_WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8)


def meaning_section(page: Page) -> Iterator[str]:
    """What the statuses mean for someone who found the port open."""
    asked = page.records if len(page.records) == 1 else page.records[:2]
    for status in dict.fromkeys(record.status for record in asked):
        yield from wrap(MEANING[status], PAGE_WIDTH)


SECTIONS: tuple[Callable[[Page], Iterator[str]], ...] = (
    title,
    statuses,
    services,
    meaning_section,
    de_facto,
    history,
    look_yourself,
    if_open,
)
"""The page, from top to bottom."""


def page_text(page: Page) -> str:
    """The page, sections apart by an empty line."""
    return "\n\n".join(text for section in SECTIONS if (text := "\n".join(section(page))))


def footer(identity: RegistryIdentity) -> str:
    """Which registry said so."""
    return f"Registry: {sanitise(identity.source)}, of {sanitise(identity.date)}, sha256 {identity.sha256[:12]}"


def page_json(page: Page) -> str:
    """The page for programs: one object, one line, ASCII."""
    return json_line("port", page_fields(page))


def page_fields(page: Page) -> dict[str, Any]:
    """Everything on the page, ready for JSON."""
    return {
        "query": page.query,
        "port": page.port,
        "range": port_range(page.port),
        "transports": {record.transport: _record_fields(page, record) for record in page.records},
        "registry": registry_fields(page.registry.identity),
        **overlay_fields(page),
    }


def _record_fields(page: Page, record: PortRecord) -> dict[str, Any]:
    return {
        "status": record.status,
        "names": record.names,
        "assigned_only_for": page.registry.other_transport_only(record.transport, record.port),
        "unauthorised_use": record.unauthorised_use,
        "rows": [{**row._asdict(), "status": row.status} for row in record.rows],
    }
