"""Questions of the local network, to things and controllers: SSDP, WS-Discovery, NAT-PMP, PCP, CoAP, MQTT-SN, BACnet,
KNXnet/IP, EtherNet/IP, DoIP, GigE Vision, LIFX, HDHomeRun, and the media servers Plex, Jellyfin and Logitech.

Controllers are asked for their name only, by the message that their protocol has for being found. Nothing that
writes, opens a session or reads a process value is ever sent.
"""

import re
from zlib import crc32

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import u16, u32
from scanner.core.udp.question import Form, Proof, Question, Replies, Token, compose

_HEX, _RAW = Token(8, Form.HEX), Token(8)
_ID16, _ID32 = Token(2), Token(4)
_HEADER = re.compile(rb"\n(server|name|version|st|content-type)[ \t]*:[ \t]*([^\r\n]{1,200})", re.IGNORECASE)
_MODEL = re.compile(rb'"Name"\s*:\s*"([^"]{0,100})"')


def headers_of(answer: bytes) -> dict[bytes, str]:
    """Return a few headers of an answer in the form of HTTP, by lower-case name."""
    return {name.lower(): text(value) for name, value in _HEADER.findall(answer)}


def read_ssdp(answer: bytes) -> ProtocolMatch | None:
    """Read a response to a search: what SERVER says (UPnP Device Architecture 2.0, 1.3.3)."""
    headers = headers_of(answer)
    if not answer.startswith(b"HTTP/1.") or b"st" not in headers:
        return None
    return ProtocolMatch("ssdp", headers.get(b"server", ""), detail=headers[b"st"])


def read_wsd(answer: bytes) -> ProtocolMatch | None:
    """Read a SOAP envelope with a ProbeMatches in it (WS-Discovery 1.1, 5.3)."""
    if b"ProbeMatches" not in answer:
        return None
    types = re.search(rb"Types[^>]{0,80}>\s*([^<]{1,200})<", answer)
    return ProtocolMatch("ws-discovery", detail=text(types[1]) if types else "")


def read_nat_pmp(answer: bytes) -> ProtocolMatch | None:
    """Read the public address (RFC 6886 3.2), or the word of a server that speaks only PCP."""
    if len(answer) < 8 or answer[0] > 2 or answer[1] != 0x80:
        return None
    known = answer[0] == 0 and answer[2:4] == b"\0\0" and len(answer) >= 12
    return ProtocolMatch("nat-pmp", detail=f"public address {'.'.join(map(str, answer[8:12]))}" if known else "")


def read_pcp(answer: bytes) -> ProtocolMatch | None:
    """Read a response of any outcome (RFC 6887 7.2)."""
    return (
        ProtocolMatch("pcp", version=str(answer[0]))
        if len(answer) >= 24 and answer[0] == 2 and answer[1] & 0x80
        else None
    )


def read_coap(answer: bytes) -> ProtocolMatch | None:
    """Read a reset, or the list of resources behind the payload marker (RFC 7252 3, RFC 6690)."""
    if len(answer) < 4 or answer[0] >> 6 != 1 or answer[0] & 0x0F > 8:
        return None
    listed = answer.partition(b"\xff")[2] if len(answer) > 4 else b""
    return ProtocolMatch("coap", version="1", detail=text(listed))


def read_mqtt_sn(answer: bytes) -> ProtocolMatch | None:
    """Read GWINFO: the gateway's number (MQTT-SN 1.2, 5.4.3)."""
    information = len(answer) >= 3 and answer[1] == 2 and answer[0] == len(answer)
    return ProtocolMatch("mqtt-sn", detail=f"gateway {answer[2]}") if information else None


def read_bacnet(answer: bytes) -> ProtocolMatch | None:
    """Read a BVLC with an NPDU; the object name, where it is given (ASHRAE 135 J.2, 20.1, 20.2.9)."""
    if len(answer) < 6 or answer[0] != 0x81 or int.from_bytes(answer[2:4]) != len(answer):
        return None
    at = answer.find(b"\x3e\x75")
    name = text(answer[at + 4 : at + 3 + answer[at + 2]]) if 0 < at < len(answer) - 4 else ""
    return ProtocolMatch("bacnet", detail=name)


def read_knx(answer: bytes) -> ProtocolMatch | None:
    """Read a description response: the device's friendly name (KNXnet/IP core, 7.6.4, 7.5.4.2)."""
    if len(answer) < 6 or answer[:2] != b"\6\x10" or answer[2:4] not in (b"\2\4", b"\2\2"):
        return None
    return ProtocolMatch("knxnet-ip", detail=text(answer[30:60].split(b"\0", 1)[0]) if len(answer) >= 60 else "")


