"""`scanner reclassify ID`: a stored sweep, judged by today's registry and policy. No packet is sent."""

import sys
from typing import Annotated

import typer

from scanner.cli.completion import complete_sweep
from scanner.cli.flags import AsCsv, AsJson, HistoryFile, RegistryFile

SWEEP_HELP = "Sweep ID, beginning of an ID, last, or last~1."


def reclassify_command(
    sweep: Annotated[str, typer.Argument(metavar="ID", help=SWEEP_HELP, autocompletion=complete_sweep)],
    history: HistoryFile = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Policy file (default: the one that the sweep used, as it is now)."),
    ] = None,
    registry: RegistryFile = None,
    as_json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Judge a stored sweep by today's registry and policy, and show which findings that changes.

    If a later sweep covers the same endpoints, what changed on the network since then is listed separately.
    """
    from scanner.app.reclassify import reclassify
    from scanner.app.sweep_history import open_store
    from scanner.cli.streams import warn
    from scanner.cli.views.changes_view import one_format, print_changes
    from scanner.core.diff import Because
    from scanner.history.compare import compare

    one_format(as_json=as_json, csv=csv)
    with open_store(history) as store:
        stored = store.sweep(sweep)
        today = reclassify(store, stored, registry=registry, policy=policy, warn=warn)
        title = f"{stored.id}, judged by the registry of {today.registry.date}"
        print_changes(today.changes, as_json=as_json, csv=csv, title=title)
        later = store.after(stored)
        if later is None or as_json or csv:
            return
        sys.stdout.write(f"\nOn the network since, according to sweep {later.id}:\n")
        network = (each for each in compare(store, stored, later) if each.because is Because.NETWORK)
        print_changes(network, as_json=False, csv=False, title=f"from {stored.id} to {later.id}, on the network")
