"""Protocols that speak in bytes: fixed places hold fixed values, so each recogniser is a few comparisons.

Those that any short answer could satisfy (`socks5`: two bytes) are only asked about answers to their own
hello, see `hellos.py`; those in `BINARY` are specific enough to be tried on anything that a peer sends.
"""

import struct
from dataclasses import replace

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import Recogniser, text

_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1", 0x02FF: "2"}
_RDP_SECURITY = {0: "standard RDP security", 1: "TLS", 2: "NLA", 8: "NLA extended"}
_SOCKS_METHODS = {0x00: "no authentication", 0x02: "password", 0xFF: "no method we offer"}
_MQTT_CODES = {0: "no authentication", 1: "other protocol version", 4: "bad credentials", 5: "not authorised"}


def tls(data: bytes) -> ProtocolMatch | None:
    """A TLS record: an alert or the handshake's ServerHello (RFC 8446 5.1, 6)."""
    if len(data) < 6 or data[1] != 3 or data[2] > 4:
        return None
    length = int.from_bytes(data[3:5], "big")
    alert = data[0] == 0x15 and length == 2 and data[5] in (1, 2)
    hello = data[0] == 0x16 and data[5] == 2 and length > 30
    return ProtocolMatch("tls") if alert or hello else None


def smb(data: bytes) -> ProtocolMatch | None:
    """An SMB header behind a session message (MS-SMB2 2.1, 2.2.1, 2.2.4; RFC 1002 4.3.1)."""
    if len(data) < 12 or data[0] != 0:
        return None
    if data[4:8] == b"\xffSMB":
        return ProtocolMatch("smb", version="1")
    if data[4:8] != b"\xfeSMB":
        return None
    dialect = int.from_bytes(data[72:74], "little") if len(data) >= 74 else 0
    signing = "signing required" if len(data) > 70 and data[70] & 2 else "signing not required"
    return ProtocolMatch("smb", version=_DIALECTS.get(dialect, ""), detail=signing if dialect else "")


def rdp(data: bytes) -> ProtocolMatch | None:
    """A TPKT with an X.224 connection confirm (MS-RDPBCGR 2.2.1.2)."""
    if len(data) < 11 or data[:3] != b"\3\0\0" or data[5] != 0xD0:
        return None
    if len(data) >= 19 and data[11] == 2:
        chosen = int.from_bytes(data[15:19], "little")
        return ProtocolMatch("rdp", detail=_RDP_SECURITY.get(chosen, ""))
    return ProtocolMatch("rdp", detail="refuses what we offer" if len(data) >= 19 and data[11] == 3 else "")


def tpkt(data: bytes) -> ProtocolMatch | None:
    """One whole TPKT with something else than a confirm (RFC 1006 6): RDP's own question decides."""
    whole = len(data) >= 7 and data[:2] == b"\3\0" and int.from_bytes(data[2:4], "big") == len(data)
    return ProtocolMatch("rdp", certain=False) if whole and data[5] in (0x80, 0xF0) else None


def ldap(data: bytes) -> ProtocolMatch | None:
    """An LDAPMessage with a search entry or result (RFC 4511 4.2, 4.5.2): id 1, tag 0x64, 0x65 or 0x78."""
    if len(data) < 7 or data[0] != 0x30:
        return None
    at = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    if data[at : at + 3] == b"\2\1\0" and data[at + 3 : at + 4] == b"\x78":
        return ProtocolMatch("ldap", detail="notice of disconnection")
    if data[at : at + 3] != b"\2\1\1" or data[at + 3 : at + 4] not in (b"\x61", b"\x64", b"\x65"):
        return None
    product = "OpenLDAP" if b"OpenLDAProotDSE" in data else ""
    product = "Active Directory" if b"1.2.840.113556.1.4.800" in data else product
    return ProtocolMatch("ldap", product)


def amqp(data: bytes) -> ProtocolMatch | None:
    """Connection.Start, or the header of the version the broker wants (AMQP 0-9-1, 2.2.4 and 4.2.2).

    The header is what every wrong question gets, so it only says that the right one is worth asking.
    """
    if data[:4] == b"AMQP" and len(data) >= 8:
        return ProtocolMatch("amqp", version=".".join(str(part) for part in data[5:8]), certain=False)
    if len(data) < 13 or data[:3] != b"\1\0\0" or data[7:11] != b"\0\x0a\0\x0a":
        return None
    return ProtocolMatch("amqp", _table_text(data, b"product"), _table_text(data, b"version"))


def amqp_header(data: bytes) -> ProtocolMatch | None:
    """The header alone, in answer to ours: a broker of another version, AMQP 1.0 say."""
    match = amqp(data)
    return None if match is None else replace(match, certain=True)


