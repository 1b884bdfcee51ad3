"""The test services of the early Internet."""

from scanner.core.recognise.protocol import Kind, Protocol
from scanner.core.recognise.recogniser import row

SIMPLE: tuple[Protocol, ...] = (
    Protocol(
        "echo",
        Kind.SIMPLE,
        "RFC 862",
        iana_names="echo",
        recognise=(row("echo", rb"GET / HTTP/1\.1\r\nHost: "),),
    ),
    Protocol(
        "chargen",
        Kind.SIMPLE,
        "RFC 864",
        iana_names="chargen",
        recognise=(row("chargen", rb' !"#\$%&\'\(\)\*\+,-\./0123456789'),),
    ),
)
"""Test services."""
