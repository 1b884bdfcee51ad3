"""osquery's table `listening_ports` as JSON: `osqueryi --json 'select * from listening_ports'`."""

from collections.abc import Iterator

from scanner.imports.fields import port_of, transport_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.json_values import objects_of
from scanner.imports.sockets import sockets_of


def recognise(head: str) -> bool:
    """Return whether a file begins as rows of `listening_ports`."""
    first = head.lstrip()
    return first[:1] in ("[", "{") and all(f'"{name}"' in head for name in ("address", "port", "protocol", "pid"))


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("osquery")
    for line, found in objects_of(source):
        if not {"address", "port", "protocol"} <= found.keys():
            raise source.refuse(line, "is not a row of listening_ports: it lacks address, port or protocol")
        transport = transport_of(found["protocol"])
        if transport is None or str(found["port"]) == "0":
            source.left_out["sockets of other protocols than TCP and UDP"] += 1
            continue
        port = port_of(source, line, found["port"])
        evidence = " ".join(f"{name} {found[name]}" for name in ("name", "pid") if found.get(name))
        yield from sockets_of(source, line, transport, str(found["address"]), port, evidence)