def read_enip(answer: bytes) -> ProtocolMatch | None:
    """Read List Identity: the product's name (CIP volume 2, 2-4.2)."""
    if len(answer) < 24 or answer[:2] != b"\x63\0":
        return None
    size = answer[62] if len(answer) > 62 else 0
    revision = f"{answer[54]}.{answer[55]}" if len(answer) > 62 else ""
    return ProtocolMatch("ethernet-ip", text(answer[63 : 63 + size]), revision)


def read_doip(answer: bytes) -> ProtocolMatch | None:
    """Read a vehicle identification response: VIN (ISO 13400-2, 7.6.1.4)."""
    if len(answer) < 8 or answer[0] ^ answer[1] != 0xFF or answer[2:4] not in (b"\0\4", b"\0\0"):
        return None
    return ProtocolMatch("doip", version=str(answer[0]), detail=text(answer[8:25]) if answer[3] == 4 else "")


def read_gvcp(answer: bytes) -> ProtocolMatch | None:
    """Read a discovery acknowledge: maker, model, version (GigE Vision 2.0, 16.1.1)."""
    if len(answer) < 8 or answer[2:4] != b"\0\3":
        return None
    maker, model, version = (text(answer[8 + at : 8 + at + 32].split(b"\0", 1)[0]) for at in (72, 104, 136))
    return ProtocolMatch("gvcp", " ".join(filter(None, (maker, model))), version)


def read_lifx(answer: bytes) -> ProtocolMatch | None:
    """Read StateService of a lamp (LIFX LAN protocol, header and device messages)."""
    return ProtocolMatch("lifx", "LIFX") if len(answer) >= 36 and answer[32:34] == b"\3\0" else None


def read_hdhomerun(answer: bytes) -> ProtocolMatch | None:
    """Read a discovery response with its checksum (HDHomeRun discovery protocol, libhdhomerun)."""
    whole = len(answer) > 8 and answer[:2] == b"\0\3" and crc32(answer[:-4]).to_bytes(4, "little") == answer[-4:]
    return ProtocolMatch("hdhomerun", "HDHomeRun") if whole else None


def read_plex(answer: bytes) -> ProtocolMatch | None:
    """Read a "G'day mate" answer: the media server's name and version (Plex GDM)."""
    headers = headers_of(answer)
    if not answer.startswith(b"HTTP/1.0 200") or b"plex" not in headers.get(b"content-type", "").encode():
        return None
    return ProtocolMatch("plex-gdm", "Plex Media Server", headers.get(b"version", ""), headers.get(b"name", ""))


def read_jellyfin(answer: bytes) -> ProtocolMatch | None:
    """Read a JSON object with address, id and name (Jellyfin documentation, autodiscovery)."""
    found = _MODEL.search(answer) if answer[:1] == b"{" and b'"Address"' in answer else None
    return ProtocolMatch("jellyfin-discovery", "Jellyfin", detail=text(found[1])) if found else None


def read_slim(answer: bytes) -> ProtocolMatch | None:
    """Read tags of four letters with a length each (Logitech Media Server, slimproto discovery)."""
    if answer[:1] != b"E" or len(answer) < 6:
        return None
    at, values = 1, dict[bytes, str]()
    while at + 5 <= len(answer):
        values[answer[at : at + 4]] = text(answer[at + 5 : at + 5 + answer[at + 4]])
        at += 5 + answer[at + 4]
    return ProtocolMatch("slimproto", "Logitech Media Server", values.get(b"VERS", ""), values.get(b"NAME", ""))


_PROBE = (
    b'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    b'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
    b"<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
    b"<a:MessageID>urn:uuid:00000000-0000-4000-",
    Token(2, Form.HEX),
    b"-",
    Token(6, Form.HEX),
    b"</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>"
    b"<s:Body><d:Probe/></s:Body></s:Envelope>",
)
_SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n'
)
_HDHOMERUN = u16(2, 12) + b"\1\4\xff\xff\xff\xff\2\4\xff\xff\xff\xff"
_READ_NAME = b"\x0c\x0c\x02\x3f\xff\xff\x19\x4d"
"""ReadProperty of the object name of "whatever device this is": instance 4194303 (ASHRAE 135 15.5.2)."""

