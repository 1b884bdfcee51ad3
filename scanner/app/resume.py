"""The parts of a sweep that goes on: what the history kept takes the place of what would be drawn or resolved anew.

Everything that judges or permits must be what it was when the sweep began, or one report would mix two judgements.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from scanner.app.assembly import Assembly, warn_on_stderr
from scanner.app.job import Job
from scanner.app.prepare import Prepared
from scanner.app.saved_options import Kept, kept_settings
from scanner.app.sweep import Earlier
from scanner.app.sweep_history import SweepHistory, earlier_of, found_earlier
from scanner.core.errors import InvalidInput
from scanner.core.model import Judged
from scanner.core.report import SweepInfo
from scanner.core.targets.scope import check_scope
from scanner.engines.choose import EngineName
from scanner.history.store import Store
from scanner.history.stored import StoredSweep
from scanner.outputs.interface import Output


class Resumed(Assembly):
    """A sweep that was interrupted, with everything as it was."""

    def __init__(self, store: Store, stored: StoredSweep, *, quiet: bool = False) -> None:
        """Raises InvalidInput where its settings cannot be read any more."""
        self._store, self._stored, self._kept = store, stored, _kept(stored)
        options = replace(
            self._kept.options,
            engine=EngineName(stored.info.engine),
            history=store.database.path,
            quiet=quiet or self._kept.options.quiet,
        )
        super().__init__(options, now=datetime.now(UTC), warn=warn_on_stderr)

    @cached_property
    def seed(self) -> int:
        """The order that the sweep began with."""
        return self._stored.plan.seed

    @cached_property
    def prepared(self) -> Prepared:
        """The plan that the sweep began with, held against the scope once more."""
        plan = self._stored.plan
        check_scope(plan.targets.ranges, self.scope, self.now)
        return Prepared(plan, self._kept.excluded, self._kept.hostnames, self._stored.info.hostnames)

    @cached_property
    def info(self) -> SweepInfo:
        """What was said before the sweep began; still true.

        Raises:
            InvalidInput: something that judges or permits is not what it was.
        """
        info = self._stored.info
        _unchanged("registry", info.registry.sha256, self.registry.identity.sha256)
        _unchanged("policy", info.policy, self.policy.identity if self.policy else "")
        _unchanged("scope", info.scope, self.scope.identity if self.scope else "")
        return info

    @cached_property
    def memory(self) -> SweepHistory:
        """The history that the sweep is in."""
        return SweepHistory(
            self._store.database.path, audit=self._stored.audit, warn=warn_on_stderr, resumed=self._stored
        )

    @cached_property
    def earlier(self) -> Earlier:
        """The waves that need no probing."""
        return earlier_of(self._store, self._stored)

    def job(self, *more: Output) -> Job:
        """What is left, with what was found before."""
        _ = self.info  # refuse before anything is opened
        return replace(super().job(*more), found_earlier=self._found())

    def _found(self) -> Iterator[Judged]:
        return (judged for judged in found_earlier(self._store, self._stored) if judged.findings)


def _kept(stored: StoredSweep) -> Kept:
    begun = f"sweep {stored.id} was begun by version {stored.info.version}"
    if not stored.same_order:
        raise InvalidInput(f"{begun}, which probed in another order", cure="start a new sweep")
    try:
        return kept_settings(stored.settings)
    except (ValueError, KeyError) as error:
        raise InvalidInput(f"{begun}, whose settings this one cannot use", cure="start a new sweep") from error


def _unchanged(what: str, then: str, now: str) -> None:
    if then != now:
        raise InvalidInput(f"the {what} is not what it was when the sweep began", cure="start a new sweep")
