"""Databases: what they greet with, and what they answer to their own smallest question.

None of these is ever logged in to, and no credentials are sent: a greeting, an error or "authentication
required" names the program as well.
"""

import struct

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text


def mysql(data: bytes) -> ProtocolMatch | None:
    """The server's first packet: protocol 10, or an error that names the server ("Initial Handshake Packet")."""
    if len(data) < 6 or data[3] > 1:
        return None
    length = int.from_bytes(data[:3], "little")
    if not 4 < length <= 1024:
        return None
    if data[4] == 0xFF:
        return _mysql_refusal(data[4 : 4 + length]) if len(data) >= 4 + length else None
    end = data.find(b"\0", 5, 80)
    if data[4] != 10 or end < 0 or not data[5:6].isdigit() or len(data) < min(4 + length, end + 5):
        return None
    version = text(data[5:end])
    if "mariadb" in version.lower():
        return ProtocolMatch("mysql", "MariaDB", version.removeprefix("5.5.5-").partition("-MariaDB")[0])
    return ProtocolMatch("mysql", "MySQL", version)


_MYSQL_REFUSALS = frozenset(
    {1040, 1042, 1043, 1045, 1053, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 3032, 3159, 4031}
)
"""Codes with which a server refuses a client before its greeting (MySQL Error Message Reference)."""


def _mysql_refusal(packet: bytes) -> ProtocolMatch | None:
    """An ERR_Packet without its header: 0xff, the code, perhaps `#` and a state, the message."""
    words = text(packet[3:])
    if len(words) < 8 or not words.isprintable():
        return None
    product = "MariaDB" if "MariaDB" in words else ""
    known = int.from_bytes(packet[1:3], "little") in _MYSQL_REFUSALS
    return ProtocolMatch("mysql", product, detail=words) if known or product else None


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


_SSL_REQUEST = struct.pack(">II", 8, 80877103)
"""PostgreSQL docs, 55.7 SSLRequest."""


def _tds_prelogin() -> bytes:
    """MS-TDS 2.2.6.5: VERSION and ENCRYPTION (not supported), then the terminator."""
    options = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + struct.pack(">IHB", 0x11000000, 0, 2)
    return struct.pack(">BBHHBB", 0x12, 1, 8 + len(options), 0, 0, 0) + options


_CQL_OPTIONS = struct.pack(">BBHBI", 4, 0, 0, 5, 0)
"""CQL binary protocol v4, 4.1.3: OPTIONS."""


_BOLT_MAGIC = b"\x60\x60\xb0\x17"


def bolt(data: bytes) -> ProtocolMatch | None:
    """The version that the server chose from ours: 5.0 to 5.4, 4.2 to 4.4, or 3."""
    if len(data) != 4 or data[:2] != b"\0\0":
        return None
    minor, major = data[2], data[3]
    offered = (major == 5 and minor <= 4) or (major == 4 and 2 <= minor <= 4) or (major, minor) == (3, 0)
    return ProtocolMatch("bolt", "Neo4j", detail=f"Bolt {major}.{minor}") if offered else None


DATABASES: tuple[Protocol, ...] = (
    Protocol(
        "mysql",
        ProtocolKind.DATABASE,
        'MySQL Internals, "Initial Handshake Packet" and "ERR_Packet"',
        iana_names="mysql mysql-proxy",
        greets_first=True,
        recognise=(mysql,),
    ),
    Protocol(
        "mysqlx",
        ProtocolKind.DATABASE,
        "MySQL Internals, Mysqlx.Notice.Frame",
        iana_names="mysqlx",
        greets_first=True,
        recognise=(mysqlx,),
    ),
    Protocol(
        "postgresql",
        ProtocolKind.DATABASE,
        "PostgreSQL documentation, 55.2.10 and 55.7",
        iana_names="postgresql",
        hello=Hello(_SSL_REQUEST, (postgresql,)),
        recognise=(postgresql_error,),
    ),
    Protocol(
        "mssql",
        ProtocolKind.DATABASE,
        "MS-TDS 2.2.3.1, 2.2.6.5",
        iana_names="ms-sql-s ms-sql-m",
        hello=Hello(_tds_prelogin(), (mssql,)),
    ),
    Protocol(
        "cassandra",
        ProtocolKind.DATABASE,
        "CQL binary protocol v4, 2.4, 4.1.3, 4.2",
        default_ports=(9042,),
        hello=Hello(_CQL_OPTIONS, (cassandra,)),
    ),
    Protocol(
        "bolt",
        ProtocolKind.DATABASE,
        "Neo4j Bolt protocol specification, handshake",
        iana_names="bolt",
        hello=Hello(_BOLT_MAGIC + bytes.fromhex("00040405 00020404 00000003 00000000"), (bolt,)),
    ),
    Protocol(
        "monetdb",
        ProtocolKind.DATABASE,
        "MonetDB documentation, MAPI, challenge",
        default_ports=(50000,),
        greets_first=True,
        recognise=(row("monetdb", rb"..[^:\x00-\x20]{5,80}:(?:mserver|merovingian):\d{1,2}:", product="MonetDB"),),
    ),
    Protocol(
        "clickhouse",
        ProtocolKind.DATABASE,
        "ClickHouse, answer of its native port to HTTP",
    ),
)
"""Databases with a query language."""