def _table_text(data: bytes, key: bytes) -> str:
    """A long string of an AMQP field table: key length, key, `S`, four bytes of length, the text."""
    at = data.find(bytes([len(key)]) + key + b"S")
    if at < 0:
        return ""
    at += len(key) + 2
    length = min(int.from_bytes(data[at : at + 4], "big"), 100)
    return text(data[at + 4 : at + 4 + length])


def mqtt(data: bytes) -> ProtocolMatch | None:
    """CONNACK of MQTT 3.1.1 (OASIS, 3.2): type 2, length 2, flag 0 or 1, a return code below 6."""
    if len(data) != 4 or data[:2] != b"\x20\2" or data[2] > 1 or data[3] > 5:
        return None
    return ProtocolMatch("mqtt", detail=_MQTT_CODES.get(data[3], ""))


def socks5(data: bytes) -> ProtocolMatch | None:
    """The method a SOCKS 5 server chose (RFC 1928 3). Two bytes: only for answers to its own hello."""
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


def rpcbind(data: bytes) -> ProtocolMatch | None:
    """An ONC RPC reply to our call (RFC 5531 9, record marking in 11)."""
    if len(data) < 28 or not data[0] & 0x80 or data[4:8] != RPC_XID or data[8:12] != b"\0\0\0\1":
        return None
    accepted = data[12:16] == b"\0\0\0\0" and data[24:28] == b"\0\0\0\0"
    return ProtocolMatch("rpcbind" if accepted else "onc-rpc")


RPC_XID = b"scan"
"""The transaction id of our ONC RPC call; a reply repeats it."""


def x11(data: bytes) -> ProtocolMatch | None:
    """The answer to a connection setup (X11 protocol, chapter 8): refused, accepted or authenticate."""
    if len(data) < 8 or data[0] > 2:
        return None
    if data[0] == 2:
        return ProtocolMatch("x11", detail="authentication required") if data[1:6] == b"\0" * 5 else None
    if data[2:4] not in (b"\x0b\0", b"\0\x0b") or data[4:6] != b"\0\0":
        return None
    if data[0] == 0:
        return ProtocolMatch("x11", version="11.0", detail=text(data[8 : 8 + data[1]]))
    if len(data) < 40:
        return None
    vendor = text(data[40 : 40 + int.from_bytes(data[24:26], "little")])
    return ProtocolMatch("x11", vendor, "11.0", "open to anybody")


def dns(data: bytes) -> ProtocolMatch | None:
    """An answer over TCP to our `version.bind` question (RFC 1035 4.1.1, 4.2.2; RFC 7766)."""
    if len(data) < 14 or data[2:4] != DNS_ID or not data[4] & 0x80:
        return None
    version = _txt(data)
    product, _, number = version.rpartition("-")
    return ProtocolMatch("dns", product, number) if product else ProtocolMatch("dns", version=version)


DNS_ID = b"sc"
"""The id of our DNS question; an answer repeats it."""


def _txt(data: bytes) -> str:
    """The first TXT string behind the repeated question, where there is one."""
    at = data.find(b"\0\x10\0\3", 14)
    at = data.find(b"\0\x10\0\3", at + 4) if at > 0 else -1
    if at < 0 or data[8:10] == b"\0\0":
        return ""
    start = at + 4 + 4 + 2
    return text(data[start + 1 : start + 1 + data[start]]) if len(data) > start else ""


def epmd(data: bytes) -> ProtocolMatch | None:
    """The names an Erlang port mapper knows (Erlang distribution protocol, NAMES_RESP)."""
    if len(data) < 4 or data[:2] != b"\0\0" or not (len(data) == 4 or data[4:9] == b"name "):
        return None
    return ProtocolMatch("epmd", detail=text(data[4:]))


def ajp(data: bytes) -> ProtocolMatch | None:
    """A CPong (Apache JServ Protocol 1.3)."""
    return ProtocolMatch("ajp13") if data[:5] == b"AB\0\1\x09" else None


def msrpc(data: bytes) -> ProtocolMatch | None:
    """A bind acknowledgement or refusal, or a fault, of connection-oriented DCE RPC (C706 12.6.4)."""
    matches = len(data) >= 16 and data[:2] in (b"\5\0", b"\5\1") and data[2] in (3, 12, 13)
    return ProtocolMatch("msrpc") if matches and data[4] in (0, 0x10) and data[5:8] == b"\0\0\0" else None


def pptp(data: bytes) -> ProtocolMatch | None:
    """Any control message by its magic cookie (RFC 2637 2)."""
    return ProtocolMatch("pptp") if len(data) >= 8 and data[2:8] == struct.pack(">HI", 1, 0x1A2B3C4D) else None


BINARY: tuple[Recogniser, ...] = (tls, smb, rdp, amqp, bgp, msrpc, pptp, ajp, tpkt, socks5_refusal)
"""Specific enough to be tried on anything that a peer sends."""
