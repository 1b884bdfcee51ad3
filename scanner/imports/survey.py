"""What a file holds, from a first reading: it is whole, what it is about, and when it was made.

Nothing is stored before a file was read to its end, so that a file that breaks off leaves no trace. The second reading
then needs no more memory than a host.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from scanner.core.model import PROTOCOL, Endpoint, Observation, Transport
from scanner.core.targets.ports import LAST, PortSet
from scanner.core.targets.targets import TargetSet
from scanner.imports.address_book import AddressBook
from scanner.imports.interface import Heading, HostReport, ImportEvent


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds."""

    heading: Heading
    """What it says of the scan as a whole."""
    by_host: bool
    """Whether it reports hosts; otherwise it lists what was found."""
    targets: TargetSet
    """Its addresses."""
    ports: PortSet
    """The ports that were scanned, where that is known, and those that are listed."""
    reports: int
    """How many hosts it reports."""
    rows: int
    """How many ports it lists."""
    first: datetime
    """The earliest time in it; aware, UTC."""
    last: datetime
    """The latest."""

    @classmethod
    def of(cls, events: Iterable[ImportEvent], name: str, written: datetime) -> Self:
        """Read a file to its end; `name` is what errors call it, `written` its time where it holds none."""
        surveyor = _Surveyor(name, written)
        for event in events:
            surveyor.take(event)
        return cls(*surveyor.result())


class _Surveyor:
    """Adds up what a file holds."""

    def __init__(self, name: str, written: datetime) -> None:
        self._heading, self._written = Heading(), written
        self._book = AddressBook(name)
        self._ports = {PROTOCOL[transport]: bytearray(LAST + 1) for transport in (Transport.TCP, Transport.UDP)}
        self._reports = self._rows = 0
        self._first: datetime | None = None
        self._last: datetime | None = None

    def take(self, event: ImportEvent) -> None:
        if isinstance(event, Observation):
            self._rows += 1
            self._book.add(event.endpoint.address)
            self._mark(event.endpoint)
            self._time(event.at)
        elif isinstance(event, HostReport):
            self._reports += 1
            self._rows += len(event.observations)
            self._book.add(event.address)
            self._time(event.at)
            for seen in event.observations:
                self._mark(seen.endpoint)
        else:
            self._heading = _joined(self._heading, event)

    def result(self) -> tuple[Heading, bool, TargetSet, PortSet, int, int, datetime, datetime]:
        by_host = self._reports > 0
        scanned = self._heading.ports or PortSet()
        tcp, udp = (tuple(port for port in range(1, LAST + 1) if table[port]) for table in self._ports.values())
        first = self._heading.started or self._first or self._written
        last = max(self._last or first, first)
        targets = self._book.targets(exact=by_host)
        return self._heading, by_host, targets, scanned | PortSet(tcp, udp), self._reports, self._rows, first, last

    def _mark(self, endpoint: Endpoint) -> None:
        self._ports[PROTOCOL[endpoint.transport]][endpoint.port] = 1

    def _time(self, at: datetime) -> None:
        if self._first is None or at < self._first:
            self._first = at
        if self._last is None or at > self._last:
            self._last = at


def _joined(old: Heading, new: Heading) -> Heading:
    """Return what two headings say together."""
    return replace(
        old,
        tool=old.tool or new.tool,
        words=old.words or new.words,
        started=old.started or new.started,
        ports=new.ports or old.ports,
        targets=old.targets or new.targets,
        port_words=old.port_words or new.port_words,
        coverage=new.coverage or old.coverage,
        reasons=new.reasons or old.reasons,
        hosts=old.hosts or new.hosts,
        degraded=(*old.degraded, *new.degraded),
    )
