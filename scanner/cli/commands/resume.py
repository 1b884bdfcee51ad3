"""`scanner resume`: go on with a sweep that was killed or stopped, from its last settled wave."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import options as opt

if TYPE_CHECKING:
    from scanner.config.audit import Audit
    from scanner.history.store import Store
    from scanner.history.stored import StoredSweep


def resume_command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[SWEEP | AUDIT.toml]",
            help="A sweep's id, or an audit file: its newest unfinished sweep. Default: the newest unfinished sweep.",
            show_default=False,
        ),
    ] = "",
    history: opt.HistoryFile = None,
    quiet: opt.Quiet = False,
) -> int:
    """Go on with an interrupted sweep: same seed, plan, scope and policy. What was settled is not probed again."""
    from scanner.app.sweep_history import default_history, open_store

    audit = _audit_named(what)
    path = _history_of(audit, history) if audit else (history or default_history()).absolute()
    if path is None or (audit and not path.exists()):
        return _nothing(f"no sweep of {audit.name if audit else what} is in a history yet")
    with open_store(path).database as database:
        from scanner.history.store import Store

        store = Store(database)
        stored = store.sweep(what) if what and not audit else _newest_unfinished(store, audit)
        if stored is None or not store.unfinished(stored):
            of = f" of {audit.name}" if audit else ""
            return _nothing(f"sweep {stored.id} is complete" if stored else f"every sweep{of} in {path} is complete")
        return _go_on(store, stored, quiet=quiet)


def _audit_named(what: str) -> "Audit | None":
    """The audit that a word names. An id never ends so, and never has a slash in it."""
    if not what.endswith(".toml") and "/" not in what:
        return None
    from scanner.config.audit import read_audit
    from scanner.outputs.formats import audit_keys

    return read_audit(Path(what), audit_keys())


def _history_of(audit: "Audit", asked: Path | None) -> Path | None:
    """The history that the sweeps of an audit are in; None where it keeps none.

    Raises InvalidInput where another one is asked for.
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
    from scanner.core.sanitise import sanitise

    typer.echo(f"scanner: nothing to resume: {sanitise(why)}", err=True)
    return 0


def _go_on(store: "Store", stored: "StoredSweep", *, quiet: bool) -> int:
    from scanner.app.job import run_job
    from scanner.app.resume import Resumed

    resumed = Resumed(store, stored, quiet=quiet)
    if resumed.options.audit_file is None:
        status, _ = run_job(resumed.job())
        return status
    from scanner.app.audit_run import run_night
    from scanner.app.sweep_history import audit_lock
    from scanner.config.audit import read_audit
    from scanner.files.lock import lock_held
    from scanner.outputs.formats import audit_keys

    audit = read_audit(resumed.options.audit_file, audit_keys())
    with lock_held(audit_lock(audit.path), f"a sweep of {audit.name}"):
        return run_night(audit, resumed)
