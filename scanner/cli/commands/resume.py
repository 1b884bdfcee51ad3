"""`scanner resume`: go on with a sweep that was killed or stopped, from its last settled wave."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.completion import complete_unfinished
from scanner.cli.flags import HistoryFile, Quiet

if TYPE_CHECKING:
    from scanner.app.resume import InterruptedSweep
    from scanner.config.audit import Audit
    from scanner.history.store import Store
    from scanner.history.stored import StoredSweep


def resume_command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[SWEEP | AUDIT.toml]",
            help="Sweep ID, or an audit file for its newest unfinished sweep (default: newest unfinished sweep).",
            show_default=False,
            autocompletion=complete_unfinished,
        ),
    ] = "",
    history: HistoryFile = None,
    quiet: Quiet = False,
) -> int:
    """Go on with an interrupted sweep: same seed, plan, scope and policy. What was settled is not probed again."""
    from scanner.app.resume import interrupted_sweep
    from scanner.app.sweep_history import default_history, open_store

    audit = _audit_named(what)
    path = _history_of(audit, history) if audit else Path(history or default_history()).absolute()
    if path is None or (audit and not path.exists()):
        return _nothing(f"no sweep of {audit.name if audit else what} is in a history yet")
    with open_store(path) as store:
        stored = store.sweep(what) if what and not audit else _newest_unfinished(store, audit)
        if stored is None or not store.unfinished(stored):
            of = f" of {audit.name}" if audit else ""
            return _nothing(f"sweep {stored.id} is complete" if stored else f"every sweep{of} in {path} is complete")
        return _go_on(interrupted_sweep(store, stored), quiet=quiet)


def _audit_named(what: str) -> "Audit | None":
    """Return the audit that a word names. A sweep ID never ends so, and never has a slash in it."""
    if not what.endswith(".toml") and "/" not in what:
        return None
    from scanner.app.audit_options import read_audit_file

    return read_audit_file(Path(what))


def _history_of(audit: "Audit", asked: str | None) -> Path | None:
    """Return the history that the sweeps of an audit are in; None where it keeps none.

    Raises:
        InvalidInput: another history is named.
    """
    from scanner.app.sweep_history import default_history

    if asked is not None:
        from scanner.core.errors import InvalidInput

        raise InvalidInput("the audit file names its history", where="--history", cure="leave one of them out")
    named = audit.keys.history
    if named is False:
        return None
    return audit.beside(named) if named else default_history().absolute()


def _newest_unfinished(store: "Store", audit: "Audit | None") -> "StoredSweep | None":
    sweeps = store.sweeps(audit=audit.name if audit else None)
    return next((sweep for sweep in sweeps if store.unfinished(sweep)), None)


def _nothing(why: str) -> int:
    from scanner.cli.streams import warn
    from scanner.core.sanitise import sanitise

    warn(f"nothing to resume: {sanitise(why)}")
    return 0


def _go_on(interrupted: "InterruptedSweep", *, quiet: bool) -> int:
    from scanner.app.assembly import make_job
    from scanner.cli.run import run_job
    from scanner.cli.screen import screen_outputs
    from scanner.cli.streams import warn

    options = interrupted.options
    if options.audit_file is not None:
        return _go_on_with_audit(interrupted, options.audit_file)
    options = replace(options, quiet=quiet or options.quiet)
    planned = interrupted.planned(options, warn=warn)
    job = make_job(planned, warn=warn, screen=screen_outputs(options), interrupted=interrupted)
    return run_job(job, quiet=options.quiet).status


def _go_on_with_audit(interrupted: "InterruptedSweep", file: Path) -> int:
    from scanner.app.audit_options import read_audit_file
    from scanner.app.audit_run import run_audit
    from scanner.app.sweep_history import audit_lock
    from scanner.cli.run import run_job
    from scanner.cli.streams import warn
    from scanner.files.lock import lock_held

    audit = read_audit_file(file)
    with lock_held(audit_lock(audit.path), f"a sweep of {audit.name}"):
        planned = interrupted.planned(interrupted.options, warn=warn)
        status, report = run_audit(
            audit, planned, lambda job: run_job(job, quiet=True), warn=warn, interrupted=interrupted
        )
    sys.stdout.write(report)
    return status
