"""Agents of monitoring, and daemons that report the state of hardware. Most serve everybody who may connect."""

from scanner.core.recognise.identity import NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text


def checkmk_agent(data: bytes) -> ProtocolMatch | None:
    """The first section of an agent's report, which is sent to every client in the clear."""
    if not data.startswith(b"<<<check_mk>>>\n"):
        return None
    version = data.partition(b"\nVersion: ")[2].partition(b"\n")[0]
    return ProtocolMatch("checkmk-agent", "Checkmk agent", text(version[:40]), NO_AUTHENTICATION)


MONITORING: tuple[Protocol, ...] = (
    Protocol(
        "checkmk-agent",
        ProtocolKind.TOOL,
        "Checkmk user guide, monitoring agents, output of the agent",
        iana_names="checkmk-agent",
        greets_first=True,
        recognise=(checkmk_agent,),
        plain_text=True,
    ),
    Protocol(
        "munin",
        ProtocolKind.TOOL,
        "Munin documentation, data exchange between master and node",
        iana_names="munin",
        greets_first=True,
        recognise=(row("munin", rb"# munin node at (?P<detail>[^\r\n]{1,100})\r?\n", product="Munin node"),),
    ),
    Protocol(
        "nut",
        ProtocolKind.TOOL,
        "Network UPS Tools, network protocol information (also RFC 9271 4)",
        iana_names="nut",
        hello=Hello(b"VER\n", (row("nut", rb"Network UPS Tools upsd (?P<version>[\w.-]{1,40})", product="upsd"),)),
        recognise=(row("nut", rb"ERR (?:UNKNOWN-COMMAND|INVALID-ARGUMENT)\n"),),
    ),
    Protocol(
        "gpsd",
        ProtocolKind.TOOL,
        "gpsd_json(5)",
        iana_names="gpsd",
        greets_first=True,
        recognise=(row("gpsd", rb'\{"class":"VERSION","release":"(?P<version>[^"]{1,40})"', product="gpsd"),),
    ),
    Protocol(
        "hddtemp",
        ProtocolKind.TOOL,
        "hddtemp(8), daemon",
        default_ports=(7634,),
        greets_first=True,
        recognise=(row("hddtemp", rb"\|/dev/[^|]{1,60}\|[^|]{0,80}\|[^|]{1,8}\|[CF*]\|"),),
    ),
    Protocol(
        "zabbix",
        ProtocolKind.TOOL,
        "Zabbix documentation, header and data length",
        iana_names="zabbix-agent zabbix-trapper",
        recognise=(row("zabbix", rb"ZBXD[\x01\x03]"),),
    ),
)
"""Agents of monitoring."""
