"""`netstat -tulpn` of net-tools: the sockets that listen on one machine."""

from collections.abc import Iterator

from scanner.core.model import Transport
from scanner.imports.fields import port_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.lines import lines_of
from scanner.imports.sockets import sockets_of, split_endpoint

_PROTOCOLS = {"tcp": Transport.TCP, "tcp6": Transport.TCP, "udp": Transport.UDP, "udp6": Transport.UDP}
_HEADINGS = ("Active Internet", "Proto Recv-Q", "(Not all processes", " will not be shown", "(No info could be read")


def recognise(head: str) -> bool:
    """Return whether a file begins as the output of netstat."""
    return any(line.startswith(("Active Internet", "Proto Recv-Q")) for line in head.splitlines()[:4])


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("netstat")
    for number, line in lines_of(source):
        if not line.strip() or line.startswith(_HEADINGS):
            continue
        words = line.split()
        if len(words) < 5 or words[0] not in _PROTOCOLS:
            raise source.refuse(number, f"{line[:60]!r} is not a line of `netstat -tulpn`")
        transport = _PROTOCOLS[words[0]]
        state = words[5] if transport is Transport.TCP and len(words) > 5 else ""
        if (transport is Transport.TCP and state != "LISTEN") or not words[4].endswith(":*"):
            source.left_out["connections"] += 1
            continue
        address, port = split_endpoint(source, number, words[3])
        rest = words[6:] if transport is Transport.TCP else words[5:]
        found = port_of(source, number, port)
        yield from sockets_of(source, number, transport, address, found, " ".join(rest))
