"""The test services of the early Internet."""

from scanner.core.recognise.protocol import Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row

SIMPLE: tuple[Protocol, ...] = (
    Protocol(
        "echo",
        ProtocolKind.SIMPLE,
        "RFC 862",
        iana_names="echo",
        recognise=(row("echo", rb"GET / HTTP/1\.1\r\nHost: "),),
    ),
    Protocol(
        "chargen",
        ProtocolKind.SIMPLE,
        "RFC 864",
        iana_names="chargen",
        recognise=(row("chargen", rb' !"#\$%&\'\(\)\*\+,-\./0123456789'),),
    ),
)
"""Test services."""
