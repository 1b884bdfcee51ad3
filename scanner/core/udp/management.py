"""Questions to what manages machines: SNMP, IPMI, SunRPC, SLP, XDMCP, DCE RPC, memcached, OpenAFS, Lantronix, Ubiquiti.

SNMPv3's engine discovery needs no credential and is the question that is always asked; `public` is a guess at one,
so it is marked. IPMI is never asked to open a session: RAKP gives a password hash away.
"""

import re

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import ber, ber_int, u16, u32
from scanner.core.udp.question import Payload, Proof, Question, Token, compose

_ID31 = Token(4, keep=0x7F, put=0x40)
"""A positive INTEGER of four bytes whose first nine bits differ, as BER wants it."""
_ID32, _ID16, _ID8 = Token(4), Token(2), Token(1)
_ID64 = Token(8)
_SYS_DESCR = bytes.fromhex("2b06010201010100")
_ENTERPRISES = {
    9: "Cisco",
    11: "HP",
    2021: "net-snmp",
    2636: "Juniper",
    8072: "net-snmp",
    14988: "MikroTik",
    41112: "Ubiquiti",
}
MOST_COMMUNITY = 64
"""Bytes of the longest community that is asked with."""
_SNMP_V3 = 3
_SECURITY = re.compile(rb"\x04.\x30.\x04([\x05-\x20])", re.DOTALL)
"""The security parameters up to the engine id (RFC 3414 2.4)."""
_RPCBIND, _NFS = 100000, 100003
_RPC_REPLY, _RX_VERSION = 1, 13


def _snmp_discovery() -> Payload:
    """Return a get request without names or user; its report holds the engine's id (RFC 3414 4)."""
    security = ber(0x30, ber(4), ber_int(0), ber_int(0), ber(4), ber(4), ber(4))
    pdu = ber(0xA0, ber_int(0), ber_int(0), ber_int(0), ber(0x30))
    tail = ber(2, b"\x04\xd0") + ber(4, b"\x04") + ber_int(3)
    header_size = 2 + 4 + len(tail)
    rest = ber(4, security) + ber(0x30, ber(4), ber(4), pdu)
    version = ber_int(_SNMP_V3)
    size = len(version) + 2 + header_size + len(rest)
    return compose(bytes([0x30, size]) + version + bytes([0x30, header_size, 2, 4]), _ID31, tail + rest)


def snmp_get(community: bytes, version: int = 1) -> Payload:
    """Return GET sysDescr.0 with a community of at most 64 bytes (RFC 3416; `version` 0 is SNMPv1, 1 is v2c)."""
    if not 0 < len(community) <= MOST_COMMUNITY:
        raise ValueError(f"a community has 1 to {MOST_COMMUNITY} bytes")
    names = ber(0x30, ber(0x30, ber(6, _SYS_DESCR), ber(5)))
    after = ber_int(0) + ber_int(0) + names
    pdu_size = 6 + len(after)
    head = ber_int(version) + ber(4, community)
    size = len(head) + 2 + pdu_size
    return compose(bytes([0x30, size]) + head + bytes([0xA0, pdu_size, 2, 4]), _ID31, after)


def read_snmp_engine(answer: bytes) -> ProtocolMatch | None:
    """Read a report: the engine id begins with the maker's enterprise number (RFC 3411 5)."""
    if answer[:1] != b"\x30" or b"\2\1\3" not in answer[:8]:
        return None
    found = _SECURITY.search(answer, 12)
    engine = answer[found.end() : found.end() + found[1][0]] if found else b""
    maker = _ENTERPRISES.get(int.from_bytes(engine[:4]) & 0x7FFF_FFFF, "")
    return ProtocolMatch("snmp", maker, "", f"SNMPv3, engine {engine.hex()}" if engine else "SNMPv3")


def read_snmp_get(answer: bytes) -> ProtocolMatch | None:
    """Read a response to the question for sysDescr: it is the last value."""
    at = answer.find(_SYS_DESCR)
    if answer[:1] != b"\x30" or at < 0:
        return None
    at += len(_SYS_DESCR)
    long = answer[at + 1 : at + 2] >= b"\x81"
    start = at + 2 + (answer[at + 1] & 0x7F if long else 0)
    described = text(answer[start:]) if answer[at : at + 1] == b"\4" else ""
    version = "v1" if b"\2\1\0" in answer[:6] else "v2c"
    return ProtocolMatch("snmp", detail=f"SNMP{version} with a community that was guessed: {described}")


