"""`scanner history [list | show | prune]`: the stored sweeps."""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import options as opt

if TYPE_CHECKING:
    from scanner.history.store import Store, StoredSweep

app = typer.Typer(help="The stored sweeps.", invoke_without_command=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="JSON lines.")]
_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}
MOST_DAYS = 100 * 365


@app.callback()
def list_command(
    context: typer.Context,
    history: opt.HistoryFile = None,
    most: Annotated[int, typer.Option("--most", min=1, metavar="N", help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the stored sweeps, newest first. `scanner history show ID` shows one."""
    if context.invoked_subcommand is not None:
        context.obj = history
        return
    _list(history, most, as_json=as_json)


def _list(history: Path | None, most: int, *, as_json: bool) -> None:
    from itertools import islice

    from scanner.app.sweep_history import open_store

    store = open_store(history)
    with store.database:
        sweeps = islice(store.sweeps(), most)
        lines = (json.dumps(_facts(store, sweep)) for sweep in sweeps) if as_json else _table(store, sweeps)
        sys.stdout.writelines(f"{line}\n" for line in lines)


@app.command("list")
def list_again_command(
    context: typer.Context,
    most: Annotated[int, typer.Option("--most", min=1, metavar="N", help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The same as `scanner history` alone."""
    _list(context.obj, most, as_json=as_json)


@app.command("show")
def show_command(
    context: typer.Context,
    sweep: Annotated[str, typer.Argument(metavar="ID", help="Its id, the beginning of it, last, or last~1.")],
    history: opt.HistoryFile = None,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Its findings as CSV, as `scan` writes them.")] = False,
    formats: Annotated[
        list[str] | None, typer.Option("--format", metavar="NAME[=FILE]", help="In this format, as `scan` writes it.")
    ] = None,
    all_open: opt.AllOpen = False,
) -> None:
    """Show a stored sweep: what it covered, and what it found."""
    from scanner.app.sweep_history import open_store
    from scanner.outputs.fan_out import FanOut
    from scanner.outputs.formats import FormatOptions, make_outputs, parse_request
    from scanner.outputs.summary import SummaryLines
    from scanner.outputs.table import Table

    store = open_store(history or context.obj)
    with store.database:
        stored = store.sweep(sweep)
        words = [*(["jsonl"] if as_json else []), *(["csv"] if csv else []), *(formats or [])]
        requests = [parse_request(word if "=" in word else f"{word}=-") for word in words]
        outputs = make_outputs(requests, FormatOptions(all_open=all_open))
        output = FanOut(outputs or [Table(), SummaryLines()])
        output.begin(stored.info)
        for judged in store.judged(stored):
            if judged.findings:
                output.result(judged)
        output.end(store.summary(stored))


@app.command("prune")
def prune_command(
    context: typer.Context,
    keep: Annotated[str, typer.Option(metavar="90d", help="How much to keep: days d, weeks w, months m, years y.")],
    history: opt.HistoryFile = None,
) -> None:
    """Forget sweeps that are older than that. When a finding was first seen is remembered as long as it lasts."""
    from scanner.app.sweep_history import open_store
    from scanner.outputs.quantities import counted

    store = open_store(history or context.obj)
    with store.database:
        gone = store.prune(datetime.now(UTC) - _span(keep))
    typer.echo(f"{counted(gone, 'sweep')} forgotten", err=True)


def _span(text: str) -> timedelta:
    from scanner.core.errors import InvalidInput

    found = re.fullmatch(r"([0-9]{1,4})([dwmy])", text)
    days = int(found[1]) * _UNITS[found[2]] if found else MOST_DAYS + 1
    if days > MOST_DAYS:
        raise InvalidInput(f"{text!r} is not a time", where="--keep", cure="write 90d, 12w, 6m or 2y")
    return timedelta(days=days)


def _table(store: "Store", sweeps: "Iterator[StoredSweep]") -> Iterator[str]:
    yield f"{'id':<22} {'audit':<16} {'endpoints':>13} {'open':>7} {'findings':>8}  how it ended"
    for sweep in sweeps:
        facts = _facts(store, sweep)
        yield (
            f"{facts['sweep_id']:<22} {str(facts['audit'])[:16]:<16} {facts['planned']:>13,} {facts['open']:>7,} "
            f"{facts['findings']:>8,}  {facts['ended']}"
        )


def _facts(store: "Store", sweep: "StoredSweep") -> "dict[str, str | int]":
    from scanner.core.sanitise import sanitise

    summary = store.summary(sweep)
    return {
        "sweep_id": sweep.id,
        "audit": sanitise(sweep.audit),
        "started": sweep.info.started.isoformat(),
        "targets": sanitise(sweep.info.targets),
        "ports": sanitise(sweep.info.ports),
        "planned": summary.coverage.planned,
        "unknown": summary.coverage.unknown,
        "open": summary.coverage.open,
        "findings": sum(summary.findings.values()),
        "registry_date": sweep.info.registry.date,
        "policy": sanitise(sweep.info.policy),
        "scope": sanitise(sweep.info.scope),
        "ended": _ended(sweep),
    }


def _ended(sweep: "StoredSweep") -> str:
    summary = sweep.summary
    if summary is None:
        return "cut short, or still running: `scanner resume` goes on"
    if summary.interrupted:
        return "interrupted: `scanner resume` goes on"
    if summary.degraded:
        return "degraded"
    return "complete" if summary.complete else "incomplete"
