"""Questions to telephony and its helpers: SIP, STUN, MGCP, Megaco, IAX2, GTP, PFCP, Mumble.

SIP is asked for OPTIONS, never to INVITE or REGISTER; the others are asked for their own "are you there".
"""

import re

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import u16, u32
from scanner.core.udp.question import Form, Proof, Question, Token, compose

_HEX = Token(8, Form.HEX)
_RAW = Token(8)
_ID32, _ID16 = Token(4), Token(2)
_ID24 = Token(3)
_CALL = Token(2, keep=0x7F, put=0x80)
_DIGITS = Token(8, Form.DIGITS)
_MAGIC_COOKIE = 0x2112A442
_SOFTWARE = 0x8022
_SERVER = re.compile(rb"\n(?:server|user-agent)[ \t]*:[ \t]*([^\r\n]{1,200})", re.IGNORECASE)

_OPTIONS = (
    b"OPTIONS sip:scanner@invalid SIP/2.0\r\nVia: SIP/2.0/UDP invalid;rport;branch=z9hG4bK",
    _HEX,
    b"\r\nMax-Forwards: 0\r\nFrom: <sip:scanner@invalid>;tag=",
    _HEX,
    b"\r\nTo: <sip:scanner@invalid>\r\nCall-ID: ",
    _HEX,
    b"\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
)


def read_sip(answer: bytes) -> ProtocolMatch | None:
    """Read a SIP response: its status, and what Server or User-Agent say (RFC 3261 7.2, 20.35)."""
    if not answer.startswith(b"SIP/2.0 "):
        return None
    found = _SERVER.search(answer)
    product, _, version = text(found[1] if found else b"").partition("/") if found else ("", "", "")
    return ProtocolMatch("sip", product.strip(), version.strip(), text(answer[8:60].split(b"\r", 1)[0]))


def read_stun(answer: bytes) -> ProtocolMatch | None:
    """Read a binding response: SOFTWARE, where it says so (RFC 8489 5, 14.14)."""
    if len(answer) < 20 or answer[:2] not in (b"\1\1", b"\1\x11") or answer[4:8] != u32(_MAGIC_COOKIE):
        return None
    at, software = 20, ""
    while at + 4 <= len(answer):
        kind, size = int.from_bytes(answer[at : at + 2]), int.from_bytes(answer[at + 2 : at + 4])
        if kind == _SOFTWARE:
            software = text(answer[at + 4 : at + 4 + size])
        at += 4 + (size + 3 & ~3)
    return ProtocolMatch("stun", software)


def read_mgcp(answer: bytes) -> ProtocolMatch | None:
    """Read a response line: three digits and the transaction (RFC 3435 3.2.1)."""
    found = re.match(rb"(\d{3}) \d{1,9}(?:[ \r\n]|$)([^\r\n]{0,100})", answer)
    return ProtocolMatch("mgcp", detail=text(found[1] + b" " + found[2])) if found else None


def read_megaco(answer: bytes) -> ProtocolMatch | None:
    """Read a message in text (RFC 3525 Annex B)."""
    return ProtocolMatch("megaco") if re.match(rb"(?:MEGACO|!)/\d{1,2} ", answer) else None


def read_iax(answer: bytes) -> ProtocolMatch | None:
    """Read a full frame of control type: PONG, or anything else that speaks IAX (RFC 5456 8.1, 8.4)."""
    return ProtocolMatch("iax2") if len(answer) >= 12 and answer[0] & 0x80 and answer[10] == 6 else None


def read_gtp1(answer: bytes) -> ProtocolMatch | None:
    """Read an echo response of GTP version 1 (TS 29.060 7.2.2, TS 29.281 7.2.2)."""
    return (
        ProtocolMatch("gtp", version="1") if len(answer) >= 8 and answer[0] >> 5 == 1 and answer[1] in (2, 3) else None
    )


def read_gtp2(answer: bytes) -> ProtocolMatch | None:
    """Read an echo response of GTP version 2, or "version not supported" (TS 29.274 7.1)."""
    return (
        ProtocolMatch("gtp", version="2") if len(answer) >= 8 and answer[0] >> 5 == 2 and answer[1] in (2, 3) else None
    )


