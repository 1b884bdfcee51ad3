"""Write what changed between two sweeps: as lines for people, as JSON lines and as CSV.

Text from the network and from files is sanitised here already, so that no format can forget.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from scanner.core.diff import Because, Change, Difference
from scanner.core.sanitise import sanitise
from scanner.outputs.lines import csv_row, json_line
from scanner.outputs.record import Cell, iso

WHY: Mapping[Because, str] = MappingProxyType(
    {
        Because.NETWORK: "",
        Because.REGISTRY: "because of the registry",
        Because.POLICY: "because of the policy",
        Because.TIME: "because a date has passed",
        Because.PROGRAM: "because of another version of scanner",
    }
)
"""What caused a change, in words; nothing for the network, where every change is looked for."""

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


def change_record(each: Difference) -> Mapping[str, Cell]:
    """Return the values of one difference by column; None for an empty one."""
    finding = each.finding
    place: tuple[Cell, ...] = (
        each.change.value,
        str(each.endpoint.address),
        each.hostname,
        each.endpoint.port,
        each.endpoint.transport.value,
        each.before,
        each.after,
        each.because.value,
    )
    about: tuple[Cell, ...] = (None,) * (len(CHANGE_COLUMNS) - len(place))
    if finding is not None:
        about = (
            finding.rule,
            finding.severity.word,
            finding.verdict.value,
            finding.detail,
            finding.registry_status.value,
            finding.service,
            iso(finding.first_seen) if finding.first_seen else None,
            finding.id,
        )
    return MappingProxyType(dict(zip(CHANGE_COLUMNS, map(_plain, (*place, *about)), strict=True)))


def change_lines(found: Iterable[Difference]) -> Iterator[str]:
    """Yield one line for each difference, without its line end; the kind of change comes first."""
    for each in found:
        yield f"{each.change.value:<16} {where(each):<28} {sanitise(_description(each))}"


def change_json(found: Iterable[Difference]) -> Iterator[str]:
    """Yield one JSON object for each difference, without its line end."""
    for each in found:
        yield json_line("change", change_record(each), ascii_only=False).removesuffix("\n")


def change_csv(found: Iterable[Difference]) -> Iterator[str]:
    """Yield a header and one row for each difference (RFC 4180), each without its last line feed."""
    yield csv_row(CHANGE_COLUMNS).removesuffix("\n")
    for each in found:
        yield csv_row(change_record(each).values()).removesuffix("\n")


def where(each: Difference) -> str:
    """Return the endpoint with the name by which it was asked."""
    return f"{each.endpoint}" + (f" ({sanitise(each.hostname)})" if each.hostname else "")


def _description(each: Difference) -> str:
    if each.finding is None:
        return f"{each.before} -> {each.after}"
    name = f"{each.finding.severity.word} {each.finding.rule}"
    if each.change is Change.UNSURE:
        return f"{name}: {each.before} -> {each.after}"
    return f"{name}: {each.finding.detail}" + (f" ({WHY[each.because]})" if WHY[each.because] else "")


def _plain(value: Cell) -> Cell:
    return (sanitise(value) or None) if isinstance(value, str) else value
