"""Monitoring, middleware and helpers of other programs."""

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row


def ajp(data: bytes) -> ProtocolMatch | None:
    """A CPong (Apache JServ Protocol 1.3)."""
    return ProtocolMatch("ajp13") if data[:5] == b"AB\0\1\x09" else None


TOOLS: tuple[Protocol, ...] = (
    Protocol(
        "ajp13",
        ProtocolKind.TOOL,
        "Apache JServ Protocol 1.3",
        hello=Hello(b"\x12\x34\0\1\x0a", (ajp,)),
        recognise=(ajp,),
    ),
    Protocol(
        "zabbix",
        ProtocolKind.TOOL,
        "Zabbix documentation, header and data length",
        iana_names="zabbix-agent zabbix-trapper",
        recognise=(row("zabbix", rb"ZBXD[\x01\x03]"),),
    ),
    Protocol(
        "beanstalkd",
        ProtocolKind.MESSAGES,
        "beanstalkd, doc/protocol.txt",
        recognise=(row("beanstalkd", rb"UNKNOWN_COMMAND\r\n"),),
    ),
    Protocol(
        "clamd",
        ProtocolKind.TOOL,
        "clamd(8)",
        recognise=(row("clamd", rb"UNKNOWN COMMAND\n", product="ClamAV"),),
    ),
)
"""Monitoring, middleware and helpers."""
