"""Chat and presence."""

from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row

_STREAM = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams' to='invalid' version='1.0'>"
)
"""An opening stream to a domain that no server has (RFC 6120 4.9.3.6): it answers with its own, and an error."""


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
        hello=Hello(_STREAM),
        iana_names="xmpp-client xmpp-server xmpp-bosh",
        recognise=(row("xmpp", rb"(?:<\?xml[^>]{0,100}\?>\s{0,10})?<(?:stream:stream|stream:error)\b"),),
    ),
    Protocol(
        "teamspeak-query",
        ProtocolKind.CHAT,
        "TeamSpeak 3 ServerQuery manual",
        default_ports=(10011,),
        greets_first=True,
        recognise=(row("teamspeak-query", rb"TS3\n\r?Welcome to the TeamSpeak 3 ServerQuery", product="TeamSpeak"),),
        plain_text=True,
    ),
)
"""Chat and presence."""
