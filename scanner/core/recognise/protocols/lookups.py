"""Look-ups in lines of text: who is it, what does it mean, where is it."""

from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row

_IDENT = rb"\s?\d{1,5}\s?,\s?\d{1,5}\s?:\s?"

LOOKUPS: tuple[Protocol, ...] = (
    Protocol(
        "ident",
        ProtocolKind.DIRECTORY,
        "RFC 1413 4",
        iana_names="auth",
        hello=Hello(b"1, 1\r\n"),
        recognise=(
            row(
                "ident",
                _IDENT + rb"(?:ERROR\s?:\s?(?:INVALID-PORT|NO-USER|HIDDEN-USER|UNKNOWN-ERROR)|USERID\s?:)",
            ),
        ),
        plain_text=True,
    ),
    Protocol(
        "gopher",
        ProtocolKind.WEB,
        "RFC 1436 3.4 and appendix",
        iana_names="gopher",
        hello=Hello(b"\r\n"),
        recognise=(row("gopher", rb"[0-9+ghisIT][^\t\r\n]{0,200}\t[^\t\r\n]{0,200}\t[^\t\r\n]{1,200}\t\d{1,5}\s"),),
        plain_text=True,
    ),
    Protocol(
        "dict",
        ProtocolKind.DIRECTORY,
        "RFC 2229 3.1",
        iana_names="dict",
        greets_first=True,
        recognise=(
            row(
                "dict",
                rb"220 (?=[^\r\n]{0,200}?(?P<product>dictd)[ /](?P<version>\d[\w.]{0,20}))"
                rb"[^\r\n<]{0,200}(?:<[\w.]{1,100}> )?<[^>\r\n]{1,100}>\r\n",
            ),
            row("dict", rb"220 [^\r\n<]{0,200}<[\w.]{1,100}> <[^>\r\n]{1,100}>\r\n"),
        ),
    ),
    Protocol(
        "acap",
        ProtocolKind.DIRECTORY,
        "RFC 2244 6.2.8",
        iana_names="acap",
        greets_first=True,
        recognise=(row("acap", rb'\* ACAP \(IMPLEMENTATION "(?P<product>[^"\r\n]{0,100})"'),),
    ),
)
"""Look-ups in lines of text."""