def read_asf(answer: bytes) -> ProtocolMatch | None:
    """Read an ASF presence pong (ASF 2.0 3.2.4.3): the maker, and whether IPMI is there."""
    if len(answer) < 24 or answer[0] != 6 or answer[3] & 0x1F != 6 or answer[8] != 0x40:
        return None
    ipmi = len(answer) > 20 and answer[20] & 0x80
    return ProtocolMatch("asf-rmcp", detail="supports IPMI" if ipmi else f"enterprise {int.from_bytes(answer[12:16])}")


def read_ipmi(answer: bytes) -> ProtocolMatch | None:
    """Read channel authentication capabilities (IPMI 2.0 22.13): what it allows without a name or a password."""
    if len(answer) < 30 or answer[0] != 6 or answer[3] & 0x1F != 7 or answer[19] != 0x38:
        return None
    kinds, status = answer[22], answer[23]
    facts = ["IPMI 2.0" if kinds & 0x80 and answer[24] & 2 else "IPMI 1.5"]
    facts += ["no authentication allowed"] if kinds & 1 else []
    facts += ["anonymous login"] if status & 1 else []
    return ProtocolMatch("ipmi", detail=", ".join(facts))


def read_rpc(answer: bytes) -> ProtocolMatch | None:
    """Read a SunRPC reply of any outcome (RFC 5531 9)."""
    return _rpc(answer, "rpcbind")


def read_nfs(answer: bytes) -> ProtocolMatch | None:
    """Read a SunRPC reply of an NFS server."""
    return _rpc(answer, "nfs")


def _rpc(answer: bytes, protocol: str) -> ProtocolMatch | None:
    if len(answer) < 12 or answer[4:8] != u32(_RPC_REPLY):
        return None
    if answer[8:12] != u32(0):
        return ProtocolMatch(protocol, detail="denies the call")
    mismatch = len(answer) >= 32 and answer[20:24] == u32(2)
    versions = f"versions {int.from_bytes(answer[24:28])} to {int.from_bytes(answer[28:32])}"
    return ProtocolMatch(protocol, detail=versions if mismatch else "")


def _rpc_null(program: int, version: int) -> Payload:
    """Return a call of procedure 0 without credentials, which does nothing (RFC 5531 9 and 12.1)."""
    return compose(_ID32, u32(0, 2, program, version, 0, 0, 0, 0, 0))


def read_slp(answer: bytes) -> ProtocolMatch | None:
    """Read an SLP message version 2 of any function (RFC 2608 8)."""
    return ProtocolMatch("slp", version="2") if len(answer) >= 16 and answer[0] == 2 and 1 <= answer[1] <= 11 else None


def read_xdmcp(answer: bytes) -> ProtocolMatch | None:
    """Read WILLING or UNWILLING, with the host's name (XDMCP 1.1)."""
    if len(answer) < 6 or answer[:2] != b"\0\1" or answer[2:4] not in (b"\0\5", b"\0\6"):
        return None
    name_at = 8 + int.from_bytes(answer[6:8]) if answer[3] == 5 else 6
    size = int.from_bytes(answer[name_at : name_at + 2])
    name = text(answer[name_at + 2 : name_at + 2 + size])
    return ProtocolMatch("xdmcp", detail=", ".join(filter(None, ("willing" if answer[3] == 5 else "unwilling", name))))


def read_dcerpc(answer: bytes) -> ProtocolMatch | None:
    """Read a connectionless DCE RPC packet, version 4 (C706 12.5.1)."""
    return ProtocolMatch("dcerpc") if len(answer) >= 80 and answer[0] == 4 and answer[1] <= 10 else None


def read_memcached(answer: bytes) -> ProtocolMatch | None:
    """Read a version line behind the eight bytes of the UDP frame (memcached's doc/protocol.txt)."""
    if answer[8:16] != b"VERSION ":
        return ProtocolMatch("memcached", detail="says an error") if answer[8:13] == b"ERROR" else None
    return ProtocolMatch("memcached", "memcached", text(answer[16:]))


def read_rx(answer: bytes) -> ProtocolMatch | None:
    """Read a version string behind an Rx header of type 13 (OpenAFS, rx.h)."""
    if len(answer) < 29 or answer[20] != _RX_VERSION:
        return None
    return ProtocolMatch("afs", detail=text(answer[28:].split(b"\0", 1)[0]))


def read_lantronix(answer: bytes) -> ProtocolMatch | None:
    """Read a firmware query's answer (Lantronix device server user guides, UDP port 77FE hex)."""
    return ProtocolMatch("lantronix", "Lantronix device server") if answer[:4] == b"\0\0\0\xf7" else None


