"""One sweep from start to exit status: signals, progress, outputs, summary. Shared by every command that sweeps.

The first Ctrl-C (or SIGTERM) stops the sending; what was settled is written, and the summary says that it is not
all. The second leaves at once: outputs are abandoned, so that nothing half-written stays.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType

from scanner.cli.progress import shown
from scanner.cli.status import ExitStatus, FailOn, exit_status
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.interface import Output
from scanner.sweep import Sweep

_STATUS_OF_SIGNAL = {signal.SIGINT: ExitStatus.INTERRUPTED, signal.SIGTERM: ExitStatus.TERMINATED}


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one run needs."""

    info: SweepInfo
    """What is said about it before it starts."""
    sweep: Sweep
    """What is to be done."""
    output: Output
    """Where the results go."""
    fail_on: FailOn
    """From which severity on the exit status is 1."""
    quiet: bool = False
    """Whether progress is left out."""


@dataclass(slots=True)
class _Stop:
    """Which signal stopped the run, if one did."""

    signal: signal.Signals | None = None


def run_job(job: Job) -> tuple[ExitStatus, Summary]:
    """Run it to its end.

    Raises:
        ScannerError: the run failed; nothing half-written is left.
    """
    job.output.begin(job.info)
    try:
        summary, stop = asyncio.run(_sweep(job))
        job.output.end(summary)
    except BaseException:
        job.output.abandon()
        raise
    if stop.signal is not None and summary.interrupted:
        return _STATUS_OF_SIGNAL[stop.signal], summary
    return exit_status(summary, job.fail_on), summary


async def _sweep(job: Job) -> tuple[Summary, _Stop]:
    stop = _Stop()

    def on_signal(received: signal.Signals) -> None:
        if stop.signal is not None:
            job.output.abandon()
            os._exit(_STATUS_OF_SIGNAL[received])
        stop.signal = received
        job.sweep.stop()

    _listen(on_signal)
    async with shown(lambda: job.sweep.engine.progress, job.sweep.plan.size, quiet=job.quiet):
        async for result in job.sweep.results():
            for judged in result.judged:
                job.output.result(judged)
    return job.sweep.summary(job.info, datetime.now(UTC)), stop


def _listen(on_signal: Callable[[signal.Signals], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in _STATUS_OF_SIGNAL:
        try:
            loop.add_signal_handler(number, on_signal, number)
        except NotImplementedError:  # Windows has no signal handlers on its loop

            def handler(received: int, _frame: FrameType | None) -> None:
                loop.call_soon_threadsafe(on_signal, signal.Signals(received))

            signal.signal(number, handler)
