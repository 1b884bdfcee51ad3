"""Stores of keys, documents and messages, and the ensembles that keep their state."""

import re
import struct

from scanner.core.recognise.identity import ProtocolMatch
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
)
"""Stores of keys and documents."""
