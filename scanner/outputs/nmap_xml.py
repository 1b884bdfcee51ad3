"""nmap's XML, for the many tools that read it.

What readers of that format know is filled in the same way: hosts with their ports, states, reasons and services
(`nmap_service.py`). What only we know, the findings, are `script` elements, as results of nmap's own scripts are. It is
valid against nmap.dtd, which allows no other word than `nmap` for the program; `args` and the script `scanner` say who
it was.

Ports that are not listed are counted where that is known: per host (`extraports`) if there was but one address,
else for the whole sweep in the closing script `scanner`.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from itertools import groupby

from scanner.core.model import Address, Finding, Judged, Observation, State
from scanner.core.report import Summary, SweepInfo
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import Destination
from scanner.outputs.nmap_service import service_attributes
from scanner.outputs.record import endpoint_order, iso
from scanner.outputs.summary_text import closing_lines

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n'

_TAIL = "</nmaprun>"

_SCAN_TYPES = {"syn": "syn", "scapy": "syn"}
"""The engine's word in nmap's words; whatever else is a connect scan."""

_COUNTED_STATES = (State.CLOSED, State.FILTERED, State.OPEN_FILTERED, State.UNKNOWN)
"""States whose ports are counted rather than listed."""

_ALIVE = frozenset({State.OPEN, State.CLOSED})
"""States that only a host that is there can have."""


class NmapXml:
    """Writes a sweep as nmap would with `-oX`."""

    def __init__(self, place: Destination) -> None:
        self._place = place
        self._judged: list[Judged] = []

    def begin(self, info: SweepInfo) -> None:  # noqa: ARG002 - all it needs is in the summary
        """Open the place. Raises OutputFailed."""
        self._place.open()

    def result(self, judged: Judged) -> None:
        """Keep it."""
        self._judged.append(judged)

    def end(self, summary: Summary) -> None:
        """Write the document. Raises OutputFailed."""
        root = ET.tostring(_root(summary.info), encoding="unicode", short_empty_elements=False)
        self._place.write(_HEAD + root.removesuffix(_TAIL) + "\n")
        for element in elements(summary, self._judged):
            ET.indent(element)
            self._place.write(ET.tostring(element, encoding="unicode") + "\n")
        self._place.write(_TAIL + "\n")
        self._place.commit()

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._place.discard()


def elements(summary: Summary, judged: Iterable[Judged]) -> Iterator[ET.Element]:
    """What stands in the root, one element at a time, hosts and ports in order."""
    yield _scaninfo(summary.info)
    yield _element("verbose", level=0)
    yield _element("debugging", level=0)
    in_order = sorted(judged, key=lambda one: endpoint_order(one.observation.endpoint))
    hosts = 0
    for address, ports in groupby(in_order, key=lambda one: one.observation.endpoint.address):
        yield _host(summary, address, list(ports))
        hosts += 1
    postscript = ET.Element("postscript")
    postscript.append(_sweep_script(summary))
    yield postscript
    yield _runstats(summary, hosts)


def _root(info: SweepInfo) -> ET.Element:
    return _element(
        "nmaprun",
        scanner="nmap",
        args=f"scanner scan {info.targets} -p {info.ports}",
        start=_epoch(info.started.timestamp()),
        startstr=f"{info.started:%a %b %d %H:%M:%S %Y}",
        version=info.version,
        xmloutputversion="1.05",
    )


def _scaninfo(info: SweepInfo) -> ET.Element:
    return _element(
        "scaninfo",
        type=_SCAN_TYPES.get(info.engine, "connect"),
        protocol="tcp",
        numservices=info.ports_per_address,
        services=info.ports,
    )


def _host(summary: Summary, address: Address, judged: list[Judged]) -> ET.Element:
    seen = [one.observation for one in judged]
    times = [observation.at.timestamp() for observation in seen]
    host = _element("host", starttime=_epoch(min(times)), endtime=_epoch(max(times)))
    alive = next((one for one in seen if one.state in _ALIVE), None)
    status = "up" if alive else "unknown"
    host.append(_element("status", state=status, reason=(alive or seen[0]).reason, reason_ttl=0))
    host.append(_element("address", addr=address, addrtype=f"ipv{address.version}"))
    names = ET.SubElement(host, "hostnames")
    for name in dict.fromkeys(observation.hostname for observation in seen):
        if name:
            names.append(_element("hostname", name=name, type="user"))
    ports = ET.SubElement(host, "ports")
    if summary.info.addresses == 1:
        ports.extend(_extraports(summary, seen))
    ports.extend(map(_port, judged))
    return host


def _extraports(summary: Summary, listed: list[Observation]) -> Iterable[ET.Element]:
    cover = summary.coverage
    counts = {
        State.CLOSED: cover.closed,
        State.FILTERED: cover.filtered,
        State.OPEN_FILTERED: cover.open_filtered,
        State.UNKNOWN: cover.unknown,
    }
    for state in _COUNTED_STATES:
        rest = counts[state] - sum(observation.state is state for observation in listed)
        if rest > 0:
            yield _element("extraports", state=state, count=rest)


def _port(judged: Judged) -> ET.Element:
    seen = judged.observation
    port = _element("port", protocol=seen.endpoint.transport, portid=seen.endpoint.port)
    port.append(_element("state", state=seen.state, reason=seen.reason, reason_ttl=0))
    registered = next((name for finding in judged.findings for name in finding.service.split()), "")
    if service := service_attributes(seen.identity, registered):
        port.append(_element("service", **service))
    port.extend(map(_finding_script, judged.findings))
    return port


def _finding_script(finding: Finding) -> ET.Element:
    words = f"{finding.verdict} ({finding.severity.word}): {finding.detail}"
    fields = {
        "finding_id": finding.id,
        "severity": finding.severity.word,
        "verdict": finding.verdict,
        "registry_status": finding.registry_status,
        "policy_entry": finding.policy_entry,
        "evidence": finding.observation.evidence,
    }
    return _script(finding.rule, words, fields)


def _sweep_script(summary: Summary) -> ET.Element:
    cover, registry = summary.coverage, summary.info.registry
    fields = {
        "sweep_id": summary.info.sweep_id,
        "registry": f"{registry.source}, {registry.date}, sha256 {registry.sha256}",
        "planned": str(cover.planned),
        "open": str(cover.open),
        "closed": str(cover.closed),
        "filtered": str(cover.filtered),
        "open_filtered": str(cover.open_filtered),
        "unknown": str(cover.unknown),
        "finished": iso(summary.finished),
    }
    return _script("scanner", " ".join(closing_lines(summary)), fields)


def _script(name: str, output: str, fields: dict[str, str]) -> ET.Element:
    script = _element("script", id=name, output=output)
    for key, value in fields.items():
        if value:
            ET.SubElement(script, "elem", key=key).text = sanitise(value)
    return script


def _runstats(summary: Summary, hosts: int) -> ET.Element:
    """`up` counts the hosts that are listed; of the others that are not `down` nothing is claimed."""
    stats = ET.Element("runstats")
    outcome = "success" if summary.complete else "error"
    finished = _element(
        "finished",
        time=_epoch(summary.finished.timestamp()),
        timestr=f"{summary.finished:%a %b %d %H:%M:%S %Y}",
        elapsed=f"{summary.seconds:.2f}",
        summary=" ".join(closing_lines(summary)),
        exit=outcome,
    )
    if not summary.complete:
        finished.set("errormsg", sanitise(closing_lines(summary)[0]))
    stats.append(finished)
    down = summary.coverage.unreachable_hosts
    stats.append(_element("hosts", up=hosts, down=down, total=summary.info.addresses))
    return stats


def _element(tag: str, /, **attributes: object) -> ET.Element:
    return ET.Element(tag, {name: sanitise(str(value)) for name, value in attributes.items()})


def _epoch(seconds: float) -> str:
    return str(int(seconds))
