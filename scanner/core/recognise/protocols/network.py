"""Routing, tunnels and proxies."""

import struct

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind

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
)
"""Routing, tunnels and proxies."""
