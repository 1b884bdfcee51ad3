"""nmap's XML, for the many tools that read it.

What readers of that format know is filled in the same way: hosts with their ports, states, reasons and services
(`nmap_service.py`). What only we know, the findings, are one `script` element a host, as a result of one of nmap's own
scripts is, with tables by port and rule. It is valid against nmap.dtd, which allows no other word than `nmap` for the
program; `args` and the script `scanner` say which one it was.

Ports that are not listed are counted where that is known: per host (`extraports`) if there was but one address,
else for the whole sweep in the closing script `scanner`. Hosts that gave no sign are counted as down.
"""

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from itertools import groupby

from scanner.core.model import Address, Finding, Judged, Observation, State
from scanner.core.report import Summary, SweepInfo
from scanner.core.sanitise import sanitise
from scanner.outputs.document import Document
from scanner.outputs.nmap_service import service_attributes
from scanner.outputs.record import iso
from scanner.outputs.summary_text import closing_lines, silent_hosts

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n'

_TAIL = "</nmaprun>"

FINDINGS_SCRIPT = "findings"
"""The id of the script that holds the findings of a host."""

_SCAN_TYPES = {"syn": "syn", "scapy": "syn"}
"""The engine's word in nmap's words; whatever else is a connect scan."""

_COUNTED_STATES = (State.CLOSED, State.FILTERED, State.OPEN_FILTERED, State.UNKNOWN)
"""States whose ports are counted rather than listed."""

_ALIVE = frozenset({State.OPEN, State.CLOSED})
"""States that only a host that is there can have."""


class NmapXml(Document):
    """Writes a sweep as nmap would with `-oX`."""

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the document, one element of the root at a time."""
        root = ET.tostring(_root(summary.info), encoding="unicode", short_empty_elements=False)
        yield _HEAD + root.removesuffix(_TAIL) + "\n"
        for element in elements(summary, judged):
            ET.indent(element)
            yield ET.tostring(element, encoding="unicode") + "\n"
        yield _TAIL + "\n"


def elements(summary: Summary, judged: Sequence[Judged]) -> Iterator[ET.Element]:
    """Return what stands in the root, one element at a time. `judged` is sorted by endpoint."""
    yield from _scaninfo(summary.info)
    yield _element("verbose", level=0)
    yield _element("debugging", level=0)
    hosts = 0
    if not judged and (sole := sole_address(summary.info)):
        yield _silent_host(summary, sole)
        hosts = 1 if summary.coverage.closed else 0
    for address, ports in groupby(judged, key=lambda one: one.observation.endpoint.address):
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


def _scaninfo(info: SweepInfo) -> Iterator[ET.Element]:
    """Yield one element for each transport; `services` are the words that the user gave for both."""
    udp = info.udp_ports_per_address
    counts = ((_SCAN_TYPES.get(info.engine, "connect"), "tcp", info.ports_per_address - udp), ("udp", "udp", udp))
    for kind, protocol, count in counts:
        if count:
            yield _element("scaninfo", type=kind, protocol=protocol, numservices=count, services=info.ports)


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
    if any(one.findings for one in judged):
        ET.SubElement(host, "hostscript").append(_findings_script(judged))
    return host


def _silent_host(summary: Summary, address: Address) -> ET.Element:
    """The only address of a sweep, with nothing to list: its ports are counted, whether they refused or kept silent."""
    start, end = (_epoch(moment.timestamp()) for moment in (summary.info.started, summary.finished))
    host = _element("host", starttime=start, endtime=end)
    state, reason = ("down", "no-response") if silent_hosts(summary) else ("unknown", "unknown-response")
    if summary.coverage.closed:
        only_udp = summary.info.udp_ports_per_address == summary.info.ports_per_address
        state, reason = "up", "port-unreach" if only_udp else "reset"
    host.append(_element("status", state=state, reason=reason, reason_ttl=0))
    host.append(_element("address", addr=address, addrtype=f"ipv{address.version}"))
    ports = ET.SubElement(host, "ports")
    ports.extend(_extraports(summary, []))
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
    return port


def _findings_script(judged: Sequence[Judged]) -> ET.Element:
    """All findings of a host in one script: a line each in `output`, and a table for each port with one for each rule.

    Debian's ndiff fails on two scripts in one port (it cannot sort them), and its text form on a port where nothing but
    a script differs (nmap/nmap#2930). It compares the scripts of hosts well.
    """
    script = _element("script", id=FINDINGS_SCRIPT, output="")
    script.set("output", "\n".join(_words(finding) for one in judged for finding in one.findings))
    for one in judged:
        table = ET.SubElement(script, "table", key=_port_words(one.observation))
        table.extend(map(_finding_table, one.findings))
    return script


def _words(finding: Finding) -> str:
    """A finding as one line."""
    port = _port_words(finding.observation)
    return sanitise(f"{port} {finding.rule}: {finding.verdict} ({finding.severity.word}): {finding.detail}")


def _port_words(seen: Observation) -> str:
    return f"{seen.endpoint.port}/{seen.endpoint.transport}"


def _finding_table(finding: Finding) -> ET.Element:
    return _with_fields(
        _element("table", key=finding.rule),
        {
            "finding_id": finding.id,
            "severity": finding.severity.word,
            "verdict": finding.verdict,
            "detail": finding.detail,
            "registry_status": finding.registry_status,
            "policy_entry": finding.policy_entry,
            "evidence": finding.observation.evidence,
        },
    )


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
        "silent_hosts": str(silent_hosts(summary)),
        "finished": iso(summary.finished),
    }
    return _with_fields(_element("script", id="scanner", output=" ".join(closing_lines(summary))), fields)


def _with_fields(element: ET.Element, fields: dict[str, str]) -> ET.Element:
    for key, value in fields.items():
        if value:
            ET.SubElement(element, "elem", key=key).text = sanitise(value)
    return element


def _runstats(summary: Summary, hosts: int) -> ET.Element:
    """`up` counts the hosts that are listed, `down` those that gave no sign; of the others nothing is claimed."""
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
    down = min(silent_hosts(summary), summary.info.addresses - hosts)
    stats.append(_element("hosts", up=hosts, down=down, total=summary.info.addresses))
    return stats


def _element(tag: str, /, **attributes: object) -> ET.Element:
    return ET.Element(tag, {name: sanitise(str(value)) for name, value in attributes.items()})


def _epoch(seconds: float) -> str:
    return str(int(seconds))


def sole_address(info: SweepInfo) -> Address | None:
    """Return the address of a sweep of one address, where its targets say which that is."""
    if info.addresses != 1:
        return None
    words = [address for addresses in info.hostnames.values() for address in addresses] or [info.targets]
    with contextlib.suppress(ValueError):  # a network, an octet range: words that mean more than one address
        return ip_address(words[0]) if len(words) == 1 else None
    return None
