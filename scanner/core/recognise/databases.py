"""Databases and stores: what they greet with, and what they answer to their own smallest question.

None of these is ever logged in to, and no credentials are sent: a greeting, an error or "authentication
required" names the program as well.
"""

import re
import struct

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import Recogniser, text

_REDIS_VERSION = re.compile(rb"(?:redis|valkey)_version:([\w.]{1,40})")


def mysql(data: bytes) -> ProtocolMatch | None:
    """The server's first packet: protocol 10, or an error that names the server ("Initial Handshake Packet")."""
    if len(data) < 6 or data[3] > 1:
        return None
    length = int.from_bytes(data[:3], "little")
    if not 4 < length <= 1024:
        return None
    if data[4] == 0xFF:
        return _mysql_refusal(data[7 : 4 + length])
    end = data.find(b"\0", 5, 80)
    if data[4] != 10 or end < 0 or not data[5:6].isdigit() or len(data) < min(4 + length, end + 5):
        return None
    version = text(data[5:end])
    if "mariadb" in version.lower():
        return ProtocolMatch("mysql", "MariaDB", version.removeprefix("5.5.5-").partition("-MariaDB")[0])
    return ProtocolMatch("mysql", "MySQL", version)


def _mysql_refusal(message: bytes) -> ProtocolMatch | None:
    words = text(message)
    if "MariaDB" in words:
        return ProtocolMatch("mysql", "MariaDB", detail=words)
    told = "MySQL" in words or "Too many connections" in words or words.startswith("#08S01")
    return ProtocolMatch("mysql", detail=words) if told else None


def mysqlx(data: bytes) -> ProtocolMatch | None:
    """The notice with which the X Protocol begins (MySQL Internals, Mysqlx.Notice.Frame, capabilities)."""
    return ProtocolMatch("mysqlx", "MySQL") if data[:7] == b"\5\0\0\0\x0b\x08\5" else None


def postgresql(data: bytes) -> ProtocolMatch | None:
    """The one byte that answers an SSLRequest, or an ErrorResponse (PostgreSQL docs, 55.2.10 and 55.7)."""
    if data in (b"S", b"N"):
        return ProtocolMatch("postgresql", detail="offers TLS" if data == b"S" else "no TLS")
    return postgresql_error(data)


def postgresql_error(data: bytes) -> ProtocolMatch | None:
    """An ErrorResponse: `E`, a length, then fields that begin with the severity."""
    told = len(data) > 12 and data[0:1] == b"E" and data[5:6] == b"S" and data[6:11] in (b"FATAL", b"ERROR")
    return ProtocolMatch("postgresql") if told else None


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


def kafka(data: bytes) -> ProtocolMatch | None:
    """The answer to ApiVersions (Apache Kafka protocol guide): our correlation id behind the size."""
    if len(data) < 14 or data[4:8] != KAFKA_ID:
        return None
    size = int.from_bytes(data[:4], "big")
    return ProtocolMatch("kafka", "Apache Kafka") if 6 <= size < 4096 else None


KAFKA_ID = b"scan"
"""The correlation id of our request; a response repeats it."""


def zookeeper(data: bytes) -> ProtocolMatch | None:
    """The answer to the four letters `srvr`."""
    found = re.match(rb"Zookeeper version: ([\w.]{1,40})", data)
    if found:
        return ProtocolMatch("zookeeper", "Apache ZooKeeper", text(found[1]))
    refused = data.startswith(b"srvr is not executed")
    return ProtocolMatch("zookeeper", "Apache ZooKeeper", detail="four letter words off") if refused else None


def mssql(data: bytes) -> ProtocolMatch | None:
    """The answer to a PRELOGIN (MS-TDS 2.2.3.1, 2.2.6.5): a tabular result whose first option is VERSION."""
    if len(data) < 20 or data[:2] != b"\4\1" or data[8] != 0:
        return None
    at = 8 + int.from_bytes(data[9:11], "big")
    if len(data) < at + 4:
        return ProtocolMatch("mssql", "Microsoft SQL Server")
    version = f"{data[at]}.{data[at + 1]}.{int.from_bytes(data[at + 2 : at + 4], 'big')}"
    return ProtocolMatch("mssql", "Microsoft SQL Server", version)


def cassandra(data: bytes) -> ProtocolMatch | None:
    """SUPPORTED or ERROR in answer to OPTIONS (CQL binary protocol v4, 2.4 and 4.2)."""
    told = len(data) >= 9 and data[0] in (0x83, 0x84, 0x85) and data[4] in (0, 6)
    return ProtocolMatch("cassandra", "Apache Cassandra") if told else None


DATABASES: tuple[Recogniser, ...] = (mysql, mysqlx, postgresql_error)
"""Specific enough to be tried on anything that a peer sends."""
