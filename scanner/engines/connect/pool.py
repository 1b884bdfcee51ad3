"""The connect engine on several processor cores: a pool of worker processes.

Theory. A connect() that is answered at once spends two thirds of its time in the kernel, and most of that runs in the
caller's own context: building the SYN, the link, the other end's answer if that is a neighbour on the same machine. It
scales with callers, but the interpreter lock makes all threads of a process one caller in every part that is not the
kernel's. So each core gets a process. A wave is split into chunks (`chunks.py`), each worker (`worker.py`) runs an
ordinary `ConnectEngine` over its chunks, and the parent (`dispatcher.py`) only dispatches and gathers.

Promises. A limit of r probes a second becomes one of floor(r / n) for each of n workers: in whatever window, the sum
keeps to r, without communication between workers. A worker that dies takes only the chunks it had with it: their
endpoints are unknown, their waves incomplete and labelled so; later waves go to the other workers. Each worker finds
absent hosts on its own; the parent counts them once.

Starting a worker costs some milliseconds, so a pool is for plans that are large and for limits that one process cannot
reach (`pool_size`). Where not even one process can be started, the engine runs in this one.
"""

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from scanner.core.model import Address
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.limits import Limits, fastest
from scanner.core.rate.pacing import Pacing
from scanner.engines.connect.dispatcher import Dispatcher
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.epoll import EPOLL_AVAILABLE
from scanner.engines.interface import Progress

WORTHWHILE = 8192
"""Number of endpoints from which on starting processes costs less than it saves."""
BRISK = 50_000
"""Probes per second up to which one process keeps pace (measured: within 7 % of such a limit, and a pool no closer)."""
_MOST = 4


def pool_size(endpoints: int, hosts: int, pacing: Limits | Pacing) -> int:
    """Return how many workers are worth starting for a plan of so many endpoints and hosts; 1 where the plain engine
    will do.

    A rate that finds itself is found by one process: it hears of every answer, and where it is the processor that holds
    it back, the hosts are spared.
    """
    if isinstance(pacing, Pacing) and pacing.adaptive:
        return 1
    limits = pacing.limits if isinstance(pacing, Pacing) else pacing
    most = fastest(limits, hosts)
    if endpoints < WORTHWHILE or (most is not None and most <= BRISK) or not EPOLL_AVAILABLE:
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


class ConnectPool:
    """Turns waves into settled waves by connect(), on several cores. Obeys `interface.Engine`."""

    name = "connect"

    def __init__(
        self,
        options: ConnectOptions,
        limits: Limits,
        permitted: Callable[[Address], bool] | None = None,
        *,
        workers: int,
    ) -> None:
        """`permitted` is asked by each worker about each address, before the first probe of its wave.

        `options` hold for each worker, `limits` for all together.

        Raises:
            ValueError: a limit that leaves a worker less than a probe a second.
        """
        self._options, self._permitted, self._size = options, permitted, workers
        self._limits = limits.among(workers, options.packets)
        self._run: Dispatcher | ConnectEngine | None = None
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """How far the running `run` has come."""
        return Progress() if self._run is None else self._run.progress

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return ()

    def stop(self) -> None:
        """Send no new probe; what is under way is settled within a second. May be called from a signal handler."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """Probe and settle every wave of `waves`.

        Raises:
            OutOfScope: an address is not permitted; before any probe to it.
        """
        if self._stopped:
            return
        self._run = dispatcher = Dispatcher(waves, self._engine)
        try:
            settling = dispatcher.settled()
            if not await dispatcher.start(self._size):
                self._run = self._engine()
                settling = self._run.run(waves)
            async with aclosing(settling) as settled:
                async for each in settled:
                    yield each
        finally:
            await dispatcher.shut_down()

    def _engine(self) -> ConnectEngine:
        return ConnectEngine(self._options, self._limits, self._permitted, alone=False)
