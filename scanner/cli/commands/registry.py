"""`scanner registry`: which registry is in use, what it holds, and how to get the current one."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli.flags import AsJson, RegistryFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanner.core.model import RegistryIdentity
    from scanner.core.registry.changes import Changes
    from scanner.core.registry.registry import RangeCounts, Registry

registry_app = typer.Typer(
    name="registry",
    help="The IANA registry in use: where it is from, what it holds, how old it is.",
    no_args_is_help=True,
)


@registry_app.command("info")
def info_command(*, as_json: AsJson = False, registry_file: RegistryFile = None) -> None:
    """Say which registry is in use: source, date, digest, rows."""
    identity = load_and_warn(registry_file).identity
    if as_json:
        _write_json("registry", _identity_fields(identity))
    else:
        _write(*_identity_lines(identity))


@registry_app.command("stats")
def stats_command(*, as_json: AsJson = False, registry_file: RegistryFile = None) -> None:
    """Count ports by range, transport and status."""
    registry = load_and_warn(registry_file)
    if as_json:
        for counts in registry.stats():
            _write_json("registry-stats", _counts_fields(counts) | {"registry": _identity_fields(registry.identity)})
    else:
        _write(*_stats_table(registry.stats()), "", *_identity_lines(registry.identity))


@registry_app.command("update")
def update_command(
    *,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|URL", help="A file or an https address instead of IANA's.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Believe a file that lost many assignments.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the current registry and use it from now on. The last good one is kept if anything is wrong."""
    from scanner.cli.streams import warn
    from scanner.registry.update import update

    result = update(source, force=force, warn=warn)
    if as_json:
        found = result.changes
        fields = {
            "outcome": result.outcome,
            "path": str(result.path),
            "added": len(found.added),
            "removed": len(found.removed),
            "renamed": len(found.renamed),
            "before": _identity_fields(result.before),
            "registry": _identity_fields(result.after),
        }
        _write_json("registry-update", fields)
    else:
        _write(f"{result.outcome}: {_change_words(result.changes)}", *_identity_lines(result.after))


def load_and_warn(path: str | None = None) -> "Registry":
    """Return the registry in use, or the one in a file; warn of a damaged copy and of an old registry.

    Raises:
        RegistryUnusable: `path` is not a whole registry.
    """
    from datetime import UTC, datetime

    from scanner.app.judging import read_registry
    from scanner.cli.streams import warn

    return read_registry(path, now=datetime.now(UTC), warn=warn)


def _write(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _write_json(kind: str, fields: "Mapping[str, Any]") -> None:
    from scanner.outputs.lines import json_line

    sys.stdout.write(json_line(kind, fields))


def _identity_fields(identity: "RegistryIdentity") -> "Mapping[str, Any]":
    from scanner.outputs.lines import registry_fields

    return registry_fields(identity)


def _identity_lines(identity: "RegistryIdentity") -> list[str]:
    from scanner.core.sanitise import sanitise

    return [
        f"source  {sanitise(identity.source)}",
        f"date    {identity.date}",
        f"sha256  {identity.sha256}",
        f"rows    {identity.rows}",
    ]


def _counts_fields(counts: "RangeCounts") -> dict[str, Any]:
    return {
        "range": counts.range,
        "transport": counts.transport,
        "ports": counts.ports,
        "counts": dict(counts.counts),
    }


def _stats_table(stats: "tuple[RangeCounts, ...]") -> list[str]:
    """One line a range and transport, one column a status, strongest first."""
    statuses = list(reversed(list(stats[0].counts)))
    header = ["range", "transport", "ports", *statuses]
    rows = [
        [counts.range, counts.transport, str(counts.ports), *(str(counts.counts[status]) for status in statuses)]
        for counts in stats
    ]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [header, *rows]
    ]


def _change_words(found: "Changes") -> str:
    return (
        f"{found.after} assignments, {len(found.added)} added, {len(found.removed)} removed,"
        f" {len(found.renamed)} under other names"
    )
