"""nmap's XML (-oX), and masscan's, which borrows its words.

nmap reports each host whole: the ports that it lists, and counts of the rest (`extraports`), since 7.90 with their
numbers. Both make up what was scanned (`scaninfo`), so it is known of each port whether it was asked. Hosts that nmap
took for down were not asked at all. masscan writes one `host` for each open port and says nothing of the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.core.model import Address, Endpoint, Observation, State, Transport
from scanner.core.recognise.identity import Conduct, Identity, Tls, cut
from scanner.core.recognise.names import protocol_of
from scanner.core.targets.ports import PortSet
from scanner.imports.fields import imported_address, moment_of, port_of, transport_of
from scanner.imports.interface import IMPORT_STATES, Heading, HostReport, ImportEvent, Source, Unlisted, reason_of
from scanner.imports.port_runs import port_runs
from scanner.imports.xml_events import XmlEvent, xml_events

_FOREIGN_PROTOCOL = "ports of other protocols than TCP and UDP"


def recognise(head: str) -> bool:
    """Return whether a file begins as nmap's XML, or masscan's."""
    return "<nmaprun" in head


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    reader = _NmapXml(source)
    for event in xml_events(source):
        yield from reader.take(event)
    if not reader.finished:
        raise source.refuse(reader.line, "the scan did not end: its file is truncated")


@dataclass(slots=True)
class _Port:
    """A port that is being read."""

    transport: Transport
    number: int
    state: State = State.UNKNOWN
    reason: str = ""
    identity: Identity | None = None


@dataclass(slots=True)
class _Host:
    """A host that is being read."""

    at: datetime
    address: Address | None = None
    hostname: str = ""
    port: _Port | None = None
    extra: tuple[State, int] | None = None
    told: int = 0
    """How many of `extra` have their reasons told."""
    ports: list[_Port] = field(default_factory=list)
    unlisted: list[Unlisted] = field(default_factory=list)


class _NmapXml:
    """Follows the elements and keeps the host that is being read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._host: _Host | None = None
        self._ports = PortSet()
        self._by_host = True
        self.finished, self.line = False, 1

    def take(self, event: XmlEvent) -> Iterator[ImportEvent]:
        """Take one element, and yield what it completes."""
        self.line = event.line
        if event.begins and event.name == "nmaprun":
            yield self._root(event)
        elif event.name == "scaninfo" and event.begins and self._by_host:
            yield self._scanned(event)
        elif event.name == "finished" and event.begins:
            self.finished = True
            yield from self._end(event)
        elif event.name == "hosts" and event.begins:
            yield from self._counts(event.attributes)
        elif event.name == "host":
            yield from self._begin_host(event) if event.begins else self._end_host(event)
        elif self._host and event.begins:
            self._in_host(self._host, event)
        elif self._host:
            self._end_in_host(self._host, event.name)

    def _root(self, event: XmlEvent) -> Heading:
        tool, version = event.attributes.get("scanner", "nmap"), event.attributes.get("version", "")
        self._by_host = tool != "masscan"
        start = event.attributes.get("start")
        started = moment_of(self._source, event.line, start) if start else None
        return Heading(f"{tool} {version}".strip(), event.attributes.get("args", ""), started)

    def _scanned(self, event: XmlEvent) -> Heading:
        transport = transport_of(event.attributes.get("protocol", ""))
        if transport is None:
            self._source.left_out[_FOREIGN_PROTOCOL] += 1
            return Heading()
        runs = tuple(sorted(port_runs(self._source, event.line, event.attributes.get("services", ""))))
        self._ports |= PortSet(tcp=runs) if transport is Transport.TCP else PortSet(udp=runs)
        return Heading(ports=self._ports)

    def _end(self, event: XmlEvent) -> Iterator[Heading]:
        if event.attributes.get("exit", "success") != "success":
            yield Heading(degraded=(f"the scan ended in an error: {event.attributes.get('errormsg', '')[:200]}",))

    def _counts(self, attributes: Mapping[str, str]) -> Iterator[Heading]:
        total = attributes.get("total", "0")
        if self._by_host and total.isascii() and total.isdigit() and len(total) <= 15:
            yield Heading(hosts=int(total))

    def _begin_host(self, event: XmlEvent) -> Iterator[ImportEvent]:
        end = event.attributes.get("endtime") or event.attributes.get("starttime")
        self._host = _Host(moment_of(self._source, event.line, end) if end else self._source.written)
        yield from ()

    def _in_host(self, host: _Host, event: XmlEvent) -> None:
        given = event.attributes
        if event.name == "address" and given.get("addrtype") in ("ipv4", "ipv6") and host.address is None:
            host.address = imported_address(self._source, event.line, given.get("addr", ""))
        elif event.name == "hostname" and given.get("type") == "user":
            host.hostname = host.hostname or given.get("name", "")[:255]
        elif event.name == "port":
            host.port = self._port(event)
        elif event.name == "state" and host.port:
            host.port.state = self._state(event.line, given.get("state", ""))
            host.port.reason = reason_of(given.get("reason", ""), host.port.transport, host.port.state)
        elif event.name == "service" and host.port:
            host.port.identity = _identity(given)
        elif event.name == "extraports":
            host.extra = self._state(event.line, given.get("state", "")), self._count(event)
            host.told = 0
        elif event.name == "extrareasons" and host.extra:
            self._reasons(host, event)

    def _end_in_host(self, host: _Host, name: str) -> None:
        if name == "port" and host.port:
            host.ports.append(host.port)
            host.port = None
        elif name == "extraports" and host.extra:
            state, count = host.extra
            if rest := count - host.told:
                host.unlisted.append(Unlisted(None, state, "", rest))
            host.extra = None

    def _port(self, event: XmlEvent) -> _Port | None:
        transport = transport_of(event.attributes.get("protocol", ""))
        if transport is None:
            self._source.left_out[_FOREIGN_PROTOCOL] += 1
            return None
        if event.attributes.get("portid") == "0":
            self._source.left_out["rows about port 0"] += 1
            return None
        return _Port(transport, port_of(self._source, event.line, event.attributes.get("portid", "")))

    def _state(self, line: int, word: str) -> State:
        if word not in IMPORT_STATES:
            raise self._source.refuse(line, f"{word[:60]!r} is not a state")
        return IMPORT_STATES[word]

    def _count(self, event: XmlEvent) -> int:
        word = event.attributes.get("count", "")
        if not (word.isascii() and word.isdigit() and len(word) <= 6):
            raise self._source.refuse(event.line, f"{word[:60]!r} is not a number of ports")
        return int(word)

    def _reasons(self, host: _Host, event: XmlEvent) -> None:
        """Note ports that share a reason, where it is told which they are."""
        assert host.extra
        count, transport = self._count(event), transport_of(event.attributes.get("proto", ""))
        if count > host.extra[1] - host.told:
            raise self._source.refuse(event.line, "more reasons than ports")
        reason = reason_of(event.attributes.get("reason", ""), transport, host.extra[0])
        named = event.attributes.get("ports")
        ports = port_runs(self._source, event.line, named) if named and transport else None
        host.unlisted.append(Unlisted(transport, host.extra[0], reason, count, ports))
        host.told += count

    def _end_host(self, event: XmlEvent) -> Iterator[ImportEvent]:
        host, self._host = self._host, None
        assert host
        if host.address is None:
            raise self._source.refuse(event.line, "a host without an address")
        seen = tuple(_observation(host.address, host, port) for port in host.ports)
        if self._by_host:
            yield HostReport(host.address, host.at, seen, tuple(host.unlisted), host.hostname)
        else:
            yield from seen


def _observation(address: Address, host: _Host, port: _Port) -> Observation:
    endpoint = Endpoint(address, port.transport, port.number)
    identity = port.identity if port.state is State.OPEN else None
    return Observation(endpoint, port.state, port.reason, host.at, hostname=host.hostname, identity=identity)


def _identity(given: Mapping[str, str]) -> Identity | None:
    """Return what answered, where the service was asked (-sV) and recognised; a name out of a table says nothing."""
    protocol = protocol_of(given.get("name", ""))
    if given.get("method") != "probed" or protocol is None:
        return None
    tls = Tls("") if given.get("tunnel") == "ssl" else None
    return Identity(
        Conduct.ANSWERED,
        protocol,
        cut(given.get("product", "")),
        cut(given.get("version", "")),
        cut(given.get("extrainfo", "")),
        tls,
    )