LOCAL: tuple[Question, ...] = (
    Question(
        "ssdp",
        (1900,),
        compose(_SEARCH),
        read_ssdp,
        largest=512,
        source="UPnP Device Architecture 2.0, 1.3.2",
        services=("ssdp",),
        replies=Replies.ANY_PORT,
    ),
    Question(
        "ws-discovery",
        (3702,),
        compose(*_PROBE),
        read_wsd,
        largest=2000,
        source="OASIS WS-Discovery 1.1, 5.2",
        proof=Proof(Token(6, Form.HEX)),
        services=("ws-discovery",),
    ),
    Question(
        "nat-pmp", (5351,), compose(b"\0\0"), read_nat_pmp, largest=12, source="RFC 6886 3.2", services=("nat-pmp",)
    ),
    Question(
        "pcp",
        (5351,),
        compose(b"\2\0\0\0" + u32(0) + bytes(10) + b"\xff\xff" + bytes(4)),
        read_pcp,
        largest=60,
        source="RFC 6887 7.1, 14.1",
        services=("nat-pmp",),
    ),
    Question(
        "coap",
        (5683,),
        compose(b"\x40\0", _ID16),
        read_coap,
        largest=4,
        source="RFC 7252 4.3",
        proof=Proof(_ID16, 2),
        services=("coap",),
    ),
    Question(
        "coap",
        (5683,),
        compose(b"\x48\1", _ID16, _RAW, b"\xbb.well-known\4core"),
        read_coap,
        largest=512,
        source="RFC 7252 5.3, RFC 6690 4",
        proof=Proof(_RAW, 4),
        services=("coap",),
    ),
    Question("mqtt-sn", (1884, 10000), compose(b"\3\1\1"), read_mqtt_sn, largest=32, source="MQTT-SN 1.2, 5.4.2"),
    Question(
        "bacnet",
        (47808,),
        compose(b"\x81\x0a\0\x11\1\4\0\5", Token(1), _READ_NAME),
        read_bacnet,
        largest=128,
        source="ASHRAE 135 15.5, 20.1.2, J.2",
        proof=Proof(Token(1), 7),
        services=("bacnet",),
    ),
    Question(
        "knxnet-ip",
        (3671,),
        compose(b"\6\x10\2\3\0\x0e\x08\1" + bytes(6)),
        read_knx,
        largest=256,
        source="KNXnet/IP core (ISO 22510) 7.6.3",
        services=("efcp",),
    ),
    Question(
        "ethernet-ip",
        (44818,),
        compose(b"\x63\0" + bytes(10), _RAW, u32(0)),
        read_enip,
        largest=160,
        source="ODVA, CIP volume 2, 2-4.2",
        proof=Proof(_RAW, 12),
        services=("EtherNet-IP-2", "EtherNet/IP-2"),
    ),
    Question(
        "doip",
        (13400,),
        compose(b"\2\xfd\0\1" + u32(0)),
        read_doip,
        largest=48,
        source="ISO 13400-2, 7.6.1.2",
        services=("doip-data",),
    ),
    Question(
        "gvcp",
        (3956,),
        compose(b"\x42\1\0\2\0\0", _ID16),
        read_gvcp,
        largest=264,
        source="AIA GigE Vision 2.0, 16.1",
        proof=Proof(_ID16, 6),
        services=("gvcp",),
    ),
    Question(
        "lifx",
        (56700,),
        compose(b"\x24\0\0\x34", _ID32, bytes(8) + bytes(6) + b"\1\0" + bytes(8) + b"\2\0\0\0"),
        read_lifx,
        largest=64,
        source="LIFX LAN protocol, GetService",
        proof=Proof(_ID32, 4),
    ),
    Question(
        "hdhomerun",
        (65001,),
        compose(_HDHOMERUN + crc32(_HDHOMERUN).to_bytes(4, "little")),
        read_hdhomerun,
        largest=256,
        source="Silicondust, libhdhomerun, hdhomerun_pkt.h",
    ),
    Question(
        "plex-gdm",
        (32410, 32412, 32413, 32414),
        compose(b"M-SEARCH * HTTP/1.1\r\n\r\n"),
        read_plex,
        largest=480,
        source="Plex support article 201543147, GDM",
    ),
    Question(
        "jellyfin-discovery",
        (7359,),
        compose(b"Who is JellyfinServer?"),
        read_jellyfin,
        largest=300,
        source="Jellyfin documentation, networking, autodiscovery",
    ),
    Question(
        "slimproto",
        (3483,),
        compose(b"eIPAD\0NAME\0VERS\0"),
        read_slim,
        largest=200,
        source="Logitech Media Server, Slim::Networking::Discovery",
        services=("slim-devices",),
    ),
)
"""Questions of the local network."""
