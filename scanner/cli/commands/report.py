"""`scanner report [SWEEP ...] -o report.html`: a page about a stored sweep and those before it."""

from typing import Annotated

import typer

from scanner.cli.flags import HistoryFile, RegistryFile

SWEEPS_HELP = "Sweep ID, beginning of an ID, last, or last~1 (default: last). Several: exactly these on the timeline."


def report_command(
    sweeps: Annotated[list[str] | None, typer.Argument(metavar="[SWEEP]...", help=SWEEPS_HELP)] = None,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Write the page here.")] = "report.html",
    most: Annotated[int, typer.Option("--most", min=1, max=400, metavar="N", help="Sweeps on the timeline.")] = 14,
    history: HistoryFile = None,
    registry: RegistryFile = None,
) -> None:
    """Write a page to read, search and print: what to do, port map, findings, hosts, changes, sweep by sweep.

    One file that loads nothing, in light and dark, for a browser with or without script. It is about the last of the
    sweeps.
    """
    from datetime import UTC, datetime

    from scanner.app.judging import read_registry
    from scanner.app.reporting import sweeps_of_report, write_report
    from scanner.app.sweep_history import open_store
    from scanner.cli.streams import warn
    from scanner.core.model import Transport

    table = read_registry(registry, now=datetime.now(UTC), warn=warn)
    with open_store(history) as store:
        chosen = sweeps_of_report(store, sweeps or (), most)
        write_report(store, chosen, output, statuses=table.status_codes(Transport.TCP))
    if output != "-":
        warn(f"{output}: sweep {chosen[-1].id}, {len(chosen)} on the timeline")
