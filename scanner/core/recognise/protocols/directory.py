"""Names, directories and locators of other services."""

import re
import struct

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text


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


def rpcbind(data: bytes) -> ProtocolMatch | None:
    """An ONC RPC reply to our call (RFC 5531 9, record marking in 11)."""
    if len(data) < 28 or not data[0] & 0x80 or data[4:8] != RPC_XID or data[8:12] != b"\0\0\0\1":
        return None
    accepted = data[12:16] == b"\0\0\0\0" and data[24:28] == b"\0\0\0\0"
    return ProtocolMatch("rpcbind" if accepted else "onc-rpc")


RPC_XID = b"scan"
"""The transaction id of our ONC RPC call; a reply repeats it."""


def dns(data: bytes) -> ProtocolMatch | None:
    """An answer over TCP to our `version.bind` question (RFC 1035 4.1.1, 4.2.2; RFC 7766)."""
    if len(data) < 14 or data[2:4] != DNS_ID or not data[4] & 0x80:
        return None
    version = _txt(data)
    named = _NAMED_VERSION.match(version)
    return ProtocolMatch("dns", named[1], named[2]) if named else ProtocolMatch("dns", version=version)


_NAMED_VERSION = re.compile(r"([A-Za-z][A-Za-z ]{0,40}?)[ -]v?(\d[\w.+~-]{0,40})")
"""A product and its number, `dnsmasq-2.90` or `PowerDNS Authoritative Server 4.7.3`; BIND gives a number alone."""


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
    if len(data) < 4 or data[:2] != b"\0\0" or not (data[2:] == b"\x11\x11" or data[4:9] == b"name "):
        return None
    return ProtocolMatch("epmd", detail=text(data[4:]))


def msrpc(data: bytes) -> ProtocolMatch | None:
    """A bind acknowledgement or refusal, or a fault, of connection-oriented DCE RPC (C706 12.6.4)."""
    matches = len(data) >= 16 and data[:2] in (b"\5\0", b"\5\1") and data[2] in (3, 12, 13)
    return ProtocolMatch("msrpc") if matches and data[4] in (0, 0x10) and data[5:8] == b"\0\0\0" else None


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
    call = RPC_XID + struct.pack(">9I", 0, 2, 100000, 2, 0, 0, 0, 0, 0)
    return struct.pack(">I", 0x80000000 | len(call)) + call


def _dns_version() -> bytes:
    """RFC 1035 4.1: `version.bind` TXT in class CHAOS, with the length before it (4.2.2)."""
    question = b"\7version\4bind\0" + struct.pack(">HH", 16, 3)
    message = DNS_ID + struct.pack(">5H", 0, 1, 0, 0, 0) + question
    return struct.pack(">H", len(message)) + message


def _msrpc_bind() -> bytes:
    """MS-RPCE and C706 12.6.4.3: a bind to the endpoint mapper's interface, in NDR."""
    mapper = bytes.fromhex("0883afe11f5dc91191a408002b14a0fa") + struct.pack("<HH", 3, 0)
    ndr = bytes.fromhex("045d888aeb1cc9119fe808002b104860") + struct.pack("<I", 2)
    body = struct.pack("<HHIIHBB", 4280, 4280, 0, 1, 0, 1, 0) + mapper + ndr
    return struct.pack("<BBBBIHHI", 5, 0, 11, 3, 0x10, 16 + len(body), 0, 1) + body


DIRECTORIES: tuple[Protocol, ...] = (
    Protocol(
        "dns",
        ProtocolKind.DIRECTORY,
        "RFC 1035 4.1, 4.2.2; RFC 7766; RFC 4892",
        iana_names="domain",
        tls_names="domain-s",
        hello=Hello(_dns_version(), (dns,)),
    ),
    Protocol(
        "ldap",
        ProtocolKind.DIRECTORY,
        "RFC 4511 4.2, 4.5; RFC 4512 5.1",
        iana_names="ldap ldap-admin msft-gc",
        tls_names="ldaps msft-gc-ssl",
        plain_text=True,
        hello=Hello(_ldap_root(), (ldap,)),
    ),
    Protocol(
        "rpcbind",
        ProtocolKind.DIRECTORY,
        "RFC 5531 9 and 11, RFC 1833",
        iana_names="sunrpc",
        hello=Hello(_rpc_null(), (rpcbind,)),
    ),
    Protocol(
        "onc-rpc",
        ProtocolKind.DIRECTORY,
        "RFC 5531 9",
        iana_names="sunrpc nfs mountd shilp",
    ),
    Protocol(
        "msrpc",
        ProtocolKind.DIRECTORY,
        "C706 12.6.4, MS-RPCE; dynamic ports: Microsoft, Service overview and network port requirements",
        default_ports=tuple(range(49664, 49684)),
        iana_names="epmap http-rpc-epmap",
        hello=Hello(_msrpc_bind(), (msrpc,)),
        recognise=(msrpc,),
    ),
    Protocol(
        "epmd",
        ProtocolKind.DIRECTORY,
        "Erlang distribution protocol, NAMES_RESP",
        iana_names="epmd",
        hello=Hello(b"\0\1n", (epmd,)),
    ),
    Protocol(
        "ncacn-http",
        ProtocolKind.DIRECTORY,
        "MS-RPCH 2.1.2.1.2, legacy server response",
        iana_names="http-rpc-epmap",
        greets_first=True,
        recognise=(row("ncacn-http", rb"ncacn_http/1\.0"),),
    ),
)
"""Names, directories and locators."""
