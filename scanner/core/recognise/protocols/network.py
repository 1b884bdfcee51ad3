"""Routing, tunnels and proxies."""

import re
import struct

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text

_SOCKS_METHODS = {0x00: NO_AUTHENTICATION, 0xFF: AUTHENTICATION_REQUIRED}


def socks5(data: bytes) -> ProtocolMatch | None:
    """The method a SOCKS 5 server chose (RFC 1928 3). Two bytes: only for answers to its own hello.

    The hello offers no method but "no authentication". A server that prefers a password, and takes any, would
    otherwise seem to need one.
    """
    if len(data) != 2 or data[0] != 5 or data[1] not in _SOCKS_METHODS:
        return None
    return ProtocolMatch("socks5", detail=_SOCKS_METHODS[data[1]])


def socks5_refusal(data: bytes) -> ProtocolMatch | None:
    """What a SOCKS 5 server says to a question it does not understand: its own question decides."""
    return ProtocolMatch("socks5", certain=False) if data == b"\5\xff" else None


def bgp(data: bytes) -> ProtocolMatch | None:
    """An OPEN or NOTIFICATION behind sixteen bytes of ones (RFC 4271 4.1)."""
    if len(data) < 19 or data[:16] != b"\xff" * 16 or not 19 <= int.from_bytes(data[16:18], "big") <= 4096:
        return None
    if data[18] == 1 and len(data) >= 22:
        return ProtocolMatch("bgp", version=str(data[19]), detail=f"AS {int.from_bytes(data[20:22], 'big')}")
    return ProtocolMatch("bgp", detail="refuses us as a peer") if data[18] == 3 else None


def pptp(data: bytes) -> ProtocolMatch | None:
    """Any control message by its magic cookie (RFC 2637 2)."""
    return ProtocolMatch("pptp") if len(data) >= 8 and data[2:8] == struct.pack(">HI", 1, 0x1A2B3C4D) else None


_OPENVPN_SESSION = b"scanner!"


def openvpn(data: bytes) -> ProtocolMatch | None:
    """P_CONTROL_HARD_RESET_SERVER_V2 that acknowledges our packet and names our session."""
    told = len(data) >= 24 and data[2] == 0x40 and data[11] == 1 and data[16:24] == _OPENVPN_SESSION
    return ProtocolMatch("openvpn", "OpenVPN") if told else None


_STUN_COOKIE_AND_ID = b"\x21\x12\xa4\x42scanner-iana"


def stun(data: bytes) -> ProtocolMatch | None:
    """A success or error response to our Binding request: the cookie and our transaction id again."""
    told = data[:2] in (b"\1\1", b"\1\x11") and data[4:20] == _STUN_COOKIE_AND_ID
    return ProtocolMatch("stun") if told else None


def tor_control(data: bytes) -> ProtocolMatch | None:
    """The answer to PROTOCOLINFO, which is served before authentication: its methods and Tor's version."""
    if not data.startswith(b"250-PROTOCOLINFO 1\r\n"):
        return None
    version = re.search(rb'VERSION Tor="([^"]{1,40})"', data)
    opens = re.search(rb"AUTH METHODS=NULL\b", data)
    detail = NO_AUTHENTICATION if opens else AUTHENTICATION_REQUIRED
    return ProtocolMatch("tor-control", "Tor", text(version[1]) if version else "", detail)


NETWORK: tuple[Protocol, ...] = (
    Protocol(
        "bgp",
        ProtocolKind.NETWORK,
        "RFC 4271 4.1",
        iana_names="bgp",
        recognise=(bgp,),
    ),
    Protocol(
        "pptp",
        ProtocolKind.NETWORK,
        "RFC 2637 2",
        iana_names="pptp",
        recognise=(pptp,),
    ),
    Protocol(
        "socks5",
        ProtocolKind.NETWORK,
        "RFC 1928 3",
        iana_names="socks",
        hello=Hello(b"\5\1\0", (socks5,)),
        recognise=(socks5_refusal,),
    ),
    Protocol(
        "openvpn",
        ProtocolKind.NETWORK,
        "OpenVPN protocol, doc/doxygen: P_CONTROL_HARD_RESET_CLIENT_V2",
        iana_names="openvpn",
        hello=Hello(b"\0\x0e\x38" + _OPENVPN_SESSION + bytes(5), (openvpn,)),
    ),
    Protocol(
        "stun",
        ProtocolKind.NETWORK,
        "RFC 8489 5 and 6.2.2",
        iana_names="stun turn",
        tls_names="stuns turns",
        hello=Hello(b"\0\1\0\0" + _STUN_COOKIE_AND_ID, (stun,)),
    ),
    Protocol(
        "tor-control",
        ProtocolKind.NETWORK,
        "Tor control protocol, 3.21 PROTOCOLINFO",
        hello=Hello(b"PROTOCOLINFO 1\r\n", (tor_control,)),
        default_ports=(9051,),
    ),
    Protocol(
        "i2p-sam",
        ProtocolKind.NETWORK,
        "I2P, SAM V3, handshake",
        hello=Hello(
            b"HELLO VERSION\n",
            (row("i2p-sam", rb"HELLO REPLY RESULT=\w{1,20}(?: VERSION=(?P<version>\d\.\d))?", product="I2P"),),
        ),
        default_ports=(7656,),
    ),
)
"""Routing, tunnels and proxies."""
