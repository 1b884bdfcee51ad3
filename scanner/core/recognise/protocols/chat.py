"""Chat and presence."""

from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row

# Both speak first, or complain about what is no command of theirs.


CHAT: tuple[Protocol, ...] = (
    Protocol(
        "irc",
        ProtocolKind.CHAT,
        "RFC 1459 4, RFC 2812 5",
        iana_names="ircu irc-serv irc",
        tls_names="ircs-u",
        hello=Hello(b"CAP LS 302\r\n"),
        recognise=(
            row("irc", rb":(?P<detail>\S{1,100}) (?:NOTICE|451|421|020|439|461|CAP) "),
            row("irc", rb"NOTICE (?:AUTH |\* )?:\*\*\*|ERROR :"),
        ),
    ),
    Protocol(
        "xmpp",
        ProtocolKind.CHAT,
        "RFC 6120 4.2",
        iana_names="xmpp-client xmpp-server xmpp-bosh",
        recognise=(row("xmpp", rb"(?:<\?xml[^>]{0,100}\?>\s{0,10})?<stream:stream\b"),),
    ),
)
"""Chat and presence."""
