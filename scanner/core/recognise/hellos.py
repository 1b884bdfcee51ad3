"""Everything the scanner ever says to a service over TCP, and what the answers mean: both derived from the catalogue.

None of the hellos logs in, writes, or starts a session that outlives the connection.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from scanner.core.recognise.catalogue import CATALOGUE
from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello
from scanner.core.recognise.recogniser import READ_LIMIT, Recogniser, first_match

TLS = "tls"
"""The hello that is a whole handshake, spoken by the engine with the standard library's `ssl`."""

HELLOS: Mapping[str, Hello] = MappingProxyType(
    {row.name: replace(row.hello, name=row.name) for row in CATALOGUE if row.hello is not None}
)
"""Every hello by its name, in the order of the catalogue."""

_GENERAL: tuple[Recogniser, ...] = tuple(recognise for row in CATALOGUE for recognise in row.recognise)


def recognise(data: bytes, hello: Hello | None = None) -> ProtocolMatch | None:
    """Return what the first bytes of a peer mean.

    `data` is what it sent, at most `READ_LIMIT` bytes are looked at; `hello` is the question it answered, or
    None for a greeting. Its own recognisers come first, then those that apply to any hello.
    """
    data = data[:READ_LIMIT]
    if not data:
        return None
    if hello is not None and data == hello.payload:
        return ProtocolMatch("echo")
    return first_match((*hello.answers, *_GENERAL) if hello else _GENERAL, data)
