"""`scanner sweep AUDIT.toml`: one night of an audit, for cron."""

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import options as opt


def sweep_command(
    audit_file: Annotated[Path, typer.Argument(metavar="AUDIT.toml", help="What to sweep, and how.")],
    dry_run: opt.DryRun = False,
) -> int:
    """Sweep as an audit file says. Says nothing unless something changed that someone should look at."""
    from scanner.app.assembly import warn_on_stderr
    from scanner.app.audit_run import first_night, run_night
    from scanner.app.sweep_history import audit_lock
    from scanner.cli.views.dry_run import show_plan
    from scanner.config.audit import read_audit
    from scanner.files.lock import lock_held
    from scanner.outputs.formats import audit_keys

    audit = read_audit(audit_file, audit_keys())
    if dry_run:
        show_plan(first_night(audit, warn_on_stderr), as_json=False, files=audit.files)
        return 0
    notes: list[str] = []
    with lock_held(audit_lock(audit.path), f"a sweep of {audit.name}"):
        return run_night(audit, first_night(audit, notes.append), notes)
