"""The hellos: the smallest harmless question of each protocol, beside the recognisers that know its answers.

None logs in, writes, or starts a session that outlives the connection. Together with the greetings
(`recognise`) this table is everything the scanner ever says to a service.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scanner.core.recognise import binary, databases
from scanner.core.recognise.http import http, http2
from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import READ_LIMIT, Recogniser, first_match
from scanner.core.recognise.text import TEXT

TLS = "tls"
"""The hello that is a whole handshake, spoken by the engine with the standard library's `ssl`."""


@dataclass(frozen=True, slots=True)
class Hello:
    """One question."""

    name: str
    """The protocol that is asked for."""
    payload: bytes
    """The bytes that are sent; empty where a library speaks (`tls`)."""
    answers: tuple[Recogniser, ...] = ()
    """Recognisers that are only right for answers to this question."""
    after_greeting: bool = False
    """Whether to wait for the peer's greeting before asking."""


AGENT = "scanner-iana (authorised port audit)"
"""How we introduce ourselves wherever a protocol has a place for it."""


def http_request(host: str) -> bytes:
    """`GET /` in HTTP/1.1 (RFC 9112 3). `host` is the address or name, for the Host field."""
    return (
        f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


def _lines(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode()


def _options(uri: str, version: str, *lines: str) -> bytes:
    return _lines(f"OPTIONS {uri} {version}", "CSeq: 1" + (" OPTIONS" if version[0] == "S" else ""), *lines, "")


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

_SSL_REQUEST = struct.pack(">II", 8, 80877103)
"""PostgreSQL docs, 55.7 SSLRequest."""

_AMQP = b"AMQP\0\0\x09\1"
"""AMQP 0-9-1, 2.2.4."""

_MQTT = b"\x10\x10\0\4MQTT\4\2\0\x0a\0\4scan"
"""OASIS MQTT 3.1.1, 3.1: CONNECT, clean session, keep alive 10 s, client `scan`."""

_RDP = b"\3\0\0\x13\x0e\xe0\0\0\0\0\0" + struct.pack("<BBHI", 1, 0, 8, 3)
"""MS-RDPBCGR 2.2.1.1: connection request that offers TLS and NLA."""


def _smb2_negotiate() -> bytes:
    """MS-SMB2 2.2.1.2 and 2.2.3, dialects 2.0.2 to 3.0.2, in a session message."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + bytes(16)
    dialects = (0x0202, 0x0210, 0x0300, 0x0302)
    body = struct.pack("<HHHHI16sQ", 36, len(dialects), 1, 0, 0, b"scanner-iana....", 0)
    message = header + body + struct.pack(f"<{len(dialects)}H", *dialects)
    return struct.pack(">I", len(message)) + message


def _ldap_root() -> bytes:
    """RFC 4511 4.5.1: base search of the root DSE (RFC 4512 5.1) for three of its attributes."""
    names = b"".join(
        b"\4" + bytes([len(name)]) + name
        for name in (b"objectClass", b"supportedLDAPVersion", b"supportedCapabilities")
    )
    present = b"\x87\x0bobjectClass"
    search = b"\4\0\x0a\1\0\x0a\1\0\2\1\0\2\1\5\1\1\0" + present + b"\x30" + bytes([len(names)])
    search += names
    message = b"\2\1\1\x63" + bytes([len(search)]) + search
    return b"\x30" + bytes([len(message)]) + message


def _rpc_null() -> bytes:
    """RFC 5531 9 and RFC 1833: procedure 0 of program 100000 version 2, no credentials."""
    call = binary.RPC_XID + struct.pack(">9I", 0, 2, 100000, 2, 0, 0, 0, 0, 0)
    return struct.pack(">I", 0x80000000 | len(call)) + call


_X11 = struct.pack("<BBHHHHH", 0x6C, 0, 11, 0, 0, 0, 0)
"""X11 protocol, chapter 8: little-endian, version 11.0, no authorisation."""

_KAFKA = struct.pack(">IHH4sh", 10, 18, 0, databases.KAFKA_ID, -1)
"""Apache Kafka protocol guide: ApiVersions, version 0, no client id."""


def _dns_version() -> bytes:
    """RFC 1035 4.1: `version.bind` TXT in class CHAOS, with the length before it (4.2.2)."""
    question = b"\7version\4bind\0" + struct.pack(">HH", 16, 3)
    message = binary.DNS_ID + struct.pack(">5H", 0, 1, 0, 0, 0) + question
    return struct.pack(">H", len(message)) + message


def _mongo_is_master() -> bytes:
    """MongoDB wire protocol: OP_QUERY on `admin.$cmd`, which every version answers for this command."""
    document = b"\x10isMaster\0" + struct.pack("<i", 1) + b"\0"
    document = struct.pack("<i", len(document) + 4) + document
    body = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + document
    return struct.pack("<i4sii", len(body) + 16, databases.MONGO_ID, 0, 2004) + body


def _tds_prelogin() -> bytes:
    """MS-TDS 2.2.6.5: VERSION and ENCRYPTION (not supported), then the terminator."""
    options = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + struct.pack(">IHB", 0x11000000, 0, 2)
    return struct.pack(">BBHHBB", 0x12, 1, 8 + len(options), 0, 0, 0) + options


def _msrpc_bind() -> bytes:
    """MS-RPCE and C706 12.6.4.3: a bind to the endpoint mapper's interface, in NDR."""
    mapper = bytes.fromhex("0883afe11f5dc91191a408002b14a0fa") + struct.pack("<HH", 3, 0)
    ndr = bytes.fromhex("045d888aeb1cc9119fe808002b104860") + struct.pack("<I", 2)
    body = struct.pack("<HHIIHBB", 4280, 4280, 0, 1, 0, 1, 0) + mapper + ndr
    return struct.pack("<BBBBIHHI", 5, 0, 11, 3, 0x10, 16 + len(body), 0, 1) + body


_CQL = struct.pack(">BBHBI", 4, 0, 0, 5, 0)
"""CQL binary protocol v4, 4.1.3: OPTIONS."""

_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">BHBBI", 0, 0, 4, 0, 0)
"""RFC 9113 3.4: the preface and an empty SETTINGS frame."""

_ALL = (
    Hello("http", b"", (http,)),
    Hello(TLS, b""),
    Hello("redis", _lines("INFO server"), (databases.redis,)),
    Hello("postgresql", _SSL_REQUEST, (databases.postgresql,)),
    Hello("smb", _smb2_negotiate(), (binary.smb,)),
    Hello("dns", _dns_version(), (binary.dns,)),
    Hello("msrpc", _msrpc_bind(), (binary.msrpc,)),
    Hello("http2", _HTTP2, (http2,)),
    Hello("memcached", _lines("version"), (databases.memcached,)),
    Hello("mongodb", _mongo_is_master(), (databases.mongodb,)),
    Hello("rdp", _RDP, (binary.rdp,)),
    Hello("ldap", _ldap_root(), (binary.ldap,)),
    Hello("mqtt", _MQTT, (binary.mqtt,)),
    Hello("rpcbind", _rpc_null(), (binary.rpcbind,)),
    Hello("sip", _SIP, (http,)),
    Hello("socks5", b"\5\2\0\2", (binary.socks5,)),
    Hello("x11", _X11, (binary.x11,)),
    Hello("amqp", _AMQP, (binary.amqp_header,)),
    Hello("zookeeper", b"srvr", (databases.zookeeper,)),
    Hello("kafka", _KAFKA, (databases.kafka,)),
    Hello("mssql", _tds_prelogin(), (databases.mssql,)),
    Hello("cassandra", _CQL, (databases.cassandra,)),
    Hello("rtsp", _options("*", "RTSP/1.0", f"User-Agent: {AGENT}"), (http,)),
    Hello("irc", _lines("CAP LS 302"), ()),
    Hello("epmd", b"\0\1n", (binary.epmd,)),
    Hello("ajp13", b"\x12\x34\0\1\x0a", (binary.ajp,)),
    Hello("smtp", _lines("EHLO scanner.invalid"), after_greeting=True),
    Hello("ftp", _lines("SYST"), after_greeting=True),
    Hello("pop3", _lines("CAPA"), after_greeting=True),
)

HELLOS: Mapping[str, Hello] = MappingProxyType({hello.name: hello for hello in _ALL})
"""Every hello by its name, in the order in which a port without a hint is asked."""

_GENERAL: tuple[Recogniser, ...] = (http, http2, *databases.DATABASES, *binary.BINARY, *TEXT)


def recognise(data: bytes, hello: Hello | None = None) -> ProtocolMatch | None:
    """Return what the first bytes of a peer mean.

    `data` is what it sent, at most `READ_LIMIT` bytes are looked at; `hello` is the question it answered, or
    None for a greeting. Its own recognisers come first, then those that apply to any hello.
    """
    data = data[:READ_LIMIT]
    if not data:
        return None
    if hello is not None and data == hello.payload:
        return ProtocolMatch("echo")
    return first_match((*hello.answers, *_GENERAL) if hello else _GENERAL, data)
