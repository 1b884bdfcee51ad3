"""One sweep from start to exit status: signals, progress, outputs. Shared by every command that sweeps.

The first Ctrl-C (or SIGTERM, or SIGHUP when a remote session ends) stops the sending; what was settled is written,
and the summary says that it is not all. The second leaves at once: outputs are abandoned, so that nothing half-written
stays. Handlers are in place before the first output is opened, so there is no moment at which a signal leaves a
temporary file behind.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING

from scanner.app.exit_status import ExitStatus, FailOn, exit_status
from scanner.app.sweep import Sweep
from scanner.cli.progress import shown
from scanner.core.model import Judged
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.fan_out import FanOut

if TYPE_CHECKING:
    from scanner.app.sweep_history import SweepHistory

_HANGUP = getattr(signal, "SIGHUP", None)  # systems without terminals of that kind have none
_STATUS_OF_SIGNAL: Mapping[int, ExitStatus] = MappingProxyType(
    {signal.SIGINT: ExitStatus.INTERRUPTED, signal.SIGTERM: ExitStatus.TERMINATED}
    | ({_HANGUP: ExitStatus.HUNG_UP} if _HANGUP else {})
)


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
    quiet: bool = False
    """Whether progress is left out."""
    memory: "SweepHistory | None" = None
    """What remembers it, if something does."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What it is started with, for whoever resumes it."""
    found_earlier: Iterable[Judged] = ()
    """What an interrupted run of the same sweep found: it comes out again."""


@dataclass(slots=True)
class _Interruption:
    """Which signal came first, and the loop that is to hear of it."""

    received: int | None = None
    loop: asyncio.AbstractEventLoop | None = None


def run_job(job: Job) -> tuple[ExitStatus, Summary]:
    """Run it to its end.

    Raises:
        ScannerError: the run failed; nothing half-written is left.
    """
    with job.memory or nullcontext(), _interruptible(job) as interruption:
        try:
            job.output.begin(job.info)
            if job.memory:
                job.memory.begin(job.info, job.sweep.plan, job.settings)
            gc.freeze()  # what start-up made is here to stay, and no more garbage in a forked worker
            gc.enable()
            summary = asyncio.run(_sweep(job, interruption))
            if job.memory:
                summary = job.memory.account(summary)
            job.output.end(summary)
            if job.memory:
                summary = job.memory.end(summary)
        except BaseException:
            job.output.abandon()
            raise
    if interruption.received is not None and summary.interrupted:
        return _STATUS_OF_SIGNAL[interruption.received], summary
    return exit_status(summary, job.fail_on), summary


async def _sweep(job: Job, interruption: _Interruption) -> Summary:
    interruption.loop = asyncio.get_running_loop()
    for judged in job.found_earlier:
        job.sweep.recall(judged)
        job.output.result(judged)
    async with shown(lambda: job.sweep.engine.progress, job.sweep.left, quiet=job.quiet):
        async for result in job.sweep.results():
            for judged in result.judged:
                if judged.findings:
                    job.output.result(judged)
            if job.output.reader_gone:
                job.sweep.stop()
    interruption.loop = None
    return job.sweep.summary(job.info, datetime.now(UTC))


@contextmanager
def _interruptible(job: Job) -> Iterator[_Interruption]:
    """Signals stop the job gently once, and at once the second time."""
    interruption = _Interruption()

    def on_signal(received: int, _frame: FrameType | None) -> None:
        if interruption.received is not None:
            if received == _HANGUP:  # the kernel says it again when the shell above us dies of it
                return
            job.output.abandon()
            os._exit(_STATUS_OF_SIGNAL[received])
        interruption.received = received
        if interruption.loop is None:
            job.sweep.stop()
        else:
            interruption.loop.call_soon_threadsafe(job.sweep.stop)

    heard = [number for number in _STATUS_OF_SIGNAL if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores one
    before = {number: signal.signal(number, on_signal) for number in heard}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
