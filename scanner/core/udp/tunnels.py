"""Questions to tunnels and encrypted transports: IKE, OpenVPN, L2TP, QUIC, DTLS, Teredo.

IKE is asked with a major version that does not exist: the answer needs no state, while a proposal would leave a half-
open association. WireGuard, and OpenVPN behind tls-auth, answer no stranger: that is their design, and no question
helps.
"""

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import u16, u32
from scanner.core.udp.question import Proof, Question, Token, compose

_SPI = Token(8)
_ID8 = Token(8)
_TUNNEL = Token(2, keep=0x7F, put=0x40)
_IKE_HEAD = bytes(8) + b"\0\x30\x22\x08" + u32(0, 28)
_QUIC_VERSION = 0x1A2A3A4A
_QUIC_SIZE = 1200
_DTLS_RANDOM = Token(8)


def read_ike(answer: bytes) -> ProtocolMatch | None:
    """Read an IKE header with our SPI and a version (RFC 7296 3.1)."""
    data = answer[4:] if answer[:4] == bytes(4) else answer
    if len(data) < 28 or data[17] >> 4 not in (1, 2):
        return None
    return ProtocolMatch("ike", version=f"{data[17] >> 4}")


def read_openvpn(answer: bytes) -> ProtocolMatch | None:
    """Read a hard reset of the server, version 2 or with a cookie (OpenVPN's protocol documentation)."""
    return ProtocolMatch("openvpn") if len(answer) >= 14 and answer[0] >> 3 in (8, 5) else None


def read_l2tp(answer: bytes) -> ProtocolMatch | None:
    """Read a control message: the peer's host name and maker (RFC 2661 3.1, 4.4.3)."""
    if len(answer) < 12 or answer[0] & 0xC8 != 0xC8 or answer[1] & 0x0F != 2:
        return None
    at, values = 12, dict[int, str]()
    while at + 6 <= len(answer) and (size := int.from_bytes(answer[at : at + 2]) & 0x3FF) >= 6:
        values[int.from_bytes(answer[at + 4 : at + 6])] = text(answer[at + 6 : at + size])
        at += size
    return ProtocolMatch("l2tp", values.get(8, ""), detail=values.get(7, ""))


def read_quic(answer: bytes) -> ProtocolMatch | None:
    """Read a version negotiation packet: the versions that it speaks (RFC 9000 17.2.1, RFC 8999 6)."""
    if len(answer) < 11 or not answer[0] & 0x80 or answer[1:5] != bytes(4):
        return None
    at = 6 + answer[5]
    at += 1 + answer[at] if at < len(answer) else 0
    versions = [int.from_bytes(answer[place : place + 4]) for place in range(at, min(len(answer) - 3, at + 32), 4)]
    known = [f"{version:#x}" for version in versions if version & 0x0F0F0F0F != 0x0A0A0A0A]
    return ProtocolMatch("quic", version="1" if 1 in versions else "", detail=f"versions {' '.join(known)}")


def read_dtls(answer: bytes) -> ProtocolMatch | None:
    """Read a handshake or alert record of DTLS 1.0 or 1.2 (RFC 6347 4.1)."""
    if len(answer) < 14 or answer[0] not in (21, 22) or answer[1] != 254 or answer[2] not in (253, 255):
        return None
    kind = {3: "asks for a cookie", 2: "hello without a cookie"}.get(answer[13]) if answer[0] == 22 else "alert"
    return ProtocolMatch("dtls", detail=kind or "")


def read_teredo(answer: bytes) -> ProtocolMatch | None:
    """Read an authenticated router advertisement (RFC 4380 5.2.1)."""
    return (
        ProtocolMatch("teredo") if len(answer) > 53 and answer[:2] == b"\0\1" and b"\x86\0" in answer[13:80] else None
    )


