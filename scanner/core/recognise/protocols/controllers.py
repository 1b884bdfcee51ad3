"""Machines and buildings. Their hellos are reads by their own specifications, and nothing else is ever said to them.

`do_not_ask.py` lists their ports and names the rows that may be sent there.
"""

import struct

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import text

_MODBUS_ID = b"\x73\x63"
_READ_DEVICE_ID = _MODBUS_ID + struct.pack(">HHBBBBB", 0, 5, 0xFF, 0x2B, 0x0E, 1, 0)
"""Function 43/14, Read Device Identification, basic objects from 0; unit 255 is the device itself and no broadcast."""


def modbus(data: bytes) -> ProtocolMatch | None:
    """The answer to Read Device Identification, or the exception of a device without it: our id, protocol 0."""
    if len(data) < 9 or data[:4] != _MODBUS_ID + b"\0\0" or data[7] & 0x7F != 0x2B:
        return None
    if data[7] == 0xAB:
        return ProtocolMatch("modbus") if int.from_bytes(data[4:6]) == 3 else None
    if len(data) < 14 or data[8] != 0x0E:
        return None
    objects, at = {}, 14
    for _ in range(min(data[13], 8)):
        if at + 2 > len(data):
            break
        objects[data[at]] = text(data[at + 2 : at + 2 + data[at + 1]])
        at += 2 + data[at + 1]
    return ProtocolMatch("modbus", " ".join(filter(None, (objects.get(0), objects.get(1)))), objects.get(2, ""))


_ENIP_CONTEXT = b"scanner!"
_LIST_IDENTITY = struct.pack("<HHII8sI", 0x63, 0, 0, 0, _ENIP_CONTEXT, 0)
"""ListIdentity without data and session."""


def ethernet_ip(data: bytes) -> ProtocolMatch | None:
    """The answer to ListIdentity: our context, and the item 0x0c with revision and product name."""
    if len(data) < 24 or data[:2] != b"\x63\0" or data[12:20] != _ENIP_CONTEXT:
        return None
    if len(data) < 63 or data[26:28] != b"\x0c\0":
        return ProtocolMatch("ethernet-ip")
    return ProtocolMatch("ethernet-ip", text(data[63 : 63 + data[62]]), f"{data[54]}.{data[55]}")


def _opc_hello() -> bytes:
    """HEL: protocol version, three buffer sizes, no limit of chunks, an endpoint that names no host."""
    url = b"opc.tcp://invalid"
    body = struct.pack("<IIIII", 0, 8192, 8192, 0, 0) + struct.pack("<I", len(url)) + url
    return b"HELF" + struct.pack("<I", 8 + len(body)) + body


def opc_ua(data: bytes) -> ProtocolMatch | None:
    """ACK or ERR with its length in front of the body."""
    told = len(data) >= 16 and data[:4] in (b"ACKF", b"ERRF") and 16 <= int.from_bytes(data[4:8], "little") <= 4120
    return ProtocolMatch("opc-ua") if told else None


CONTROLLERS: tuple[Protocol, ...] = (
    Protocol(
        "modbus",
        ProtocolKind.CONTROLLER,
        "MODBUS Application Protocol V1.1b3, 6.21; MODBUS Messaging on TCP/IP V1.0b, 3.1.3",
        iana_names="mbap",
        hello=Hello(_READ_DEVICE_ID, (modbus,)),
        plain_text=True,
    ),
    Protocol(
        "ethernet-ip",
        ProtocolKind.CONTROLLER,
        "CIP Networks Library, volume 2, 2-4.2 and 2-4.3",
        iana_names="ethernet-ip-2",
        hello=Hello(_LIST_IDENTITY, (ethernet_ip,)),
        plain_text=True,
    ),
    Protocol(
        "opc-ua",
        ProtocolKind.CONTROLLER,
        "OPC UA part 6, 7.1.2",
        iana_names="opcua-tcp",
        hello=Hello(_opc_hello(), (opc_ua,)),
        recognise=(opc_ua,),
    ),
)
"""Controllers and what speaks for them."""
