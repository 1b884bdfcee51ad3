"""Voice, video and music."""

from scanner.core.recognise.http import AGENT, http
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row


def _options(uri: str, version: str, *lines: str) -> bytes:
    first = (f"OPTIONS {uri} {version}", "CSeq: 1" + (" OPTIONS" if version[0] == "S" else ""))
    return ("\r\n".join((*first, *lines, "")) + "\r\n").encode()


_SIP = _options(
    "sip:nobody@invalid",
    "SIP/2.0",
    "Via: SIP/2.0/TCP invalid;branch=z9hG4bKscan;rport",
    "From: <sip:scanner@invalid>;tag=scan",
    "To: <sip:nobody@invalid>",
    "Call-ID: scan@invalid",
    "Max-Forwards: 0",
    "Content-Length: 0",
)
"""RFC 3261 11: with Max-Forwards 0 the first recipient answers by itself."""


MEDIA: tuple[Protocol, ...] = (
    Protocol(
        "sip",
        ProtocolKind.MEDIA,
        "RFC 3261 11",
        iana_names="sip",
        tls_names="sips",
        hello=Hello(_SIP, (http,)),
    ),
    Protocol(
        "rtsp",
        ProtocolKind.MEDIA,
        "RFC 7826 13.1",
        iana_names="rtsp rtsp-alt",
        tls_names="rtsps",
        hello=Hello(_options("*", "RTSP/1.0", f"User-Agent: {AGENT}"), (http,)),
    ),
    Protocol(
        "mpd",
        ProtocolKind.MEDIA,
        "Music Player Daemon, protocol",
        greets_first=True,
        recognise=(row("mpd", rb"OK MPD (?P<version>[\d.]{1,20})\n", product="Music Player Daemon"),),
    ),
    Protocol(
        "asterisk-manager",
        ProtocolKind.MEDIA,
        "Asterisk documentation, AMI",
        greets_first=True,
        plain_text=True,
        recognise=(row("asterisk-manager", rb"Asterisk Call Manager/(?P<version>[\d.]{1,20})", product="Asterisk"),),
    ),
    Protocol(
        "shoutcast",
        ProtocolKind.MEDIA,
        "SHOUTcast, ICY status line",
        recognise=(row("shoutcast", rb"ICY \d{3} [A-Za-z]"),),
    ),
    Protocol(
        "freeswitch-events",
        ProtocolKind.MEDIA,
        "FreeSWITCH documentation, mod_event_socket",
        default_ports=(8021,),
        greets_first=True,
        recognise=(
            row(
                "freeswitch-events",
                rb"Content-Type: auth/request\n\n",
                product="FreeSWITCH",
            ),
        ),
        plain_text=True,
    ),
)
"""Voice, video and music."""
