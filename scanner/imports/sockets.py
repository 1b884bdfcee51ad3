"""What lists of listening sockets (ss, netstat, osquery) have in common: a socket becomes observations of its host.

Such a list comes from inside: a socket that listens on every address is open on each address of its machine, which the
list does not name. One that listens on loopback cannot be reached from the network and is left out. Nothing is said of
the ports that are not listed: a firewall may forward them to another machine.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from scanner.core.model import Address, Endpoint, Observation, State, Transport
from scanner.imports.interface import Source

_EVERYWHERE = {"*": None, "0.0.0.0": 4, "::": None, "[::]": None, "": None}
"""Words for all addresses, and the IP version that they are limited to; `::` takes IPv4 too unless told otherwise."""
LISTENING = "listening"
"""The reason of such an observation."""


def sockets_of(
    source: Source, line: int, transport: Transport, address: str, port: int, evidence: str = ""
) -> Iterator[Observation]:
    """Yield an observation for each address of the machine on which a socket listens."""
    for each in _addresses(source, line, address):
        yield Observation(
            Endpoint(each, transport, port), State.OPEN, LISTENING, source.written, evidence=evidence[:200]
        )


def split_endpoint(source: Source, line: int, text: str) -> tuple[str, str]:
    """Return address and port of `10.0.0.1:22`, `[::1]:22`, `:::22` or `*:22`."""
    address, colon, port = text.rpartition(":")
    if not colon:
        raise source.refuse(line, f"{text[:60]!r} is not an address with a port")
    return address.removeprefix("[").removesuffix("]"), port


def _addresses(source: Source, line: int, text: str) -> Iterator[Address]:
    bare, _, interface = text.partition("%")
    bare = bare.removeprefix("[").removesuffix("]")
    if bare in _EVERYWHERE:
        if not source.hosts:
            raise source.refuse(
                line, "a socket listens on every address of its machine", "say which they are: --host ADDRESS"
            )
        version = _EVERYWHERE[bare]
        yield from (each for each in source.hosts if version in (None, each.version))
        return
    try:
        address = ip_address(bare)
    except ValueError:
        raise source.refuse(line, f"{text[:60]!r} is not an address") from None
    if address.is_loopback:
        source.left_out["sockets that listen on loopback only"] += 1
    elif interface and address.version == 6:
        source.left_out["sockets on a link-local address"] += 1
    else:
        yield address
