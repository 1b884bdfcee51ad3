"""One finding as the promised columns: the same names, order and values in CSV and JSON.

All text is sanitised here, so that no format can forget it. Columns are only ever appended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

from scanner.core.model import REPORTABLE, Endpoint, Finding, Judged, State, Verdict
from scanner.core.report import SweepInfo
from scanner.core.sanitise import sanitise

Cell: TypeAlias = str | int | float | None

COLUMNS: tuple[str, ...] = (
    "finding_id",
    "sweep_id",
    "observed_at",
    "address",
    "hostname",
    "port",
    "transport",
    "state",
    "reason",
    "rtt_ms",
    "registry_status",
    "service",
    "verdict",
    "severity",
    "rule",
    "detail",
    "evidence",
    "first_seen",
    "policy_entry",
    "registry_date",
)
"""The columns of the CSV and the keys of a JSON finding, in their order."""


VERDICT_ORDER = (Verdict.UNEXPECTED, Verdict.MISSING, Verdict.UNDETERMINED, Verdict.EXPECTED)
"""Verdicts, the one that wants a look most first."""


def finding_record(info: SweepInfo, finding: Finding) -> Mapping[str, Cell]:
    """Return the values of one finding by column; None where there is none. `rtt_ms` is in milliseconds."""
    seen = finding.observation
    values: tuple[Cell, ...] = (
        finding.id,
        info.sweep_id,
        iso(seen.at),
        str(seen.endpoint.address),
        seen.hostname,
        seen.endpoint.port,
        seen.endpoint.transport,
        seen.state,
        seen.reason,
        None if seen.rtt is None else round(seen.rtt * 1000, 3),
        finding.registry_status,
        finding.service,
        finding.verdict,
        finding.severity.word,
        finding.rule,
        finding.detail,
        seen.evidence,
        iso(finding.first_seen) if finding.first_seen else None,
        finding.policy_entry,
        info.registry.date,
    )
    return MappingProxyType(dict(zip(COLUMNS, map(_plain, values), strict=True)))


def iso(moment: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC with milliseconds: `2026-02-13T22:05:01.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def chosen(judged: Iterable[Judged], *, all_open: bool = False) -> Iterator[Finding]:
    """Return the findings that make a row: unexpected and missing ones, with `all_open` those of open endpoints too.

    Those of one endpoint come sorted by rule.
    """
    for one in judged:
        wanted = all_open and one.observation.state is State.OPEN
        found = (finding for finding in one.findings if wanted or finding.verdict in REPORTABLE)
        yield from sorted(found, key=lambda finding: finding.rule)


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings about one endpoint, the most severe first, of equal ones what is unexpected first."""
    return sorted(findings, key=lambda finding: (-finding.severity, VERDICT_ORDER.index(finding.verdict)))


def endpoint_order(endpoint: Endpoint) -> tuple[int, int, str, int, str]:
    """Return a sort key: IPv4 before IPv6, addresses as numbers, then zone, port and transport."""
    address = endpoint.address
    return address.version, int(address), str(address), endpoint.port, endpoint.transport


def _plain(value: Cell) -> Cell:
    if isinstance(value, str):
        return sanitise(value) or None
    return value
