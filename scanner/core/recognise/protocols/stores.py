"""Stores of keys, documents and messages, and the ensembles that keep their state."""

import re
import struct

from scanner.core.recognise.identity import NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text

_REDIS_VERSION = re.compile(rb"(?:redis|valkey)_version:([\w.]{1,40})")


def redis(data: bytes) -> ProtocolMatch | None:
    """The answer to `INFO server`: a bulk string with the version, or an error."""
    found = _REDIS_VERSION.search(data[:2048])
    if found is not None:
        product = "Valkey" if found[0].startswith(b"valkey") else "Redis"
        return ProtocolMatch("redis", product, text(found[1]), "no authentication")
    if data.startswith((b"-NOAUTH", b"-DENIED", b"-NOPERM")):
        return ProtocolMatch("redis", "Redis", detail="authentication required")
    return ProtocolMatch("redis") if data.startswith(b"-ERR ") else None


def memcached(data: bytes) -> ProtocolMatch | None:
    """The answer to `version` (memcached, doc/protocol.txt); one that wants authentication gives none."""
    found = re.match(rb"VERSION ([\w.+-]{1,40})\r\n", data)
    return ProtocolMatch("memcached", "memcached", text(found[1]), "no authentication") if found else None


def mongodb(data: bytes) -> ProtocolMatch | None:
    """An OP_REPLY or OP_MSG to our `isMaster` (MongoDB wire protocol): the header repeats our request id."""
    if len(data) < 20 or data[8:12] != MONGO_ID:
        return None
    if int.from_bytes(data[12:16], "little") not in (1, 2013):
        return None
    found = re.search(rb"\x10maxWireVersion\0(.{4})", data, re.DOTALL)
    wire = str(struct.unpack("<i", found[1])[0]) if found else ""
    return ProtocolMatch("mongodb", "MongoDB", detail=f"wire version {wire}" if wire else "")


MONGO_ID = b"scan"
"""The request id of our question; a reply repeats it."""


def zookeeper(data: bytes) -> ProtocolMatch | None:
    """The answer to the four letters `srvr`."""
    found = re.match(rb"Zookeeper version: ([\w.]{1,40})", data)
    if found:
        return ProtocolMatch("zookeeper", "Apache ZooKeeper", text(found[1]))
    refused = data.startswith(b"srvr is not executed")
    return ProtocolMatch("zookeeper", "Apache ZooKeeper", detail="four letter words off") if refused else None


def _mongo_is_master() -> bytes:
    """MongoDB wire protocol: OP_QUERY on `admin.$cmd`, which every version answers for this command."""
    document = b"\x10isMaster\0" + struct.pack("<i", 1) + b"\0"
    document = struct.pack("<i", len(document) + 4) + document
    body = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + document
    return struct.pack("<i4sii", len(body) + 16, MONGO_ID, 0, 2004) + body


def rethinkdb(data: bytes) -> ProtocolMatch | None:
    """The first message of the server: an object with its protocol versions, ended by a zero."""
    if not data.startswith(b"{") or b'"max_protocol_version"' not in data or b'"success"' not in data:
        return None
    found = re.search(rb'"server_version" ?: ?"([^"]{1,40})"', data)
    return ProtocolMatch("rethinkdb", "RethinkDB", text(found[1]) if found else "")


def riak(data: bytes) -> ProtocolMatch | None:
    """RpbGetServerInfoResp: code 8, then field 1 the node and field 2 the version."""
    length = int.from_bytes(data[:4])
    if len(data) < 7 or data[4] != 8 or data[5] != 0x0A or len(data) != 4 + length:
        return None
    at = 7 + data[6]
    version = text(data[at + 2 : at + 2 + data[at + 1]]) if data[at : at + 1] == b"\x12" and at + 1 < len(data) else ""
    return ProtocolMatch("riak", "Riak", version)


def aerospike(data: bytes) -> ProtocolMatch | None:
    """An info message, version 2, type 1, with the value of the name that was asked."""
    found = re.match(rb"\x02\x01\x00\x00\x00\x00..build\t([\w.-]{1,40})\n", data, re.DOTALL)
    return ProtocolMatch("aerospike", "Aerospike", text(found[1]), NO_AUTHENTICATION) if found else None


STORES: tuple[Protocol, ...] = (
    Protocol(
        "redis",
        ProtocolKind.DATABASE,
        "redis.io, RESP and INFO",
        iana_names="redis",
        hello=Hello(b"INFO server\r\n", (redis,)),
        recognise=(
            row("redis", rb"-(?:NOAUTH|DENIED Redis|NOPERM|MISCONF|LOADING) ", product="Redis"),
            row(
                "redis",
                rb"-ERR (?:unknown command|wrong number of arguments|Protocol error)",
                product="Redis",
                certain=False,
            ),
            row("redis", rb"\+PONG\r\n|-ERR ", certain=False),
        ),
    ),
    Protocol(
        "memcached",
        ProtocolKind.DATABASE,
        "memcached, doc/protocol.txt",
        iana_names="memcache",
        hello=Hello(b"version\r\n", (memcached,)),
        recognise=(row("memcached", rb"(?:ERROR\r\n){1,20}\Z", certain=False),),
    ),
    Protocol(
        "mongodb",
        ProtocolKind.DATABASE,
        "MongoDB wire protocol",
        iana_names="mongodb",
        hello=Hello(_mongo_is_master(), (mongodb,)),
    ),
    Protocol(
        "zookeeper",
        ProtocolKind.DATABASE,
        "ZooKeeper administrator's guide, four letter words",
        default_ports=(2181,),
        hello=Hello(b"srvr", (zookeeper,)),
        recognise=(
            row("zookeeper", rb"Zookeeper version: (?P<version>[\w.]{1,40})", product="Apache ZooKeeper"),
            row(
                "zookeeper", rb"[a-z]{4} is not executed because it is not in the whitelist", product="Apache ZooKeeper"
            ),
        ),
    ),
    Protocol(
        "tarantool",
        ProtocolKind.DATABASE,
        "Tarantool documentation, binary protocol, greeting message",
        iana_names="tarantool",
        greets_first=True,
        recognise=(row("tarantool", rb"Tarantool (?P<version>\d[\w.-]{0,40}) \(Binary\)", product="Tarantool"),),
    ),
    Protocol(
        "rethinkdb",
        ProtocolKind.DATABASE,
        "RethinkDB, writing drivers: handshake V1_0",
        hello=Hello(struct.pack("<I", 0x34C2BDC3), (rethinkdb,)),
        default_ports=(28015,),
    ),
    Protocol(
        "riak",
        ProtocolKind.DATABASE,
        "Riak KV, protocol buffers API, server info",
        hello=Hello(b"\0\0\0\1\7", (riak,)),
        default_ports=(8087,),
    ),
    Protocol(
        "aerospike",
        ProtocolKind.DATABASE,
        "Aerospike documentation, info protocol",
        hello=Hello(b"\2\1" + (6).to_bytes(6) + b"build\n", (aerospike,)),
        default_ports=(3000,),
    ),
)
"""Stores of keys and documents."""
