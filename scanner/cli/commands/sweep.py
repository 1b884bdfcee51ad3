"""`scanner sweep AUDIT.toml`: one run of an audit, for cron."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.flags import DryRun


def sweep_command(
    audit_file: Annotated[Path, typer.Argument(metavar="AUDIT.toml", help="What to sweep, and how.")],
    dry_run: DryRun = False,
    fail_on_new: Annotated[
        bool, typer.Option("--fail-on-new", help="Exit with status 1 only for findings that are new in this run.")
    ] = False,
) -> int:
    """Sweep as an audit file says. Print nothing unless something changed that someone should look at."""
    from scanner.app.audit_options import read_audit_file
    from scanner.app.audit_run import plan_audit, run_audit
    from scanner.app.sweep_history import audit_lock
    from scanner.cli.run import run_job
    from scanner.cli.streams import warn
    from scanner.cli.views.dry_run import show_plan
    from scanner.files.lock import lock_held

    audit = read_audit_file(audit_file)
    if dry_run:
        show_plan(plan_audit(audit, warn=warn), as_json=False, files=audit.files, makes_folders=True)
        return 0
    notes: list[str] = []
    with lock_held(audit_lock(audit.path), f"a sweep of {audit.name}"):
        planned = plan_audit(audit, warn=notes.append, fail_on_new=fail_on_new)
        status, report = run_audit(audit, planned, lambda job: run_job(job, quiet=True), warn=warn, notes=notes)
    sys.stdout.write(report)
    return status
