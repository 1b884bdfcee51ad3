"""What stands on the page, as plain values: from a summary and judged observations to sentences, rows and marks.

Every text is sanitised here; the template escapes it once more for HTML. Nothing here knows HTML.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from scanner.core.model import REPORTABLE, Finding, Judged, Severity, State, Verdict
from scanner.core.report import Summary
from scanner.core.sanitise import sanitise
from scanner.outputs.quantities import counted
from scanner.outputs.record import iso
from scanner.outputs.report.port_map import cell
from scanner.outputs.rules_help import rule_action, rule_title
from scanner.outputs.summary_text import describe, silent_hosts

TOP = 10
"""How many kinds of findings are told first, with what to do."""
APART = 3
"""How many ports of one rule are told apart; more are told together, or one rule would fill the page."""
MATRIX_PORTS, MATRIX_HOSTS = 40, 200
"""The host by port matrix shows the ports open on most hosts, and the hosts with most of them."""
ENDS_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class FindingCause:
    """Findings of one rule on one port: one thing to do, on one host or many."""

    severity: str
    """The word of its severity."""
    title: str
    """What the rule says, in a few words."""
    rule: str
    """The rule's id."""
    port: str
    """`8080/tcp`."""
    detail: str
    """The reason in words, of the first endpoint."""
    places: str
    """Where: the first addresses, and how many more."""
    action: tuple[tuple[str, bool], ...]
    """What to do next: pieces of text, and whether each is a command."""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding in the long table."""

    severity: str
    """The word of its severity."""
    verdict: str
    """The word of its verdict."""
    address: str
    """The IP address."""
    host: str
    """The name by which the address was asked for."""
    port: str
    """`443/tcp`."""
    number: int
    """The port number."""
    registry: str
    """Status, and IANA's names."""
    rule: str
    """The rule's id."""
    detail: str
    """The reason in words."""
    speaks: str
    """What was identified there."""
    since: str
    """First seen, ISO 8601, or empty."""


@dataclass(frozen=True, slots=True)
class PortChip:
    """An open port of a host."""

    number: int
    """The port number."""
    label: str
    """`443`, `53/udp`, or `every port`."""
    severity: str
    """The severity of its worst finding that counts, or `expected`."""
    speaks: str
    """What was identified there."""


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host with everything open on it."""

    address: str
    """The IP address."""
    name: str
    """The name by which it was asked for."""
    severity: str
    """The severity of its worst finding, or `expected`."""
    ports: tuple[PortChip, ...]
    """Its open ports, ascending."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An open port on the port map."""

    column: int
    """Column, 0 to 255."""
    row: int
    """Row, 0 to 255."""
    number: int
    """The port number."""
    severity: str
    """The worst severity on any host."""
    title: str
    """What a pointer over it shows."""


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate that was seen."""

    ends: str
    """Its last moment, ISO 8601."""
    state: str
    """`expired`, `soon` or empty."""
    subject: str
    """Whom it names."""
    issuer: str
    """Who signed it."""
    places: str
    """Where it was seen."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Which host has which port open."""

    ports: tuple[str, ...]
    """Column headings: the ports open on most hosts."""
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """Address, and for each column the severity, or empty where it is not open."""
    left_out: str
    """What did not fit, in words; empty if everything did."""


def answer(summary: Summary, judged: Sequence[Judged]) -> tuple[str, ...]:
    """Return three sentences: what nobody can explain, where, and what was not seen."""
    found = [each for one in judged for each in one.findings if each.verdict in REPORTABLE]
    places = {each.observation.endpoint for each in found}
    hosts = {each.observation.endpoint.address for each in found}
    if found:
        worst = max(each.severity for each in found)
        count = sum(each.severity is worst for each in found)
        first = f"{counted(len(places), 'open or missing port')} on {counted(len(hosts), 'host')} cannot be explained."
        second = f"The worst of it: {counted(count, 'finding')} of {worst.word} severity."
    else:
        first = "Nothing unexpected was found in what was covered."
        undetermined = summary.verdicts.get(Verdict.UNDETERMINED, 0)
        second = (
            f"{counted(undetermined, 'finding')} wait for a policy that says whether they are expected."
            if undetermined
            else "Everything open is expected by the policy, or nothing is open."
        )
    return tuple(map(sanitise, (first, second, _unseen(summary))))


