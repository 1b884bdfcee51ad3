"""Ports that must not receive a byte of ours, because whatever arrives there may be carried out instead of parsed.

A raw printer port prints every byte, so that each hello is a sheet of paper: HP's JetDirect and its clones listen on
9100, print servers with several devices on the ports after it, and an LPD on 515 queues a job for a line that it does
not understand. A controller may move something, or stop, for a message that its small stack does not expect; it gets
only the question that its protocol's public specification calls a read of its name, where there is one. Add a row
here for every further port whose service acts on a question. No engine may hold a list of its own, and no option may
overrule this one.
"""

from dataclasses import dataclass

from scanner.core.recognise.hellos import HELLOS


@dataclass(frozen=True, slots=True)
class QuietPorts:
    """A run of TCP ports that are never asked anything."""

    first: int
    """The lowest port of the run."""
    last: int
    """The highest port of the run."""
    why: str
    """What listens there, in a few words for the report."""
    reads: tuple[str, ...] = ()
    """The protocols whose hello is a read by their specification, and may be sent."""


_RAW_PRINTER = "raw printer port"

DO_NOT_ASK: tuple[QuietPorts, ...] = (
    QuietPorts(515, 515, _RAW_PRINTER),
    QuietPorts(9100, 9107, _RAW_PRINTER),
    QuietPorts(9112, 9116, _RAW_PRINTER),
    QuietPorts(102, 102, "controller port (S7 and other ISO transport)"),
    QuietPorts(502, 502, "controller port (Modbus)", reads=("modbus",)),
    QuietPorts(789, 789, "controller port (Crimson)"),
    QuietPorts(1089, 1091, "controller port (Foundation Fieldbus)"),
    QuietPorts(1911, 1911, "controller port (Niagara Fox)"),
    QuietPorts(1962, 1962, "controller port (PCWorx)"),
    QuietPorts(2404, 2404, "controller port (IEC 60870-5-104)"),
    QuietPorts(2455, 2455, "controller port (CODESYS)"),
    QuietPorts(4911, 4911, "controller port (Niagara Fox)"),
    QuietPorts(5006, 5007, "controller port (MELSEC)"),
    QuietPorts(5094, 5094, "controller port (HART-IP)"),
    QuietPorts(9600, 9600, "controller port (FINS)"),
    QuietPorts(10001, 10001, "tank gauge or serial line"),
    QuietPorts(11740, 11743, "controller port (CODESYS)"),
    QuietPorts(18245, 18246, "controller port (GE SRTP)"),
    QuietPorts(20000, 20000, "controller port (DNP3)"),
    QuietPorts(20256, 20256, "controller port (PCOM)"),
    QuietPorts(20547, 20547, "controller port (ProConOS)"),
    QuietPorts(34962, 34964, "controller port (PROFINET)"),
    QuietPorts(34980, 34980, "controller port (EtherCAT)"),
    QuietPorts(44818, 44818, "controller port (EtherNet/IP)", reads=("ethernet-ip",)),
    QuietPorts(47808, 47808, "controller port (BACnet)"),
)
"""Every port that must not receive a byte, or only a read. The printers' spans are those that nmap's version detection
leaves alone (nmap-service-probes(5), `Exclude`), the second card of JetDirect EX servers, and LPD (RFC 1179). The
controllers' are registered for them (IANA: iso-tsap, mbap, iec-104, hart-ip, dnp, bacnet and others), or the default of
their makers' manuals."""


def reason_not_to_ask(port: int) -> str:
    """Return why the TCP `port` must not receive a byte; empty where it may receive one, a read only or anything."""
    quiet = quiet_port(port)
    return quiet.why if quiet and not quiet.reads else ""


def quiet_port(port: int) -> QuietPorts | None:
    """Return the row that holds the TCP `port`; None where any hello may be sent."""
    return next((quiet for quiet in DO_NOT_ASK if quiet.first <= port <= quiet.last), None)


def may_be_sent(port: int, data: bytes) -> bool:
    """Return whether `data` may be sent to the TCP `port`."""
    quiet = quiet_port(port)
    return quiet is None or data in {HELLOS[name].payload for name in quiet.reads}
