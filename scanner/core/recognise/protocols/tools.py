"""Helpers of other programs: filters, keys, block devices, dictionaries of their own."""

import struct

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row


def ceph(data: bytes) -> ProtocolMatch | None:
    """The banner of the second messenger protocol, or of the first with the addresses behind it."""
    if data.startswith(b"ceph v2\n"):
        return ProtocolMatch("ceph", version="messenger 2")
    return ProtocolMatch("ceph", version="messenger 1") if data.startswith(b"ceph v027") else None


def _minecraft_status() -> bytes:
    """Handshake (version not known, host `invalid`, next state status) and the status request."""
    body = b"\0" + b"\xff\xff\xff\xff\x0f" + b"\x07invalid" + struct.pack(">H", 25565) + b"\1"
    return bytes([len(body)]) + body + b"\1\0"


def minecraft(data: bytes) -> ProtocolMatch | None:
    """A status response: a length, packet 0, a string of JSON that has a protocol's number."""
    at = data.find(b"{", 3, 12)
    told = at > 0 and data[at - 1] < 0x80 and b'"protocol"' in data and b'"version"' in data
    return ProtocolMatch("minecraft", "Minecraft") if told else None


TOOLS: tuple[Protocol, ...] = (
    Protocol(
        "spamd",
        ProtocolKind.TOOL,
        "SpamAssassin, spamd/PROTOCOL",
        hello=Hello(b"PING SPAMC/1.2\r\n\r\n"),
        default_ports=(783,),
        recognise=(row("spamd", rb"SPAMD/\d\.\d \d{1,3} ", product="SpamAssassin"),),
    ),
    Protocol(
        "clamd",
        ProtocolKind.TOOL,
        "clamd(8)",
        hello=Hello(b"zVERSION\0", (row("clamd", rb"ClamAV (?P<version>\d[\w.+-]{0,40})", product="ClamAV"),)),
        default_ports=(3310,),
        recognise=(row("clamd", rb"UNKNOWN COMMAND[\n\0]", product="ClamAV"),),
    ),
    Protocol(
        "dovecot-auth",
        ProtocolKind.TOOL,
        "Dovecot authentication protocol v1.2",
        greets_first=True,
        recognise=(row("dovecot-auth", rb"VERSION\t\d{1,3}\t\d{1,3}\n(?:MECH|SPID|CUID|COOKIE)\t", product="Dovecot"),),
    ),
    Protocol(
        "nbd",
        ProtocolKind.FILES,
        "NBD, doc/proto.md",
        iana_names="nbd",
        greets_first=True,
        recognise=(row("nbd", rb"NBDMAGIC(?:IHAVEOPT|\x00\x00\x42\x02\x81\x86\x12\x53)"),),
    ),
    Protocol(
        "ceph",
        ProtocolKind.FILES,
        "Ceph developer guide, msgr2 and network protocol",
        iana_names="ceph",
        default_ports=(6789,),
        greets_first=True,
        recognise=(ceph,),
    ),
    Protocol(
        "minecraft",
        ProtocolKind.CHAT,
        "wiki.vg, server list ping",
        hello=Hello(_minecraft_status(), (minecraft,)),
        default_ports=(25565,),
    ),
    Protocol(
        "vmware-auth",
        ProtocolKind.TOOL,
        "VMware Ports and Protocols; its own greeting",
        default_ports=(902,),
        greets_first=True,
        recognise=(
            row("vmware-auth", rb"220 VMware Authentication Daemon Version (?P<version>[\d.]{1,20})", product="VMware"),
        ),
    ),
)
"""Helpers of other programs."""
