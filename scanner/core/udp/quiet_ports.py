"""UDP ports that get no question, or only a read: what listens there acts on what it receives.

A controller may change an output, a serial device server passes bytes on to a machine, a printer may print them. Each
such port is sent an empty datagram at most, unless a question is a read by the protocol's public specification; a
row names it then. No option overrules this list. Its counterpart for TCP is `recognise/do_not_ask.py`.

Sources: the registry, the makers' lists of ports (Rockwell, Siemens, Beckhoff, CODESYS, Lantronix, Moxa, Digi), and
CISA's advisories for TriStation and the VxWorks debug agent.
"""

from scanner.core.recognise.do_not_ask import QuietPorts

_PRINTER = "raw printer port"

UDP_QUIET_PORTS: tuple[QuietPorts, ...] = (
    QuietPorts(515, 515, _PRINTER),
    QuietPorts(3289, 3289, "printer control (ENPC)"),
    QuietPorts(8610, 8614, "printer control (BJNP, MFNP)"),
    QuietPorts(9100, 9107, _PRINTER),
    QuietPorts(9112, 9116, _PRINTER),
    QuietPorts(102, 102, "controller port (ISO transport)"),
    QuietPorts(502, 502, "controller port (Modbus)"),
    QuietPorts(623, 623, "management controller", reads=("asf-rmcp", "ipmi")),
    QuietPorts(789, 789, "controller port (Crimson)"),
    QuietPorts(1089, 1091, "controller port (Foundation Fieldbus)"),
    QuietPorts(1502, 1502, "safety controller (TriStation)"),
    QuietPorts(1740, 1743, "controller port (CODESYS)"),
    QuietPorts(1962, 1962, "controller port (PCWorx)"),
    QuietPorts(2222, 2222, "controller port (EtherNet/IP, input and output)"),
    QuietPorts(2362, 2362, "serial device server (Digi)"),
    QuietPorts(2404, 2404, "controller port (IEC 60870-5-104)"),
    QuietPorts(2455, 2455, "controller port (CODESYS)"),
    QuietPorts(3671, 3671, "building automation (KNX)", reads=("knxnet-ip",)),
    QuietPorts(3956, 3956, "industrial camera", reads=("gvcp",)),
    QuietPorts(4001, 4001, "serial device server (Moxa)"),
    QuietPorts(4800, 4800, "serial device server (Moxa)"),
    QuietPorts(5006, 5007, "controller port (MELSEC)"),
    QuietPorts(5094, 5094, "controller port (HART-IP)"),
    QuietPorts(9600, 9600, "controller port (FINS)"),
    QuietPorts(10001, 10001, "serial line, where it is set to UDP", reads=("ubiquiti-discovery",)),
    QuietPorts(11740, 11743, "controller port (CODESYS)"),
    QuietPorts(13400, 13400, "vehicle diagnostics", reads=("doip",)),
    QuietPorts(17185, 17185, "debug agent (VxWorks)"),
    QuietPorts(18245, 18246, "controller port (GE SRTP)"),
    QuietPorts(20000, 20000, "controller port (DNP3)"),
    QuietPorts(20256, 20256, "controller port (PCOM)"),
    QuietPorts(20547, 20547, "controller port (ProConOS)"),
    QuietPorts(28784, 28784, "controller port (DirectLOGIC)"),
    QuietPorts(30718, 30718, "serial device server (Lantronix)", reads=("lantronix",)),
    QuietPorts(34962, 34964, "controller port (PROFINET)"),
    QuietPorts(34980, 34980, "controller port (EtherCAT)"),
    QuietPorts(44818, 44818, "controller port (EtherNet/IP)", reads=("ethernet-ip",)),
    QuietPorts(47808, 47808, "building controller (BACnet)", reads=("bacnet",)),
    QuietPorts(48898, 48899, "controller port (ADS)"),
    QuietPorts(55000, 55003, "controller port (FL-net)"),
    QuietPorts(56700, 56700, "lamps", reads=("lifx",)),
)
"""Every UDP port that gets no question, or only a read."""


def may_be_asked(protocol: str, port: int) -> bool:
    """Return whether a question of a protocol may be sent to a UDP port."""
    return all(protocol in quiet.reads for quiet in UDP_QUIET_PORTS if quiet.first <= port <= quiet.last)