def _unseen(summary: Summary) -> str:
    silent = silent_hosts(summary)
    hosts = f" {counted(silent, 'address', 'addresses')} gave no answer." if silent else ""
    if summary.complete:
        return f"Everything planned was covered.{hosts}"
    unknown = f"{summary.coverage.unknown:,} of {counted(summary.coverage.planned, 'endpoint')} are unknown"
    why = f": {'; '.join(summary.degraded)}" if summary.degraded else ""
    return f"NOT everything was covered: {unknown}{why}. What was not seen may hold anything.{hosts}"


def finding_causes(judged: Sequence[Judged]) -> list[FindingCause]:
    """Return the most telling findings, those of one rule and port together, worst first."""
    groups: dict[str, dict[str, list[Finding]]] = {}
    for finding in _reportable(judged):
        endpoint = finding.observation.endpoint
        ports = groups.setdefault(finding.rule, {})
        ports.setdefault(f"{endpoint.port}/{endpoint.transport}", []).append(finding)
    told = [cause for ports in groups.values() for cause in _causes_of_a_rule(ports)]
    told.sort(key=lambda cause: (-cause[1][0].severity, len(cause[1]), cause[0]))
    return [_cause(port, found) for port, found in told[:TOP]]


def _causes_of_a_rule(ports: dict[str, list[Finding]]) -> Iterator[tuple[str, list[Finding]]]:
    """Yield the ports of one rule apart where they are few, else together."""
    if len(ports) <= APART:
        yield from ports.items()
    else:
        yield counted(len(ports), "port"), [finding for found in ports.values() for finding in found]


def _cause(port: str, found: Sequence[Finding]) -> FindingCause:
    first = found[0]
    addresses = list(dict.fromkeys(str(each.observation.endpoint.address) for each in found))
    more = f" and {len(addresses) - 4:,} more" if len(addresses) > 4 else ""
    return FindingCause(
        severity=first.severity.word,
        title=sanitise(rule_title(first.rule)),
        rule=sanitise(first.rule),
        port="every port" if port.startswith("0/") else port,
        detail=sanitise(first.detail),
        places=", ".join(addresses[:4]) + more,
        action=_pieces(sanitise(rule_action(first.rule), limit=600)),
    )


def _pieces(text: str) -> tuple[tuple[str, bool], ...]:
    """Return text apart at its backticks; every second piece is a command."""
    return tuple((piece, bool(place % 2)) for place, piece in enumerate(text.split("`")) if piece)


def finding_rows(judged: Sequence[Judged]) -> Iterator[FindingRow]:
    """Yield every finding that counts, worst first."""
    for finding in sorted(_reportable(judged), key=lambda each: -each.severity):
        seen = finding.observation
        yield FindingRow(
            severity=finding.severity.word,
            verdict=finding.verdict.value,
            address=str(seen.endpoint.address),
            host=sanitise(seen.hostname),
            port=f"{seen.endpoint.port}/{seen.endpoint.transport}",
            number=seen.endpoint.port,
            registry=sanitise(" ".join(filter(None, (finding.registry_status.value, finding.service)))),
            rule=sanitise(finding.rule),
            detail=sanitise(finding.detail),
            speaks=_speaks(seen.identity),
            since=iso(finding.first_seen) if finding.first_seen else "",
        )


def host_rows(judged: Sequence[Judged]) -> Iterator[HostRow]:
    """Yield every host with something open; `judged` is sorted by endpoint."""
    seen = (each for each in judged if each.observation.state is State.OPEN)
    for address, group in groupby(seen, key=lambda each: each.observation.endpoint.address):
        ports = list(group)
        worst = max((_rank(each) for each in ports), default=-1)
        name = next((each.observation.hostname for each in ports if each.observation.hostname), "")
        yield HostRow(str(address), sanitise(name), _word(worst), tuple(_chip(each) for each in ports))


