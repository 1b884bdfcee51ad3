"""The library's front: the same words as on the command line, the same sweep, the same values.

`scan` runs a sweep and returns its result, `stream` yields what is found while it runs; `scan_sync` and `stream_sync`
do the same without an event loop. All four take the options of `scanner.ScanOptions`, targets and ports first::

    result = await scanner.scan("10.0.0.0/24", "22,80,8000-8100", rate=500, policy="policy.toml")
    for finding in result.require_coverage().findings:
        print(finding.observation.endpoint, finding.rule, finding.detail)

Two defaults differ from the command line, because a library should leave no traces: a sweep is kept in a history only
if `history` names one, and warnings become notes of the result.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import ParamSpec, TypeVar

from scanner.app.assembly import make_job
from scanner.app.job import Job, JobOutcome, perform
from scanner.app.options import ScanOptions
from scanner.app.planning import PlannedSweep, plan_sweep
from scanner.app.result import ScanResult, result_of
from scanner.core.errors import NotCovered
from scanner.core.model import Judged

P = ParamSpec("P")
R = TypeVar("R")


class ScanStream:
    """A running sweep. Iterate over it once for what is found; its `result` is there when the iteration has ended.

    Leaving the loop early stops the sweep; `async with` makes sure that it has stopped when the block ends.
    """

    def __init__(self, options: ScanOptions) -> None:
        self._options = _library_options(options)
        self._result: ScanResult | None = None
        self._job: Job | None = None
        self._found = self._run()

    @property
    def result(self) -> ScanResult:
        """What the sweep came to. Raises NotCovered while it runs, or where the iteration was left early."""
        if self._result is None:
            raise NotCovered("the sweep has not ended: iterate over it to the end first")
        return self._result

    def stop(self) -> None:
        """Send no more probes and settle what is under way; the iteration then ends by itself."""
        if self._job is not None:
            self._job.sweep.stop()

    def __aiter__(self) -> AsyncIterator[Judged]:
        return self._found

    async def __aenter__(self) -> "ScanStream":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the sweep and release everything."""
        await self._found.aclose()

    async def _run(self) -> AsyncGenerator[Judged, None]:
        notes: list[str] = []
        planned = await asyncio.to_thread(plan_sweep, self._options, warn=notes.append)
        self._job = job = make_job(planned, warn=notes.append)
        judged: list[Judged] = []
        outcomes: list[JobOutcome] = []
        async with aclosing(perform(job, outcomes.append)) as found:
            async for each in found:
                judged.append(each)
                yield each
        (outcome,) = outcomes
        said = dict.fromkeys((*notes, *outcome.summary.notes))
        self._result = result_of(judged, replace(outcome, summary=replace(outcome.summary, notes=tuple(said))))


def _with_options(
    run: Callable[[ScanOptions], R],
) -> Callable[[Callable[P, ScanOptions]], Callable[P, R]]:
    """Give a function of `ScanOptions` the parameters of `ScanOptions` itself, types and all."""

    def take(make: Callable[P, ScanOptions]) -> Callable[P, R]:
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return run(make(*args, **kwargs))

        call.__name__ = call.__qualname__ = run.__name__.removeprefix("_")
        call.__doc__ = run.__doc__
        return call

    return take


def _library_options(options: ScanOptions) -> ScanOptions:
    return options if options.history else replace(options, no_history=True)


async def _scan(options: ScanOptions) -> ScanResult:
    """Run a sweep and return its result.

    Raises:
        InvalidInput: words that mean nothing; before any probe.
        OutOfScope: addresses that are neither loopback nor private and that `scope` does not cover; likewise.
        NotPermitted: the engine needs a right that this process has not.
    """
    running = _stream(options)
    async with running:
        async for _ in running:
            pass
    return running.result


def _stream(options: ScanOptions) -> ScanStream:
    """Start a sweep that yields each judged observation as it is found; raises as `scan` does when iterated."""
    return ScanStream(options)


def _scan_sync(options: ScanOptions) -> ScanResult:
    """Run a sweep and return its result, without an event loop; raises as `scan` does."""
    return asyncio.run(_scan(options))


def _stream_sync(options: ScanOptions) -> Iterator[Judged]:
    """Yield each judged observation as it is found, without an event loop; raises as `scan` does."""
    with asyncio.Runner() as runner:
        running = _stream(options)
        try:
            while (judged := runner.run(_next(running))) is not None:
                yield judged
        finally:
            runner.run(running.aclose())


def _plan(options: ScanOptions) -> PlannedSweep:
    """Return what a sweep would probe, by whose permission and how fast; nothing is sent. Raises as `scan` does."""
    return plan_sweep(_library_options(options), warn=lambda _: None)


async def _next(running: ScanStream) -> Judged | None:
    return await anext(aiter(running), None)


scan = _with_options(_scan)(ScanOptions)
stream = _with_options(_stream)(ScanOptions)
scan_sync = _with_options(_scan_sync)(ScanOptions)
stream_sync = _with_options(_stream_sync)(ScanOptions)
plan = _with_options(_plan)(ScanOptions)