def read_pfcp(answer: bytes) -> ProtocolMatch | None:
    """Read a heartbeat response (TS 29.244 7.4.2)."""
    return ProtocolMatch("pfcp") if len(answer) >= 8 and answer[0] >> 5 == 1 and answer[1] in (2, 11) else None


def read_mumble(answer: bytes) -> ProtocolMatch | None:
    """Read version, our number, users, most users, bandwidth (Mumble's protocol documentation, "UDP ping")."""
    if len(answer) != 24:
        return None
    users, most = int.from_bytes(answer[12:16]), int.from_bytes(answer[16:20])
    return ProtocolMatch("mumble", "Mumble", ".".join(map(str, answer[1:4])), f"{users} of {most} users")


VOICE: tuple[Question, ...] = (
    Question(
        "sip",
        (5060,),
        compose(*_OPTIONS),
        read_sip,
        largest=1500,
        source="RFC 3261 11",
        proof=Proof(_HEX),
        services=("sip",),
    ),
    Question(
        "stun",
        (3478, 5349),
        compose(u16(1, 0) + u32(_MAGIC_COOKIE), _RAW, b"scan"),
        read_stun,
        largest=160,
        source="RFC 8489 5",
        proof=Proof(_RAW, 8),
        services=("stun", "turn", "stuns", "turns"),
    ),
    Question(
        "mgcp",
        (2427, 2727),
        compose(b"AUEP ", _DIGITS, b" *@invalid MGCP 1.0\r\n"),
        read_mgcp,
        largest=400,
        source="RFC 3435 2.3.10, 3.1",
        proof=Proof(_DIGITS, 4),
        services=("mgcp-gateway", "mgcp-callagent"),
    ),
    Question(
        "megaco",
        (2944,),
        compose(b"MEGACO/1 <invalid>\nTransaction=", _DIGITS, b"{Context=-{AuditValue=ROOT{Audit{}}}}\n"),
        read_megaco,
        largest=512,
        source="RFC 3525 7.2.5, Annex B",
        proof=Proof(_DIGITS),
        services=("megaco-h248",),
    ),
    Question(
        "iax2",
        (4569,),
        compose(_CALL, u16(0), _ID32, b"\0\0\6\x1e"),
        read_iax,
        largest=64,
        source="RFC 5456 6.7.1, 8.1",
        proof=Proof(_ID32, 4),
        services=("iax",),
    ),
    Question(
        "gtp",
        (2123, 3386),
        compose(b"\x32\1" + u16(4) + u32(0), _ID16, b"\0\0"),
        read_gtp1,
        largest=64,
        source="3GPP TS 29.060 7.2.1",
        proof=Proof(_ID16, 8),
        services=("gtp-control",),
    ),
    Question(
        "gtp",
        (2152,),
        compose(b"\x32\1" + u16(4) + u32(0), _ID16, b"\0\0"),
        read_gtp1,
        largest=64,
        source="3GPP TS 29.281 7.2.1",
        proof=Proof(_ID16, 8),
        services=("gtp-user",),
    ),
    Question(
        "gtp",
        (2123,),
        compose(b"\x40\1" + u16(9), _ID24, b"\0\3\0\1\0\0"),
        read_gtp2,
        largest=64,
        source="3GPP TS 29.274 7.1.1",
        proof=Proof(_ID24, 4),
        services=("gtp-control",),
    ),
    Question(
        "pfcp",
        (8805,),
        compose(b"\x20\1" + u16(12), _ID24, b"\0" + u16(96, 4) + u32(0xE000_0000)),
        read_pfcp,
        largest=64,
        source="3GPP TS 29.244 7.4.2",
        proof=Proof(_ID24, 4),
        services=("pfcp",),
    ),
    Question(
        "mumble",
        (64738,),
        compose(u32(0), _RAW),
        read_mumble,
        largest=24,
        source="Mumble protocol documentation, UDP ping",
        proof=Proof(_RAW, 4),
    ),
)
"""Questions to telephony."""
