"""One sweep from its first output to its exit status, for every front.

`perform` is an async generator: it begins outputs and history, hands out what is found as it is found, and settles the
account at the end. Whatever goes wrong on the way, nothing half-written stays. Signals, progress bars and event loops
belong to the fronts.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from scanner.app.exit_status import ExitStatus, FailOn, exit_status
from scanner.app.permission import Clock, Permission, SystemClock, stopped_at_end
from scanner.app.sweep import Sweep
from scanner.core.model import REPORTABLE, Judged, Severity
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.fan_out import FanOut

if TYPE_CHECKING:
    from scanner.app.sweep_history import SweepHistory


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one run needs."""

    info: SweepInfo
    """What is said about it before it starts."""
    sweep: Sweep
    """What is to be done."""
    output: FanOut
    """Where the results go."""
    fail_on: FailOn
    """From which severity on the exit status is 1."""
    only_new: bool = False
    """Whether only findings that are first seen in this sweep count for that."""
    history: "SweepHistory | None" = None
    """What keeps it, if something does."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What it is started with, for `scanner resume`."""
    found_earlier: Iterable[Judged] = ()
    """What an interrupted run of the same sweep found: it comes out again."""
    permission: Permission | None = None
    """What ends the sweep before its time; None where the scope sets no end."""
    clock: Clock = field(default_factory=SystemClock)
    """What says when that is."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended."""

    status: ExitStatus
    """The promised exit status."""
    summary: Summary
    """What was covered and found."""


Around: TypeAlias = AbstractAsyncContextManager[object]
"""Surrounds the probing: begins after the outputs have, ends before they do. A progress bar is one."""


async def run_to_end(job: Job, *, around: Around | None = None) -> JobOutcome:
    """Run a job to its end.

    Raises:
        ScannerError: the run failed; nothing half-written is left.
    """
    outcomes: list[JobOutcome] = []
    async with aclosing(perform(job, outcomes.append, around=around)) as found:
        async for _ in found:
            pass
    return outcomes[0]


async def perform(
    job: Job, ended: Callable[[JobOutcome], None], *, around: Around | None = None
) -> AsyncGenerator[Judged, None]:
    """Yield everything judged as it is found; call `ended` once, last.

    Raises:
        ScannerError: the run failed; nothing half-written is left.
    """
    with job.history or nullcontext():
        try:
            _begin(job)
            new = Counter[Severity]()
            async with around or nullcontext(), aclosing(_found(job)) as found:
                async for judged in found:
                    new.update(_new_ones(judged, job.info.started))
                    yield judged
            ended(_end(job, new))
        except BaseException:
            job.output.abandon()
            raise


def _begin(job: Job) -> None:
    job.output.begin(job.info)
    if job.history:
        job.history.begin(job.info, job.sweep.plan, job.settings)


async def _found(job: Job) -> AsyncGenerator[Judged, None]:
    for judged in job.found_earlier:
        job.sweep.recall(judged)
        job.output.result(judged)
        yield judged
    until_end = stopped_at_end(job.permission, job.sweep.stop, job.clock)
    async with until_end, aclosing(job.sweep.results()) as results:
        async for result in results:
            for judged in result.judged:
                if judged.findings:
                    job.output.result(judged)
                    yield judged
            if job.output.reader_gone:
                job.sweep.stop()


def _new_ones(judged: Judged, began: datetime) -> Iterator[Severity]:
    """Yield the severity of each finding that nobody saw before a sweep that began at a moment.

    The history keeps milliseconds, so the moment is rounded down as it does.
    """
    least = began.replace(microsecond=began.microsecond // 1000 * 1000)
    for finding in judged.findings:
        if finding.verdict in REPORTABLE and (finding.first_seen is None or finding.first_seen >= least):
            yield finding.severity


def _end(job: Job, new: Mapping[Severity, int]) -> JobOutcome:
    summary = job.sweep.summary(job.info, job.clock.now())
    if job.history:
        summary = job.history.account(summary)
    job.output.end(summary)
    summary = replace(summary, notes=(*summary.notes, *job.output.notes))
    if job.history:
        summary = job.history.end(summary)
    return JobOutcome(exit_status(summary, job.fail_on, new if job.only_new else None), summary)
