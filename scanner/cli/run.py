"""Run a job in this process: signals, progress, exit status. Shared by every command that sweeps.

The first Ctrl-C (or SIGTERM, or SIGHUP when a remote session ends) stops the sending; what was settled is written,
and the summary says that it is not all. The second leaves at once: outputs are abandoned, so that nothing half-written
stays. Handlers are in place before the first output is opened, so there is no moment at which a signal leaves a
temporary file behind.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, MappingProxyType

from scanner.app.exit_status import ExitStatus
from scanner.app.job import Job, JobOutcome, run_to_end
from scanner.cli.progress import LiveLines, shown

_HANGUP = getattr(signal, "SIGHUP", None)  # systems without terminals of that kind have none
_STATUS_OF_SIGNAL: Mapping[int, ExitStatus] = MappingProxyType(
    {signal.SIGINT: ExitStatus.INTERRUPTED, signal.SIGTERM: ExitStatus.TERMINATED}
    | ({_HANGUP: ExitStatus.HUNG_UP} if _HANGUP else {})
)


@dataclass(slots=True)
class _Interruption:
    """Which signal came first, and the loop that must be told to stop."""

    received: int | None = None
    loop: asyncio.AbstractEventLoop | None = None


def run_job(job: Job, *, quiet: bool, lines: LiveLines | None = None) -> JobOutcome:
    """Run a job to its end, with progress on a terminal unless `quiet`; `lines` prints above it.

    Raises:
        ScannerError: the run failed; nothing half-written is left.
    """
    with _interruptible(job) as interruption:
        gc.freeze()  # what start-up made is here to stay, and no more garbage in a forked worker
        gc.enable()
        outcome = asyncio.run(_watched(job, interruption, quiet=quiet, lines=lines))
    if interruption.received is not None and outcome.summary.interrupted:
        return JobOutcome(_STATUS_OF_SIGNAL[interruption.received], outcome.summary)
    return outcome


async def _watched(job: Job, interruption: _Interruption, *, quiet: bool, lines: LiveLines | None) -> JobOutcome:
    interruption.loop = asyncio.get_running_loop()
    try:
        bar = shown(lambda: job.sweep.engine.progress, job.sweep.left, quiet=quiet, lines=lines)
        return await run_to_end(job, around=bar)
    finally:
        interruption.loop = None


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

    caught = [number for number in _STATUS_OF_SIGNAL if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores one
    before = {number: signal.signal(number, on_signal) for number in caught}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
