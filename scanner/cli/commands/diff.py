"""`scanner diff [A] [B]`: what changed between two stored sweeps."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import options as opt

if TYPE_CHECKING:
    from scanner.core.diff import Difference

BEFORE_HELP = "The earlier sweep: its id, the beginning of it, last~1. Without: the one best compared with B."
AFTER_HELP = "The later sweep; the newest without."


def diff_command(
    before: Annotated[str, typer.Argument(metavar="[A]", help=BEFORE_HELP)] = "",
    after: Annotated[str, typer.Argument(metavar="[B]", help=AFTER_HELP)] = "last",
    history: opt.HistoryFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV.")] = False,
) -> None:
    """Say what opened, closed, speaks differently, and which findings came and went, where both sweeps can tell."""
    from scanner.app.sweep_history import open_store
    from scanner.core.errors import InvalidInput
    from scanner.history.compare import compare

    store = open_store(history)
    with store.database:
        new = store.sweep(after)
        old = store.sweep(before) if before else store.before(new)
        if old is None:
            raise InvalidInput(f"nothing to compare sweep {new.id} with", cure="name two sweeps")
        show_changes(compare(store, old, new), as_json=as_json, csv=csv, title=f"from {old.id} to {new.id}")


def show_changes(found: "Iterator[Difference]", *, as_json: bool, csv: bool, title: str) -> None:
    """Write differences to standard output as they are found, and their number to standard error."""
    from scanner.core.errors import InvalidInput
    from scanner.outputs.changes import change_csv, change_json, change_lines

    if as_json and csv:
        raise InvalidInput("two formats are named", where="--csv/--json", cure="choose one")
    counts: Counter[str] = Counter()
    write = change_json if as_json else change_csv if csv else change_lines
    sys.stdout.writelines(f"{line}\n" for line in write(_counted(found, counts)))
    said = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())) or "nothing changed"
    typer.echo(f"{title}: {said}", err=True)


def _counted(found: "Iterator[Difference]", counts: "Counter[str]") -> "Iterator[Difference]":
    for each in found:
        counts[each.change] += 1
        yield each
