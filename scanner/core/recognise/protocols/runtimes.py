"""What runs programs or lets others run them: debuggers, application servers, clusters. Open ones are open doors."""

import struct

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row


def ajp(data: bytes) -> ProtocolMatch | None:
    """A CPong (Apache JServ Protocol 1.3)."""
    return ProtocolMatch("ajp13") if data[:5] == b"AB\0\1\x09" else None


_GET_VALUES = b"\1\x09\0\0\0\x11\0\0" + b"\x0f\0FCGI_MPXS_CONNS"
"""FCGI_GET_VALUES, a management record: which limits the application has."""


def fastcgi(data: bytes) -> ProtocolMatch | None:
    """FCGI_GET_VALUES_RESULT, version 1, request 0. The protocol knows no login: whoever connects runs programs."""
    told = data[:4] == b"\1\x0a\0\0" and len(data) >= 8 and b"FCGI_MPXS_CONNS" in data[8:40]
    return ProtocolMatch("fastcgi", detail=NO_AUTHENTICATION) if told else None


def rmi(data: bytes) -> ProtocolMatch | None:
    """ProtocolAck and the client's address as the server sees it: 0x4e, a length, a host, a port in four bytes."""
    length = int.from_bytes(data[1:3])
    host, port = data[3 : 3 + length], data[3 + length : 7 + length]
    told = data[:1] == b"\x4e" and 2 < length < 256 and len(data) == 7 + length and port[:2] == b"\0\0"
    return ProtocolMatch("rmi") if told and all(33 <= byte < 127 for byte in host) else None


def _adb_message(command: bytes, first: int, second: int, payload: bytes) -> bytes:
    number = int.from_bytes(command, "little")
    head = struct.pack("<IIIIII", number, first, second, len(payload), sum(payload), number ^ 0xFFFFFFFF)
    return head + payload


def adb(data: bytes) -> ProtocolMatch | None:
    """CNXN with the device's banner, or AUTH: six words, of which the last is the first with its bits turned."""
    if len(data) < 24 or data[:4] not in (b"CNXN", b"AUTH", b"STLS"):
        return None
    if int.from_bytes(data[:4], "little") ^ int.from_bytes(data[20:24], "little") != 0xFFFFFFFF:
        return None
    if data[:4] != b"CNXN":
        return ProtocolMatch("adb", "Android Debug Bridge", detail=AUTHENTICATION_REQUIRED)
    return ProtocolMatch("adb", "Android Debug Bridge", detail=NO_AUTHENTICATION)


RUNTIMES: tuple[Protocol, ...] = (
    Protocol(
        "ajp13",
        ProtocolKind.TOOL,
        "Apache JServ Protocol 1.3",
        hello=Hello(b"\x12\x34\0\1\x0a", (ajp,)),
        default_ports=(8009,),
        recognise=(ajp,),
    ),
    Protocol(
        "fastcgi",
        ProtocolKind.TOOL,
        "FastCGI specification 3.3, 4.1",
        hello=Hello(_GET_VALUES, (fastcgi,)),
        default_ports=(9000,),
    ),
    Protocol(
        "rmi",
        ProtocolKind.TOOL,
        "Java RMI specification 10.2.2",
        iana_names="rmiregistry rmiactivation",
        hello=Hello(b"JRMI\0\2\x4b", (rmi,)),
    ),
    Protocol(
        "adb",
        ProtocolKind.REMOTE_CONTROL,
        "Android Open Source Project, adb protocol.txt",
        hello=Hello(_adb_message(b"CNXN", 0x01000000, 4096, b"host::\0"), (adb,)),
        default_ports=(5555,),
        plain_text=True,
    ),
    Protocol(
        "hadoop-ipc",
        ProtocolKind.TOOL,
        "Apache Hadoop, answer of its IPC server to HTTP",
    ),
    Protocol(
        "elasticsearch-transport",
        ProtocolKind.DATABASE,
        "Elasticsearch, answer of its transport port to HTTP",
        recognise=(row("elasticsearch-transport", rb"This is not an? HTTP port", product="Elasticsearch"),),
    ),
    Protocol(
        "fluentd-forward",
        ProtocolKind.TOOL,
        "Fluentd forward protocol specification v1, HELO",
        greets_first=True,
        recognise=(row("fluentd-forward", rb"\x92\xa4HELO[\x81-\x8f]"),),
    ),
)
"""Debuggers, application servers and clusters."""
