"""RustScan's greppable lines (-g), `10.0.0.1 -> [22,80]`, and its `Open 10.0.0.1:22` lines. Only open ports."""

import re
from collections.abc import Iterator

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.imports.fields import imported_address, port_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.lines import lines_of

_GREPPABLE = re.compile(r"([0-9A-Fa-f.:]+) -> \[([0-9, ]+)\]")
_OPEN = re.compile(r"Open \[?([0-9A-Fa-f.:]+?)\]?:([0-9]+)")


def recognise(head: str) -> bool:
    """Return whether a file begins as RustScan's lines."""
    first = head.partition("\n")[0].strip()
    return bool(_GREPPABLE.fullmatch(first) or _OPEN.fullmatch(first))


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("RustScan")
    for number, line in lines_of(source):
        found = _GREPPABLE.fullmatch(line.strip()) or _OPEN.fullmatch(line.strip())
        if found:
            address = imported_address(source, number, found[1])
            for port in found[2].split(","):
                endpoint = Endpoint(address, Transport.TCP, port_of(source, number, port.strip()))
                yield Observation(endpoint, State.OPEN, "syn-ack", source.written)
        elif line.strip():
            raise source.refuse(number, f"{line[:60]!r} is not a line of RustScan's", "run rustscan with -g")
