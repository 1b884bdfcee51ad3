"""`scanner diff [A] [B]`: what changed between two stored sweeps."""

from typing import Annotated

import typer

from scanner.cli.completion import complete_sweep
from scanner.cli.flags import AsCsv, AsJson, HistoryFile

BEFORE_HELP = "Earlier sweep: ID, beginning of an ID, or last~1 (default: the best one to compare B with)."
AFTER_HELP = "Later sweep: ID, beginning of an ID, last, or last~1."


def diff_command(
    before: Annotated[str, typer.Argument(metavar="[A]", help=BEFORE_HELP, autocompletion=complete_sweep)] = "",
    after: Annotated[str, typer.Argument(metavar="[B]", help=AFTER_HELP, autocompletion=complete_sweep)] = "last",
    history: HistoryFile = None,
    as_json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Show what changed between two sweeps, only where both could tell.

    Lists endpoints that opened or closed, services that changed, and findings that came or went. A port that no
    longer answers is unsure, never closed.
    """
    from scanner.app.sweep_history import open_store
    from scanner.cli.streams import warn
    from scanner.cli.views.changes_view import one_format, print_changes
    from scanner.core.errors import InvalidInput
    from scanner.history.compare import compare_sweeps

    one_format(as_json=as_json, csv=csv)
    with open_store(history) as store:
        new = store.sweep(after)
        old = store.sweep(before) if before else store.before(new)
        if old is None:
            raise InvalidInput(f"no earlier sweep can be compared with {new.id}", cure="name two sweeps: diff A B")
        found = compare_sweeps(store, old, new)
        if found.clock_doubt:
            warn(found.clock_doubt)
        title = f"from {old.id} to {new.id}"
        print_changes(found.changes, as_json=as_json, csv=csv, title=title, compared=str(found.overlap))
