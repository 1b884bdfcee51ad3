"""Overlays: what is known of a port besides the registry. Two curated lists, kept apart from it.

`threat-history` lists worms, trojans, back doors and attack tools that used a port; `de-facto` lists what
software commonly listens there. Both are data files with a date, a rule for how an entry gets in, and a named
source in every row. An entry explains and suggests; it never says what a port is assigned to, and its absence
says nothing at all.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeVar

from scanner.core.errors import InvalidInput
from scanner.core.model import PortKey, Transport


class ThreatKind(StrEnum):
    """How a threat relates to the port."""

    TROJAN = "trojan"
    """Remote control or other malware that listens there."""
    BACK_DOOR = "back-door"
    """A way in that a worm, a rootkit, an attacker or a maker left open there."""
    C2 = "c2"
    """Default port of a controller, handler or team server of an attack tool."""
    WORM = "worm"
    """Spread through the service on this port."""
    ATTACKED = "attacked"
    """The service on this port was exploited at scale."""
    AMPLIFIER = "amplifier"
    """The service on this port is abused to reflect floods."""

    @property
    def listens(self) -> bool:
        """Return whether the threat itself listens on the port."""
        return self in (ThreatKind.TROJAN, ThreatKind.BACK_DOOR, ThreatKind.C2)


@dataclass(frozen=True, slots=True)
class Threat:
    """One entry of the threat history."""

    port: PortKey
    """Where."""
    name: str
    """The threat's usual name."""
    kind: ThreatKind
    """How it relates to the port."""
    year: int
    """The year in which it was first seen or described."""
    source: str
    """The source: an advisory, a CVE, a write-up, a paper."""
    product: str = ""
    """The software that was attacked, where it is one product; empty where it is the protocol or several."""

    @property
    def words(self) -> str:
        """Return a line for people: `SubSeven (trojan, 2000; CERT IN-2001-07)`."""
        return f"{self.name} ({self.kind.value}, {self.year}; {self.source})"


@dataclass(frozen=True, slots=True)
class Usual:
    """One entry of the de-facto list."""

    port: PortKey
    """Where."""
    product: str
    """The software."""
    protocol: str
    """The protocol it speaks, in the words of `Identity.protocol` (or `https`); empty where unknown."""
    use: str
    """The purpose of the port."""
    source: str
    """The document of its maker that names the port."""

    @property
    def words(self) -> str:
        """Return a line for people: `Grafana: dashboards (Grafana documentation)`."""
        return f"{self.product}: {self.use} ({self.source})"


class _Entry(Protocol):
    @property
    def port(self) -> PortKey: ...


E = TypeVar("E", bound=_Entry)


@dataclass(frozen=True, slots=True)
class Overlays:
    """Both lists, by port."""

    threats: Mapping[PortKey, tuple[Threat, ...]] = field(default_factory=dict)
    """Threat history by port."""
    usual: Mapping[PortKey, tuple[Usual, ...]] = field(default_factory=dict)
    """Software commonly found, by port."""
    date: date = date.min
    """The older of the two lists' dates."""

    def threats_at(self, transport: Transport, port: int) -> tuple[Threat, ...]:
        """Return the threat history of one port; may be empty."""
        return self.threats.get(PortKey(transport, port), ())

    def usual_at(self, transport: Transport, port: int) -> tuple[Usual, ...]:
        """Return the software commonly found on one port; may be empty."""
        return self.usual.get(PortKey(transport, port), ())


NO_OVERLAYS = Overlays()
"""Empty overlays."""


def parse_overlays(threat_history: str, de_facto: str) -> Overlays:
    """Both files' text as one value.

    Raises:
        InvalidInput: a row or the date cannot be understood; with the line.
    """
    threats, one = _parse(threat_history, "threat-history", _threat)
    usual, other = _parse(de_facto, "de-facto", _usual)
    return Overlays(_index(threats), _index(usual), min(one, other))


def _parse(text: str, name: str, make: Callable[[Mapping[str, str]], E]) -> tuple[list[E], date]:
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    reader = csv.DictReader(lines[len(comments) :])
    entries = []
    for row in reader:
        try:
            entries.append(make(row))
        except (KeyError, ValueError, TypeError) as error:
            where = f"{name}:{reader.line_num + len(comments)}"
            raise InvalidInput(f"not an entry of this list ({error})", where=where) from error
    return entries, _date(comments, name)


def _date(comments: Iterable[str], name: str) -> date:
    for line in comments:
        if line.startswith("# date: "):
            return date.fromisoformat(line.removeprefix("# date: ").strip())
    raise InvalidInput("the list does not say its date", where=name, cure="add a line `# date: YYYY-MM-DD`")


def _port(row: Mapping[str, str]) -> PortKey:
    return PortKey(Transport(row["transport"]), int(row["port"]))


def _threat(row: Mapping[str, str]) -> Threat:
    return Threat(
        _port(row), row["name"], ThreatKind(row["kind"]), int(row["year"]), row["source"], row.get("product") or ""
    )


def _usual(row: Mapping[str, str]) -> Usual:
    return Usual(_port(row), row["product"], row["protocol"], row["use"], row["source"])


def _index(entries: Iterable[E]) -> Mapping[PortKey, tuple[E, ...]]:
    by_port: dict[PortKey, list[E]] = defaultdict(list)
    for entry in entries:
        by_port[entry.port].append(entry)
    return MappingProxyType({port: tuple(several) for port, several in by_port.items()})
