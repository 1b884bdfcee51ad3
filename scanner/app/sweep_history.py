"""A sweep's access to the history. It fails softly: a sweep is worth having without one.

Where the history cannot be used, a line says so at once, and the findings are still written. The sweep counts as
degraded if the history broke on the way, or if the user asked for it by name; if it was only there by default,
the summary notes that it was not kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from scanner.app.options import FilePath
from scanner.app.sweep import Asked, Earlier, WaveResult
from scanner.core.errors import HistoryUnusable, OutputFailed, Warn
from scanner.core.model import Coverage, Judged
from scanner.core.plan.plan import Plan
from scanner.core.report import Summary, SweepInfo
from scanner.files.folders import state_folder
from scanner.files.lock import lock_for, lock_held
from scanner.history.database import Database
from scanner.history.previous import open_before
from scanner.history.recorder import SweepRecorder, begin_sweep
from scanner.history.store import Store
from scanner.history.stored import StoredSweep

Result = TypeVar("Result")

RUNS_LOOKED_AT = 100
"""Earlier runs of an audit that are looked at for any answer."""


class SweepHistory:
    """Remembers one sweep: a new one, or one that is resumed."""

    def __init__(
        self,
        path: FilePath | None,
        *,
        audit: str = "",
        warn: Warn,
        resumed: StoredSweep | None = None,
    ) -> None:
        """`path`: the history that the user named, or None for the usual one; `audit` names what is swept
        again and again; `warn` is told at once when the history cannot be used."""
        self._given, self._audit, self._warn, self._resumed = path, audit, warn, resumed
        self._named = path is not None or bool(audit)  # an audit lives by its history, wherever it is
        self._store: Store | None = None
        self._recorder: SweepRecorder | None = None
        self._lost, self._degrades = "", False
        self._closing = ExitStack()

    def asked(self, plan: Plan, required: Asked | None) -> Asked | None:
        """What is looked at by name: what a policy requires, and what was open in the sweep before."""
        before = self._try(lambda: self._open_before(plan), None, degrades=self._named)
        wanted = [places for places in (required, before) if places]
        return (lambda wave: _union([places(wave) for places in wanted])) if wanted else None

    def begin(self, info: SweepInfo, plan: Plan, settings: Mapping[str, object]) -> None:
        """Record that the sweep begins, and hold it so that nobody resumes it meanwhile.

        Raises:
            AlreadyRunning: somebody is at this very sweep.
        """
        self._recorder = self._try(lambda: self._begin(info, plan, settings), None, degrades=self._named)

    def first_seen(self, finding_ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each finding was first recorded; unknown ids are left out."""
        recorder = self._recorder
        return self._try(lambda: recorder.first_seen(finding_ids), {}, degrades=True) if recorder else {}

    def wave(self, result: WaveResult) -> None:
        """Record a wave."""
        if recorder := self._recorder:
            self._try(lambda: recorder.wave(result), None, degrades=True)

    def account(self, summary: Summary) -> Summary:
        """Return the summary with what only the history knows: that it was lost, or that a known network is silent."""
        if self._lost:
            line = f"the history was not kept: {self._lost}"
            if self._degrades:
                return replace(summary, degraded=(*summary.degraded, line))
            return replace(summary, notes=(*summary.notes, line))
        if not summary.coverage.answered and self._try(self._answered_before, False, degrades=True):
            return replace(summary, degraded=(*summary.degraded, "no host answered, though some did in earlier runs"))
        return summary

    def _answered_before(self) -> bool:
        """Return whether an earlier run of the same audit got any answer."""
        if not self._audit or self._store is None:
            return False
        earlier = islice(self._store.sweeps(audit=self._audit), RUNS_LOOKED_AT)
        return any(each.summary is not None and each.summary.coverage.answered for each in earlier)

    def end(self, summary: Summary) -> Summary:
        """Record that the sweep has ended, once its outputs are written: until then it can be resumed. What
        comes back says so where that failed."""
        if (recorder := self._recorder) is None:
            return summary
        self._try(lambda: recorder.end(summary), None, degrades=True)
        return self.account(summary)

    def close(self) -> None:
        """Let go of the sweep and of the file. May be called at any time."""
        self._closing.close()
        self._recorder = None

    def __enter__(self) -> "SweepHistory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def lost(self) -> str:
        """Why the history could not be used, or empty."""
        return self._lost

    @property
    def store(self) -> Store | None:
        """The history, as long as it can be used."""
        return self._store

    @property
    def _path(self) -> Path:
        return Path(self._given) if self._given else default_history()

    def _open(self) -> Store:
        if self._store is None:
            database = Database(self._path, create=True)
            self._closing.callback(database.close)
            self._store = Store(database)
        return self._store

    def _open_before(self, plan: Plan) -> Asked | None:
        store = self._open()
        before = store.comparable(plan, self._audit, before=self._resumed)
        return open_before(store, before, plan) if before else None

    def _begin(self, info: SweepInfo, plan: Plan, settings: Mapping[str, object]) -> SweepRecorder:
        store = self._open()
        self._hold(info.sweep_id)
        if self._resumed is not None:
            return store.recorder(self._resumed)
        return begin_sweep(store.database, info, plan, audit=self._audit, settings=settings)

    def _hold(self, sweep_id: str) -> None:
        lock = self._path.with_name(f"{self._path.name}.{sweep_id}.lock")
        try:
            self._closing.enter_context(lock_held(lock, f"sweep {sweep_id}"))
        except OutputFailed as error:
            raise HistoryUnusable(str(error)) from error
        self._closing.callback(lock.unlink, missing_ok=True)

    def _try(self, what: Callable[[], Result], otherwise: Result, *, degrades: bool) -> Result:
        if self._lost:
            return otherwise
        try:
            return what()
        except HistoryUnusable as error:
            self._lost, self._degrades = str(error), degrades
            self._store = self._recorder = None
            self._warn(f"{error} (going on without a history)")
            return otherwise


def default_history() -> Path:
    """Return where the history is unless the user says otherwise. Raises HistoryUnusable for a user without a home."""
    return state_folder(HistoryUnusable) / "history.db"


def audit_lock(audit: Path) -> Path:
    """Return where an audit file is locked: in our own folder, where no other user can hold the lock."""
    return lock_for(audit, default_history().parent / "locks")


def open_store(path: FilePath | None) -> Store:
    """The history at a path, or at its usual place, for reading. Raises HistoryUnusable."""
    return Store(Database(Path(path) if path else default_history()))


def earlier_of(store: Store, sweep: StoredSweep) -> Earlier:
    """What the waves of a sweep that were settled whole tell whoever goes on with it. Raises HistoryUnusable."""
    waves = [wave for wave in store.waves(sweep) if wave.complete]
    reasons = Counter[str]()
    for wave in waves:
        reasons.update(wave.reasons)
    return Earlier(
        waves=frozenset(wave.number for wave in waves),
        coverage=sum((wave.coverage for wave in waves), Coverage()),
        reasons=reasons,
        degraded=tuple(dict.fromkeys(line for wave in waves for line in wave.degraded)),
    )


def found_earlier(store: Store, sweep: StoredSweep) -> Iterator[Judged]:
    """What the settled waves of a sweep found. Raises HistoryUnusable."""
    return store.judged(sweep, settled=True)


def _union(places: Sequence[npt.NDArray[np.intp]]) -> npt.NDArray[np.intp]:
    return np.unique(np.concatenate(places))
