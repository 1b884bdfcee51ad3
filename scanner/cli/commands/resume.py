"""`scanner resume`: go on with a sweep that was killed or stopped, from its last settled wave."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import options as opt

if TYPE_CHECKING:
    from scanner.history.store import Store, StoredSweep


def resume_command(
    sweep: Annotated[str, typer.Argument(metavar="[SWEEP]", help="Its id; the newest unfinished one without.")] = "",
    history: opt.HistoryFile = None,
    quiet: opt.Quiet = False,
) -> int:
    """Go on with an interrupted sweep: same seed, plan, scope and policy. What was settled is not probed again."""
    from scanner.app.sweep_history import default_history, open_store

    path = (history or default_history()).absolute()
    with open_store(path).database as database:
        from scanner.history.store import Store

        store = Store(database)
        stored = store.sweep(sweep) if sweep else _newest_unfinished(store)
        if stored is None or not store.unfinished(stored):
            what = f"sweep {stored.id} is complete" if stored else "every sweep is complete"
            typer.echo(f"scanner: nothing to resume: {what}", err=True)
            return 0
        return _go_on(store, stored, quiet=quiet)


def _newest_unfinished(store: "Store") -> "StoredSweep | None":
    return next((sweep for sweep in store.sweeps() if store.unfinished(sweep)), None)


def _go_on(store: "Store", stored: "StoredSweep", *, quiet: bool) -> int:
    from scanner.app.job import run_job
    from scanner.app.resume import Resumed

    resumed = Resumed(store, stored, quiet=quiet)
    if resumed.options.audit_file is None:
        status, _ = run_job(resumed.job())
        return status
    from scanner.app.audit_run import run_night
    from scanner.config.audit import read_audit
    from scanner.files.lock import lock_held
    from scanner.outputs.formats import audit_keys

    audit = read_audit(resumed.options.audit_file, audit_keys())
    with lock_held(audit.path, f"a sweep of {audit.name}"):
        return run_night(audit, resumed)
