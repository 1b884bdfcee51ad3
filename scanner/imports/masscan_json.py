"""masscan's JSON (-oJ): a list of objects, each with an address and its ports. What is not listed was not answered."""

from collections.abc import Iterator
from typing import Any

from scanner.core.model import Endpoint, Observation
from scanner.imports.fields import imported_address, moment_of, port_of, transport_of
from scanner.imports.interface import IMPORT_STATES, Heading, ImportEvent, Source, reason_of
from scanner.imports.json_values import objects_of


def recognise(head: str) -> bool:
    """Return whether a file begins as masscan's JSON."""
    return head.lstrip().startswith("[") and '"ip"' in head and '"ports"' in head


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("masscan")
    for line, found in objects_of(source):
        if set(found) == {"finished"}:  # the last object of older versions
            continue
        ports = found.get("ports")
        if not isinstance(ports, list):
            raise source.refuse(line, "is not an object of masscan's: it has no ports")
        for port in ports:
            yield from _row(source, line, found, port)


def _row(source: Source, line: int, found: dict[str, Any], port: Any) -> Iterator[Observation]:
    if not isinstance(port, dict):
        raise source.refuse(line, "a port is not an object")
    if "status" not in port:
        source.left_out["banners, which say nothing of a port's state"] += 1
        return
    transport, state = transport_of(port.get("proto", "")), IMPORT_STATES.get(str(port["status"]))
    if transport is None:
        source.left_out["rows of other protocols than TCP and UDP"] += 1
        return
    if state is None:
        raise source.refuse(line, f"{str(port['status'])[:60]!r} is not a state")
    address = imported_address(source, line, str(found.get("ip", "")))
    endpoint = Endpoint(address, transport, port_of(source, line, port.get("port", "")))
    at = moment_of(source, line, found["timestamp"]) if "timestamp" in found else source.written
    yield Observation(endpoint, state, reason_of(str(port.get("reason", "")), transport, state), at)
