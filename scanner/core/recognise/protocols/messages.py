"""Message brokers."""

import re
import struct
from dataclasses import replace

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text

_MQTT_CODES = {0: "no authentication", 1: "other protocol version", 4: "bad credentials", 5: "not authorised"}


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


def kafka(data: bytes) -> ProtocolMatch | None:
    """The answer to ApiVersions (Apache Kafka protocol guide): our correlation id behind the size."""
    if len(data) < 14 or data[4:8] != KAFKA_ID:
        return None
    size = int.from_bytes(data[:4], "big")
    return ProtocolMatch("kafka", "Apache Kafka") if 6 <= size < 4096 else None


KAFKA_ID = b"scan"
"""The correlation id of our request; a response repeats it."""


_API_VERSIONS = struct.pack(">IHH4sh", 10, 18, 0, KAFKA_ID, -1)
"""Apache Kafka protocol guide: ApiVersions, version 0, no client id."""


_AMQP_HEADER = b"AMQP\0\0\x09\1"
"""AMQP 0-9-1, 2.2.4."""


_MQTT_CONNECT = b"\x10\x10\0\4MQTT\4\2\0\x0a\0\4scan"
"""OASIS MQTT 3.1.1, 3.1: CONNECT, clean session, keep alive 10 s, client `scan`."""


_NATS_VERSION = re.compile(rb'"version" ?: ?"([^"]{0,40})"')


def nats(data: bytes) -> ProtocolMatch | None:
    """INFO and a JSON object that says whether the server wants credentials (NATS client protocol, INFO)."""
    line = data.partition(b"\r\n")[0]
    version = _NATS_VERSION.search(line) if line.startswith(b"INFO {") and b'"max_payload"' in line else None
    if version is None:
        return None
    asks = re.search(rb'"(?:auth_required|tls_verify)" ?: ?true', line)
    return ProtocolMatch(
        "nats", "nats-server", text(version[1]), AUTHENTICATION_REQUIRED if asks else NO_AUTHENTICATION
    )


def stomp(data: bytes) -> ProtocolMatch | None:
    """The ERROR frame that a server must send where no version is common; no login was tried."""
    found = re.match(rb"ERROR\n(?:[^\n\x00]{1,200}\n){0,20}\n", data.lstrip(b"\n").replace(b"\r\n", b"\n"))
    told = found is not None and (b"version:" in found[0] or b"message:" in found[0])
    return ProtocolMatch("stomp") if told else None


MESSAGES: tuple[Protocol, ...] = (
    Protocol(
        "nats",
        ProtocolKind.MESSAGES,
        "nats.io, client protocol: INFO and a JSON object",
        greets_first=True,
        recognise=(nats,),
    ),
    Protocol(
        "amqp",
        ProtocolKind.MESSAGES,
        "AMQP 0-9-1, 2.2.4 and 4.2.2",
        iana_names="amqp",
        tls_names="amqps",
        hello=Hello(_AMQP_HEADER, (amqp_header,)),
        recognise=(amqp,),
    ),
    Protocol(
        "mqtt",
        ProtocolKind.MESSAGES,
        "OASIS MQTT 3.1.1, 3.1 and 3.2",
        iana_names="mqtt",
        tls_names="secure-mqtt",
        hello=Hello(_MQTT_CONNECT, (mqtt,)),
    ),
    Protocol(
        "kafka",
        ProtocolKind.DATABASE,
        "Apache Kafka protocol guide",
        default_ports=(9092,),
        hello=Hello(_API_VERSIONS, (kafka,)),
    ),
    Protocol(
        "stomp",
        ProtocolKind.MESSAGES,
        "STOMP 1.2, protocol negotiation",
        hello=Hello(b"STOMP\naccept-version:9.9\nhost:invalid\n\n\0", (stomp,)),
        default_ports=(61613,),
    ),
    Protocol(
        "openwire",
        ProtocolKind.MESSAGES,
        "Apache ActiveMQ, OpenWire version 2 specification, WireFormatInfo",
        default_ports=(61616,),
        greets_first=True,
        recognise=(row("openwire", rb"\x00\x00.{2}\x01ActiveMQ", product="Apache ActiveMQ"),),
    ),
    Protocol(
        "zmtp",
        ProtocolKind.MESSAGES,
        "ZeroMQ RFC 23/ZMTP 3.0, greeting",
        default_ports=(4505, 4506),
        greets_first=True,
        recognise=(row("zmtp", rb"\xff\x00{7}[\x00\x01]\x7f", product="ZeroMQ"),),
    ),
    Protocol(
        "nsq",
        ProtocolKind.MESSAGES,
        "NSQ TCP protocol specification, errors",
        recognise=(row("nsq", rb"\x00\x00\x00\x12\x00\x00\x00\x01E_BAD_PROTOCOL", product="nsqd"),),
    ),
    Protocol(
        "beanstalkd",
        ProtocolKind.MESSAGES,
        "beanstalkd, doc/protocol.txt",
        recognise=(row("beanstalkd", rb"UNKNOWN_COMMAND\r\n"),),
    ),
)
"""Message brokers."""
