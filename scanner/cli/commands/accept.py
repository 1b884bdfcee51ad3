"""`scanner accept FINDING`: write down in the policy that a finding is accepted, by whom and until when."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.flags import HistoryFile, RegistryFile


def accept_command(
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="Finding ID, as in the CSV, or its beginning.")],
    *,
    ticket: Annotated[str, typer.Option(metavar="TICKET", help="Where the decision is written down.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="The last day it holds.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="The person who accepts it.")],
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Policy file (default: the one that judged the finding).")
    ] = None,
    history: HistoryFile = None,
    registry: RegistryFile = None,
) -> None:
    """Accept a finding until a day: the policy gets an entry, and exit status and CSV count the finding no more.

    Everything else in the policy file stays as it is, comments too. The finding comes back when the day has passed.
    """
    from scanner.app.accepting import accept, finding_named, policy_of
    from scanner.app.sweep_history import open_store
    from scanner.cli.streams import warn
    from scanner.config.local_zone import local_zone
    from scanner.core.errors import InvalidInput
    from scanner.core.sanitise import sanitise

    for name, text in (("--ticket", ticket), ("--by", by)):
        if not sanitise(text).strip():
            raise InvalidInput("is empty", where=name, cure="write it down")
    with open_store(history) as store:
        sweep, found = finding_named(store, finding)
        file = policy or policy_of(sweep)
    if file is None:
        raise InvalidInput("the finding was judged without a policy", where="--policy", cure="name the policy file")
    entry = accept(
        found, Path(file), ticket=ticket, until=until.date(), by=by, now=datetime.now(local_zone()),
        registry=registry, warn=warn,
    )  # fmt: skip
    typer.echo(entry, nl=False)
    warn(f"{file}: {found.id} ({found.rule} at {found.observation.endpoint}) is accepted until {until:%Y-%m-%d}")
