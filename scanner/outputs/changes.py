"""What changed between two sweeps, as lines for people, as JSON lines and as CSV."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from scanner.core.diff import Because, Difference
from scanner.core.sanitise import sanitise
from scanner.outputs.lines import csv_row, json_line
from scanner.outputs.record import iso

Value: TypeAlias = str | int | None

CHANGE_COLUMNS: tuple[str, ...] = (
    "change",
    "address",
    "hostname",
    "port",
    "transport",
    "before",
    "after",
    "because",
    "rule",
    "severity",
    "verdict",
    "detail",
    "registry_status",
    "service",
    "first_seen",
    "finding_id",
)
"""The columns of the CSV and the keys of a JSON line, in their order. Only ever appended to."""


def change_record(each: Difference) -> Mapping[str, Value]:
    """The values of one difference by column; None where there is nothing to say."""
    finding = each.finding
    place: tuple[Value, ...] = (
        each.change.value,
        str(each.endpoint.address),
        each.hostname,
        each.endpoint.port,
        each.endpoint.transport.value,
        each.before,
        each.after,
        each.because.value,
    )
    told: tuple[Value, ...] = (None,) * (len(CHANGE_COLUMNS) - len(place))
    if finding is not None:
        told = (
            finding.rule,
            finding.severity.word,
            finding.verdict.value,
            finding.detail,
            finding.registry_status.value,
            finding.service,
            iso(finding.first_seen) if finding.first_seen else None,
            finding.id,
        )
    return MappingProxyType(dict(zip(CHANGE_COLUMNS, map(_plain, (*place, *told)), strict=True)))


def change_lines(found: Iterable[Difference]) -> Iterator[str]:
    """One line each, the kind of change first."""
    for each in found:
        yield f"{each.change.value:<16} {where(each):<28} {sanitise(_said(each))}"


def change_json(found: Iterable[Difference]) -> Iterator[str]:
    """One JSON object each."""
    for each in found:
        yield json_line("change", change_record(each), ascii_only=False).removesuffix("\n")


def change_csv(found: Iterable[Difference]) -> Iterator[str]:
    """A header and one row each (RFC 4180), without the line ends."""
    yield csv_row(CHANGE_COLUMNS).removesuffix("\n")
    for each in found:
        yield csv_row(change_record(each).values()).removesuffix("\n")


def where(each: Difference) -> str:
    """The endpoint, with the name it was asked by."""
    return f"{each.endpoint}" + (f" ({sanitise(each.hostname)})" if each.hostname else "")


def _said(each: Difference) -> str:
    if each.finding is None:
        return f"{each.before} -> {each.after}"
    why = "" if each.because is Because.NETWORK else f" (because of the {each.because})"
    return f"{each.finding.severity.word} {each.finding.rule}: {each.finding.detail}{why}"


def _plain(value: Value) -> Value:
    return (sanitise(value) or None) if isinstance(value, str) else value
