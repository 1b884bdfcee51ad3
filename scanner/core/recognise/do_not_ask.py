"""Ports that must never receive a byte, because whatever arrives there is carried out instead of parsed.

A raw printer port prints every byte, so that each hello is a sheet of paper: HP's JetDirect and its clones listen on
9100, print servers with several devices on the ports after it, and an LPD on 515 queues a job for a line that it does
not understand. Add a row here for every further port whose service acts on a question. No engine may hold a
list of its own, and no option may overrule this one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuietPorts:
    """A run of TCP ports that are never asked anything."""

    first: int
    """The lowest port of the run."""
    last: int
    """The highest port of the run."""
    why: str
    """What listens there, in a few words for the report."""


_RAW_PRINTER = "raw printer port"

DO_NOT_ASK: tuple[QuietPorts, ...] = (
    QuietPorts(515, 515, _RAW_PRINTER),
    QuietPorts(9100, 9107, _RAW_PRINTER),
    QuietPorts(9112, 9116, _RAW_PRINTER),
)
"""Every port that must not receive a byte. The spans are those that nmap's version detection leaves alone
(nmap-service-probes(5), `Exclude`), the second card of JetDirect EX servers, and LPD (RFC 1179)."""


def reason_not_to_ask(port: int) -> str:
    """Return why the TCP `port` must not receive a byte; empty where it may."""
    return next((quiet.why for quiet in DO_NOT_ASK if quiet.first <= port <= quiet.last), "")
