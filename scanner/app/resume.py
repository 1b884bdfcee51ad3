"""A sweep that was interrupted: what the history kept takes the place of what would be drawn or resolved anew.

Everything that judges or permits must be what it was when the sweep began, or one report would mix two judgements.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from scanner.app.judging import read_judging
from scanner.app.kept_plan import check_kept_plan
from scanner.app.options import ScanOptions
from scanner.app.planning import PlannedSweep, planned, read_scope_of
from scanner.app.prepare import Prepared
from scanner.app.saved_options import KeptSettings, kept_settings
from scanner.app.sweep import Earlier
from scanner.app.sweep_history import SweepHistory, earlier_of, found_earlier
from scanner.core.errors import InvalidInput, Warn
from scanner.core.model import Judged
from scanner.core.report import SweepInfo
from scanner.core.targets.scope import check_scope
from scanner.engines.choose import EngineName
from scanner.history.store import Store
from scanner.history.stored import StoredSweep


@dataclass(frozen=True, slots=True)
class InterruptedSweep:
    """A stored sweep that is not finished."""

    store: Store
    """The history that holds it."""
    stored: StoredSweep
    """The sweep."""
    kept: KeptSettings
    """What it was started with."""

    @property
    def options(self) -> ScanOptions:
        """What the user asked for; the engine is the one that the sweep began with."""
        return replace(self.kept.options, engine=EngineName(self.stored.info.engine), history=self.store.database.path)

    def planned(self, options: ScanOptions, *, warn: Warn) -> PlannedSweep:
        """Return the plan that the sweep began with, checked against the scope once more.

        Raises:
            OutOfScope: the scope does not cover it any more.
            InvalidInput: it is not the plan that was stored: it holds what its own words leave out.
        """
        now, plan = datetime.now(UTC), self.stored.plan
        judging = read_judging(options.registry, options.policy, now=now, warn=warn, rules=options.rules)
        scope = read_scope_of(options)
        check_kept_plan(plan, self.kept, judging)
        check_scope(plan.targets.ranges, scope, now)
        prepared = Prepared(plan, self.kept.excluded, self.kept.hostnames, self.stored.info.hostnames)
        return planned(options, now, judging, scope, prepared)

    def info(self, planned: PlannedSweep) -> SweepInfo:
        """Return what was said before the sweep began, if it is still true.

        Raises:
            InvalidInput: something that judges or permits is not what it was.
        """
        info, judging = self.stored.info, planned.judging
        _unchanged("registry", info.registry.sha256, judging.registry.identity.sha256)
        _unchanged("policy", info.policy, judging.policy.identity if judging.policy else "")
        _unchanged("scope", info.scope, planned.scope.identity if planned.scope else "")
        return info

    def history(self, warn: Warn) -> SweepHistory:
        """Return the history that the sweep is in."""
        return SweepHistory(self.store.database.path, audit=self.stored.audit, warn=warn, resumed=self.stored)

    @property
    def earlier(self) -> Earlier:
        """The waves that need no probing. Raises HistoryUnusable."""
        return earlier_of(self.store, self.stored)

    def found(self) -> Iterator[Judged]:
        """Yield what the settled waves found. Raises HistoryUnusable."""
        return (judged for judged in found_earlier(self.store, self.stored) if judged.findings)


def interrupted_sweep(store: Store, stored: StoredSweep) -> InterruptedSweep:
    """Return a stored sweep as one that can go on. Raises InvalidInput where its settings cannot be read any more."""
    begun = f"sweep {stored.id} was begun by version {stored.info.version}"
    if not stored.same_order:
        raise InvalidInput(f"{begun}, which probed in another order", cure="start a new sweep")
    try:
        return InterruptedSweep(store, stored, kept_settings(stored.settings))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{begun}, whose settings this one cannot use", cure="start a new sweep") from error


def _unchanged(what: str, then: str, now: str) -> None:
    if then != now:
        raise InvalidInput(f"the {what} is not what it was when the sweep began", cure="start a new sweep")