def _chip(judged: Judged) -> PortChip:
    endpoint = judged.observation.endpoint
    label = str(endpoint.port) if endpoint.transport == "tcp" else f"{endpoint.port}/{endpoint.transport}"
    shown = "every port" if judged.observation.whole_host else label
    return PortChip(endpoint.port, shown, _word(_rank(judged)), _speaks(judged.observation.identity))


def marks(judged: Sequence[Judged]) -> list[Mark]:
    """Return the open TCP ports for the map, each once."""
    hosts: Counter[int] = Counter()
    worst: dict[int, int] = {}
    for each in judged:
        endpoint = each.observation.endpoint
        if each.observation.state is State.OPEN and endpoint.transport == "tcp" and endpoint.port:
            hosts[endpoint.port] += 1
            worst[endpoint.port] = max(worst.get(endpoint.port, -1), _rank(each))
    return [
        Mark(*cell(port), port, _word(worst[port]), f"{port}/tcp, open on {counted(hosts[port], 'host')}")
        for port in sorted(hosts)
    ]


def matrix(hosts: Sequence[HostRow]) -> Matrix:
    """Return which host has which port open, for the ports open on most hosts."""
    common = Counter(chip.label for host in hosts for chip in host.ports)
    ports = tuple(sorted((port for port, _ in common.most_common(MATRIX_PORTS)), key=_port_order))
    shown = sorted(hosts, key=lambda host: -len(host.ports))[:MATRIX_HOSTS]
    rows = []
    for host in shown:
        here = {chip.label: chip.severity for chip in host.ports}
        rows.append((host.address, tuple(here.get(port, "") for port in ports)))
    parts = [
        counted(len(common) - len(ports), "rarer port") if len(common) > len(ports) else "",
        counted(len(hosts) - len(shown), "host") + " with fewer ports" if len(hosts) > len(shown) else "",
    ]
    return Matrix(ports, tuple(rows), " and ".join(filter(None, parts)))


def certificates(judged: Sequence[Judged], now: datetime) -> list[CertificateRow]:
    """Return every certificate once, the next to expire first; `now` is aware."""
    places: dict[str, list[str]] = {}
    found = {}
    for each in judged:
        identity = each.observation.identity
        certificate = identity.tls.certificate if identity and identity.tls else None
        if certificate:
            found[certificate.sha256] = certificate
            places.setdefault(certificate.sha256, []).append(str(each.observation.endpoint))
    return [
        CertificateRow(
            ends=iso(each.not_after),
            state="expired" if each.not_after < now else "soon" if each.not_after < now + ENDS_SOON else "",
            subject=sanitise(each.subject),
            issuer=sanitise(each.issuer) + (" (itself)" if each.self_signed else ""),
            places=", ".join(places[each.sha256][:4]) + (" …" if len(places[each.sha256]) > 4 else ""),
        )
        for each in sorted(found.values(), key=lambda each: each.not_after)
    ]


def coverage_facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Return label and text of everything that says how the sweep was made and what it covered."""
    info = summary.info
    made = (("targets", info.targets), ("ports", info.ports), ("started", iso(info.started)))
    said = tuple((label, sanitise(text)) for label, text in made)
    full = (("registry hash", info.registry.sha256), ("policy", info.policy), ("scope", info.scope))
    hashes = tuple((label, sanitise(text)) for label, text in full if text)
    return (*said, *describe(summary).facts, *hashes)


def _reportable(judged: Sequence[Judged]) -> list[Finding]:
    return [each for one in judged for each in one.findings if each.verdict in REPORTABLE]


def _rank(judged: Judged) -> int:
    return max((each.severity for each in judged.findings if each.verdict in REPORTABLE), default=-1)


def _word(rank: int) -> str:
    return Severity(rank).word if rank >= 0 else "expected"


def _speaks(identity: object) -> str:
    return sanitise(getattr(identity, "words", "") or "")


def _port_order(label: str) -> tuple[int, str]:
    number, _, rest = label.partition("/")
    return (int(number), rest) if number.isdigit() else (-1, label)
