"""Write listening sockets as a table, as CSV and as JSON lines. Process names and commands are sanitised."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from scanner.core.model import Finding, Judged
from scanner.core.sanitise import sanitise
from scanner.listening import Holder, ListeningSocket
from scanner.outputs.lines import csv_row, json_line
from scanner.outputs.record import iso

ListeningRow: TypeAlias = tuple[ListeningSocket, Judged]

LISTENING_COLUMNS: tuple[str, ...] = (
    *("transport", "address", "port", "reach", "pid", "process", "user", "started", "program", "command"),
    *("registry_status", "service", "verdict", "severity", "rule", "detail"),
)
"""The columns of the CSV and the keys of a JSON line, in their order; only ever appended to."""

_WIDTHS = {"port": 11, "address": 16, "process": 24, "user": 10, "since": 16, "registry": 24}
_NOBODY = Holder(pid=0)


def record(row: ListeningRow) -> dict[str, str | int]:
    """Return one listener with its most severe finding, by column; sanitised."""
    listener, judged = row
    holder, worst = listener.holder or _NOBODY, _worst(judged)
    values: tuple[str | int, ...] = (
        listener.endpoint.transport.value,
        str(listener.endpoint.address),
        listener.endpoint.port,
        listener.reach,
        holder.pid or "",
        holder.name,
        holder.user,
        iso(holder.started) if holder.started else "",
        holder.program,
        holder.command,
        worst.registry_status.value,
        worst.service,
        worst.verdict.value,
        worst.severity.word,
        worst.rule,
        worst.detail,
    )
    plain = (sanitise(value, limit=500) if isinstance(value, str) else value for value in values)
    return dict(zip(LISTENING_COLUMNS, plain, strict=True))


def csv_lines(rows: Iterable[ListeningRow]) -> Iterator[str]:
    """Yield a header and one row for each listener (RFC 4180)."""
    yield csv_row(LISTENING_COLUMNS)
    for row in rows:
        yield csv_row(record(row).values())


def json_lines(rows: Iterable[ListeningRow]) -> Iterator[str]:
    """Yield one ASCII object for each listener, with all its findings."""
    for row in rows:
        findings = [
            {"rule": f.rule, "severity": f.severity.word, "verdict": f.verdict.value, "detail": sanitise(f.detail)}
            for f in row[1].findings
        ]
        yield json_line("listener", {**record(row), "findings": findings})


def table_lines(rows: Sequence[ListeningRow], *, whole: bool) -> Iterator[str]:
    """Yield a table for people. `whole` adds the command and all findings under each line."""
    yield _cells("PORT", "ADDRESS", "PROCESS", "USER", "SINCE", "REGISTRY", "FINDING")
    for listener, judged in rows:
        where, holder, worst = listener.endpoint, listener.holder, _worst(judged)
        yield _cells(
            f"{where.port}/{where.transport}",
            {"all": "any"}.get(listener.reach, str(where.address)),
            f"{holder.name or '?'} ({holder.pid})" if holder else "(hidden)",
            holder.user if holder else "",
            f"{holder.started:%Y-%m-%d %H:%M}" if holder and holder.started else "",
            worst.service or worst.registry_status.value,
            f"{worst.severity.word}: {worst.rule}",
        )
        if whole:
            yield from _more(listener, judged)


def _more(listener: ListeningSocket, judged: Judged) -> Iterator[str]:
    if listener.holder and listener.holder.command:
        yield f"    runs {sanitise(listener.holder.command, limit=300)}\n"
    if listener.holder and listener.holder.program:
        yield f"    from {sanitise(listener.holder.program, limit=300)}\n"
    for finding in judged.findings:
        yield f"    {finding.severity.word}: {sanitise(finding.detail, limit=300)} [{finding.rule}]\n"


def _cells(*cells: str) -> str:
    widths = _WIDTHS.values()
    fixed = [f"{_fit(cell, width):<{width}}" for cell, width in zip(cells, widths, strict=False)]
    return " ".join([*fixed, sanitise(cells[-1])]).rstrip() + "\n"


def _fit(cell: str, width: int) -> str:
    cell = sanitise(cell)
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _worst(judged: Judged) -> Finding:
    return judged.findings[0]
