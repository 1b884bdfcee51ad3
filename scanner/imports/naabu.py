"""naabu's JSON lines (-json): one open port a line. What is not listed is not known."""

from collections.abc import Iterator

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.imports.fields import imported_address, iso_moment_of, port_of, transport_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.json_values import objects_of


def recognise(head: str) -> bool:
    """Return whether a file begins as naabu's JSON lines."""
    first = head.lstrip().partition("\n")[0]
    return first.startswith("{") and '"ip"' in first and '"port"' in first and '"finding_id"' not in first


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("naabu")
    for line, found in objects_of(source):
        port, protocol = found.get("port"), found.get("protocol", "tcp")
        if isinstance(port, dict):  # version 2.1
            protocol = {0: "tcp", 1: "udp"}.get(port.get("Protocol", 0), "")
            port = port.get("Port", "")
        if "ip" not in found or port is None:
            raise source.refuse(line, "is not an object of naabu's: it has no ip or port")
        transport = transport_of(protocol)
        if transport is None:
            source.left_out["rows of other protocols than TCP and UDP"] += 1
            continue
        endpoint = Endpoint(imported_address(source, line, str(found["ip"])), transport, port_of(source, line, port))
        at = iso_moment_of(source, line, _cut(str(found["timestamp"]))) if "timestamp" in found else source.written
        host = str(found.get("host", ""))
        reason = "udp-answer" if transport is Transport.UDP else "syn-ack"
        name = host[:255] if host != found["ip"] else ""
        yield Observation(endpoint, State.OPEN, reason, at, hostname=name)


def _cut(text: str) -> str:
    """Return a time with at most six digits of a second: Go writes nine, Python 3.11 reads what ISO 8601 has."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[: min(digits, 6)].ljust(6, '0')}{rest[digits:]}" if dot else text
