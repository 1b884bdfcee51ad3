"""The grepable format (-oG) of nmap, and masscan's.

nmap writes one line a host; with -v a comment says which ports were scanned, so that what is not listed is known
(`Ignored State: closed (998)`, always a single state). Without it only what is listed is known. masscan always says
which ports were scanned, and lists only what answered.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from scanner.core.model import Address, Endpoint, Observation, State
from scanner.core.targets.ports import PortSet
from scanner.imports.fields import imported_address, moment_of, port_of, transport_of
from scanner.imports.interface import IMPORT_STATES, Heading, HostReport, ImportEvent, Source, Unlisted
from scanner.imports.lines import lines_of
from scanner.imports.port_runs import port_runs

_HEAD = re.compile(r"# (Nmap|Masscan) (\S+) scan initiated (.{24})(?: as: (.*))?")
_SCANNED = re.compile(r"# Ports scanned: TCP\(\d+;([^)]*)\) UDP\(\d+;([^)]*)\)")
_HOST = re.compile(r"Host: (\S+) \(([^)]*)\)")
_IGNORED = re.compile(r"([a-z|]+) \((\d{1,6})\)")
_REASONS = {State.OPEN: "syn-ack", State.CLOSED: "reset", State.FILTERED: "no-response"}


def recognise(head: str) -> bool:
    """Return whether a file begins as one of -oG."""
    return bool(_HEAD.match(head))


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    at, number = source.written, 1
    masscan = ended = whole = False
    for number, line in lines_of(source):
        if ended and line:
            raise source.refuse(number, "something follows the end of the scan: two files in one?")
        if found := _HEAD.fullmatch(line):
            masscan = found[1] == "Masscan"
            at = _local(found[3]) or source.written
            yield Heading(f"{found[1].lower()} {found[2]}", found[4] or "", at)
        elif found := _SCANNED.match(line):
            tcp, udp = (tuple(sorted(port_runs(source, number, each))) for each in found.groups())
            whole = not masscan
            yield Heading(ports=PortSet(tcp, udp))
        elif line.startswith("#"):
            ended = " done at " in line
        elif line:
            yield from _host(source, number, line, at, whole=whole)
    if not ended:
        raise source.refuse(number, "the scan did not end: its file is truncated")


def _host(source: Source, number: int, line: str, at: datetime, *, whole: bool) -> Iterator[ImportEvent]:
    fields = dict(part.partition(": ")[::2] for part in line.split("\t"))
    if "Timestamp" in fields:
        at = moment_of(source, number, fields["Timestamp"])
    found = _HOST.match(f"Host: {fields.get('Host', '')}")
    if not found:
        raise source.refuse(number, "is not a line about a host")
    address = imported_address(source, number, found[1])
    if "Ports" not in fields and "Ignored State" not in fields:
        if whole and fields.get("Status") == "Down":
            yield HostReport(address, at)
        return
    seen = tuple(_ports(source, number, address, fields.get("Ports", ""), at))
    if not whole:
        yield from seen
        return
    yield HostReport(address, at, seen, tuple(_unlisted(source, number, fields.get("Ignored State", ""))))


def _ports(source: Source, number: int, address: Address, text: str, at: datetime) -> Iterator[Observation]:
    for part in filter(None, text.split(", ")):
        facts = part.strip().split("/")
        if len(facts) < 3 or facts[1] not in IMPORT_STATES:
            raise source.refuse(number, f"{part[:60]!r} is not a port with its state")
        transport = transport_of(facts[2])
        if transport is None or facts[0] == "0":
            source.left_out["ports of other protocols than TCP and UDP, or port 0"] += 1
            continue
        endpoint = Endpoint(address, transport, port_of(source, number, facts[0]))
        yield Observation(endpoint, IMPORT_STATES[facts[1]], _reason(IMPORT_STATES[facts[1]], facts[2]), at)


def _unlisted(source: Source, number: int, text: str) -> Iterator[Unlisted]:
    if not text:
        return
    found = _IGNORED.fullmatch(text.strip())
    if not found or found[1] not in IMPORT_STATES:
        raise source.refuse(number, f"{text[:60]!r} is not an ignored state with its count")
    yield Unlisted(None, IMPORT_STATES[found[1]], _reason(IMPORT_STATES[found[1]], "tcp"), int(found[2]))


def _reason(state: State, transport: str) -> str:
    """Return the usual reason for a state; this format does not say it."""
    if transport == "udp":
        return {State.OPEN: "udp-answer", State.CLOSED: "port-unreachable"}.get(state, "udp-no-response")
    return _REASONS.get(state, "not-probed")


def _local(text: str) -> datetime | None:
    """Return a time of this machine's zone, which the format does not name."""
    try:
        return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").astimezone(UTC)
    except ValueError:
        return None