def read_ubiquiti(answer: bytes) -> ProtocolMatch | None:
    """Read a discovery answer: type, length, value (Ubiquiti's discovery protocol, versions 1 and 2)."""
    if len(answer) < 8 or answer[0] not in (1, 2) or len(answer) < 4 + int.from_bytes(answer[2:4]):
        return None
    at, values = 4, dict[int, str]()
    while at + 3 <= len(answer):
        size = int.from_bytes(answer[at + 1 : at + 3])
        values[answer[at]] = text(answer[at + 3 : at + 3 + size])
        at += 3 + size
    return ProtocolMatch("ubiquiti-discovery", "Ubiquiti", values.get(3, ""), values.get(0x14) or values.get(0x0C, ""))


MANAGEMENT: tuple[Question, ...] = (
    Question(
        "snmp",
        (161,),
        _snmp_discovery(),
        read_snmp_engine,
        largest=160,
        source="RFC 3414 4",
        proof=Proof(_ID31),
        services=("snmp",),
    ),
    Question(
        "snmp",
        (161,),
        snmp_get(b"public"),
        read_snmp_get,
        largest=400,
        source="RFC 3416 4.2.1",
        proof=Proof(_ID31),
        services=("snmp",),
        credential=True,
    ),
    Question(
        "asf-rmcp",
        (623,),
        compose(b"\6\0\xff\6\0\0\x11\xbe\x80", _ID8, b"\0\0"),
        read_asf,
        largest=28,
        source="ASF 2.0 3.2.4.2",
        proof=Proof(_ID8, 9),
        services=("asf-rmcp",),
    ),
    Question(
        "ipmi",
        (623,),
        compose(b"\6\0\xff\7\0" + bytes(8) + b"\x09\x20\x18\xc8\x81\0\x38\x8e\x04\xb5"),
        read_ipmi,
        largest=46,
        source="IPMI 2.0 13.1.4, 22.13",
        services=("asf-rmcp",),
    ),
    Question(
        "rpcbind",
        (111,),
        _rpc_null(_RPCBIND, 2),
        read_rpc,
        largest=64,
        source="RFC 5531 9, RFC 1833",
        proof=Proof(_ID32, 0),
        services=("sunrpc",),
    ),
    Question(
        "nfs",
        (2049,),
        _rpc_null(_NFS, 3),
        read_nfs,
        largest=64,
        source="RFC 5531 9, RFC 1813 3.3.0",
        proof=Proof(_ID32, 0),
        services=("nfs", "shilp"),
    ),
    Question(
        "slp",
        (427,),
        compose(
            b"\2\x09" + (27).to_bytes(3) + u16(0) + bytes(3), _ID16, u16(2) + b"en" + u16(0, 0xFFFF, 0)[:9] + b"\0\0"
        ),
        read_slp,
        largest=512,
        source="RFC 2608 8, 10.1",
        proof=Proof(_ID16, 10),
        services=("svrloc",),
    ),
    Question(
        "xdmcp",
        (177,),
        compose(u16(1, 2, 1) + b"\0"),
        read_xdmcp,
        largest=256,
        source="XDMCP 1.1, X.org",
        services=("xdmcp",),
    ),
    Question(
        "dcerpc",
        (135,),
        compose(b"\4\1\x08\0\x10\0\0\0" + bytes(32), _ID64, bytes(8) + bytes(24)),
        read_dcerpc,
        largest=128,
        source="The Open Group C706 12.5",
        proof=Proof(_ID64, 40),
        services=("epmap",),
    ),
    Question(
        "memcached",
        (11211,),
        compose(_ID16, u16(0, 1, 0) + b"version\r\n"),
        read_memcached,
        largest=64,
        source="memcached, doc/protocol.txt",
        proof=Proof(_ID16, 0),
        services=("memcache",),
    ),
    Question(
        "afs",
        (7000, 7001, 7003),
        compose(_ID32, u32(0), _ID32, u32(0, 0) + bytes([_RX_VERSION, 5]) + bytes(6)),
        read_rx,
        largest=96,
        source="OpenAFS, rx.h and rx_packet.c",
        proof=Proof(_ID32, 0),
        services=("afs3-fileserver", "afs3-callback", "afs3-vlserver"),
    ),
    Question(
        "lantronix",
        (30718,),
        compose(b"\0\0\0\xf6"),
        read_lantronix,
        largest=64,
        source="Lantronix UDS1100 User Guide, firmware query on port 77FE hex",
    ),
    Question(
        "ubiquiti-discovery",
        (10001,),
        compose(b"\1\0\0\0"),
        read_ubiquiti,
        largest=256,
        source="Ubiquiti device discovery, versions 1 and 2",
    ),
)
"""Questions to what manages machines."""