def _client_hello() -> tuple[bytes | Token, ...]:
    """Return a DTLS 1.2 hello without a cookie: the server asks for one and keeps nothing (RFC 6347 4.2.1)."""
    suites = u16(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC0AC, 0xC0AE, 0x009C, 0x00A8, 0x002F)
    groups = u16(10, 8, 6, 29, 23, 24)
    points = u16(11, 2) + b"\1\0"
    signatures = u16(13, 12, 10, 0x0403, 0x0804, 0x0401, 0x0503, 0x0501)
    extensions = groups + points + signatures
    tail = b"\0\0" + u16(len(suites)) + suites + b"\1\0" + u16(len(extensions)) + extensions
    body = 2 + 32 + len(tail)
    record = b"\x16\xfe\xff" + bytes(8) + u16(body + 12)
    message = b"\1" + body.to_bytes(3) + u16(0) + bytes(3) + body.to_bytes(3)
    return record + message + b"\xfe\xfd", _DTLS_RANDOM, _DTLS_RANDOM, _DTLS_RANDOM, _DTLS_RANDOM, tail


def _avp(kind: int, value: bytes) -> bytes:
    return u16(0x8000 | 6 + len(value), 0, kind) + value


def _start_control() -> tuple[bytes | Token, ...]:
    """Return SCCRQ (RFC 2661 6.1): what it opens is given up within a minute unless the peer goes on (5.8)."""
    avps = _avp(0, u16(1)) + _avp(2, u16(0x0100)) + _avp(3, u32(3)) + _avp(7, b"scanner")
    size = 12 + len(avps) + 8 + 8
    return u16(0xC802, size, 0, 0, 0, 0) + avps + u16(0x8008, 0, 9), _TUNNEL, _avp(10, u16(1))


def _router_solicitation() -> bytes:
    """Return an IPv6 router solicitation (RFC 4861 4.1), from a link-local address to all routers."""
    source, target = (
        bytes.fromhex("fe80000000000000000000ffff000001"),
        bytes.fromhex("ff020000000000000000000000000002"),
    )
    message = b"\x85\0\0\0" + bytes(4)
    summed = source + target + u32(len(message), 58) + message
    total = sum(int.from_bytes(summed[at : at + 2]) for at in range(0, len(summed), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return u32(0x6000_0000) + u16(8) + b"\x3a\xff" + source + target + message[:2] + u16(~total & 0xFFFF) + message[4:]


TUNNELS: tuple[Question, ...] = (
    Question(
        "ike",
        (500,),
        compose(_SPI, _IKE_HEAD),
        read_ike,
        largest=64,
        source="RFC 7296 2.5, 3.1",
        proof=Proof(_SPI, 0),
        services=("isakmp",),
    ),
    Question(
        "ike",
        (4500,),
        compose(bytes(4), _SPI, _IKE_HEAD),
        read_ike,
        largest=64,
        source="RFC 7296 2.5, RFC 3948 2.2",
        proof=Proof(_SPI, 4),
        services=("ipsec-nat-t",),
    ),
    Question(
        "openvpn",
        (1194,),
        compose(b"\x38", _ID8, b"\0" + u32(0)),
        read_openvpn,
        largest=96,
        source="OpenVPN protocol documentation, reliability layer",
        proof=Proof(_ID8),
        services=("openvpn",),
    ),
    Question(
        "l2tp",
        (1701,),
        compose(*_start_control()),
        read_l2tp,
        largest=512,
        source="RFC 2661 6.1",
        proof=Proof(_TUNNEL, 4),
        services=("l2tp",),
    ),
    Question(
        "quic",
        (443, 784, 853, 8443),
        compose(b"\xc0" + u32(_QUIC_VERSION) + b"\x08", _ID8, b"\x08", _ID8, bytes(_QUIC_SIZE - 23)),
        read_quic,
        largest=128,
        source="RFC 9000 6.1, 14.1, RFC 8999",
        proof=Proof(_ID8, 6),
        services=("https", "domain-s"),
    ),
    Question(
        "dtls",
        (853, 2083, 3391, 4433, 4740, 5061, 5246, 5349, 5684, 6514, 8443, 10161),
        compose(*_client_hello()),
        read_dtls,
        largest=128,
        source="RFC 6347 4.2.1",
        services=("coaps", "domain-s", "stuns", "sips", "syslog-tls", "radsec"),
    ),
    Question(
        "teredo",
        (3544,),
        compose(b"\0\1\0\0", Token(8), b"\0" + _router_solicitation()),
        read_teredo,
        largest=160,
        source="RFC 4380 5.1.1, 5.2.1",
        proof=Proof(Token(8), 4),
        services=("teredo",),
    ),
)
"""Questions to tunnels."""
