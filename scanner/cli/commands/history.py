"""`scanner history [list | show | prune]`: list, show and delete stored sweeps."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from scanner.cli.completion import complete_format, complete_sweep
from scanner.cli.flags import AllOpen, AsCsv, AsJson, HistoryFile

history_app = typer.Typer(
    help="List, show and delete stored sweeps.", invoke_without_command=True, rich_markup_mode=None
)

_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}
MOST_DAYS = 100 * 365


@history_app.callback()
def list_command(
    context: typer.Context,
    history: HistoryFile = None,
    most: Annotated[int, typer.Option("--most", min=1, metavar="N", help="Maximum number of sweeps to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the stored sweeps, last recorded first. `scanner history show ID` shows one."""
    if context.invoked_subcommand is not None:
        context.obj = history
        return
    _list(history, most, as_json=as_json)


def _list(history: str | None, most: int, *, as_json: bool) -> None:
    from itertools import islice

    from scanner.app.sweep_history import open_store
    from scanner.cli.streams import warn
    from scanner.cli.views.history_view import sweep_json, sweep_lines

    with open_store(history) as store:
        sweeps = islice(store.sweeps(), most)
        lines = sweep_json(store, sweeps) if as_json else sweep_lines(store, sweeps)
        sys.stdout.writelines(f"{line}\n" for line in lines)
        if doubt := store.clock_doubt():
            warn(doubt)


@history_app.command("list")
def list_again_command(
    context: typer.Context,
    most: Annotated[int, typer.Option("--most", min=1, metavar="N", help="Maximum number of sweeps to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the stored sweeps, as `scanner history` alone does."""
    _list(context.obj, most, as_json=as_json)


@history_app.command("show")
def show_command(
    context: typer.Context,
    sweep: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Sweep ID, beginning of an ID, last, or last~1.", autocompletion=complete_sweep
        ),
    ],
    history: HistoryFile = None,
    as_json: AsJson = False,
    csv: AsCsv = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="NAME[=FILE]", help="Write this format, as `scan` does.", autocompletion=complete_format
        ),
    ] = None,
    all_open: AllOpen = False,
) -> None:
    """Show what a stored sweep covered and found."""
    from scanner.app.sweep_history import open_store
    from scanner.outputs.fan_out import FanOut
    from scanner.outputs.formats import FormatOptions, make_outputs, parse_request
    from scanner.outputs.summary import SummaryLines
    from scanner.outputs.table import Table

    with open_store(history or context.obj) as store:
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


@history_app.command("check")
def history_check_command(
    context: typer.Context,
    within: Annotated[str, typer.Option(metavar="26h", help="Age that the newest sweep may have: 90m, 26h, 8d.")],
    audit: Annotated[str | None, typer.Option(metavar="NAME", help="The audit that is looked at; any without.")] = None,
    history: HistoryFile = None,
) -> int:
    """Check that no night was missed: exit status 3 and one line where no sweep ended in time. For monitoring.

    A sweep that was interrupted or cut short is none, and neither is an imported one.
    """
    from scanner.app.missed_night import missed_night
    from scanner.app.sweep_history import open_store
    from scanner.core.sanitise import sanitise

    with open_store(history or context.obj) as store:
        missed = missed_night(store, _window(within), datetime.now(UTC), audit=audit)
    if missed:
        typer.echo(sanitise(missed))
    return 3 if missed else 0


def _window(text: str) -> timedelta:
    from scanner.core.errors import InvalidInput

    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if not found or not int(found[1]):
        raise InvalidInput(f"{text!r} is not an age", where="--within", cure="write 90m, 26h or 8d")
    return int(found[1]) * {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[found[2]]


@history_app.command("prune")
def prune_command(
    context: typer.Context,
    keep: Annotated[str, typer.Option(metavar="90d", help="Age up to which sweeps are kept: 90d, 12w, 6m or 2y.")],
    history: HistoryFile = None,
) -> None:
    """Delete sweeps older than --keep. First-seen dates of findings that are still open are kept."""
    from scanner.app.sweep_history import open_store
    from scanner.outputs.quantities import counted

    now, age = datetime.now(UTC), _span(keep)
    with open_store(history or context.obj) as store:
        deleted = store.prune(now - age, now=now)
    typer.echo(f"{counted(deleted, 'sweep')} deleted", err=True)


def _span(text: str) -> timedelta:
    from scanner.core.errors import InvalidInput

    found = re.fullmatch(r"([0-9]{1,4})([dwmy])", text)
    days = int(found[1]) * _UNITS[found[2]] if found else MOST_DAYS + 1
    if days > MOST_DAYS:
        raise InvalidInput(f"{text!r} is not an age", where="--keep", cure="write 90d, 12w, 6m or 2y")
    return timedelta(days=days)
