"""`scanner init [FOLDER]`: the files of a nightly audit, made from one stored scan."""

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.flags import HistoryFile


def init_command(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the files go.")] = Path(),
    sweep: Annotated[
        str, typer.Option("--from", metavar="SWEEP", help="The stored sweep to start from: ID, last, last~1.")
    ] = "last",
    history: HistoryFile = None,
) -> None:
    """Make audit, policy, scope, crontab line and systemd unit from a stored scan. Nothing is overwritten."""
    import shutil
    import sys
    from datetime import datetime

    from scanner.app.first_audit import first_audit, write_first_audit
    from scanner.app.sweep_history import open_store
    from scanner.cli.streams import warn
    from scanner.config.local_zone import local_zone
    from scanner.core.sanitise import sanitise

    place = folder.absolute()
    program = shutil.which("scanner") or sys.argv[0]
    with open_store(history) as store:
        stored = store.sweep(sweep)
        files = first_audit(
            store, stored, place, program=str(Path(program).absolute()), now=datetime.now(local_zone())
        )  # fmt: skip
        write_first_audit(place, files)
    for name in files:
        typer.echo(sanitise(str(folder / name)))
    warn(f"made from sweep {stored.id}; put in what is marked REVIEW, then `scanner policy check policy.toml`")
