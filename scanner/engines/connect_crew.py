"""The connect engine on several processor cores: a crew of worker processes.

Theory. A connect() that is answered at once spends two thirds of its time in the kernel, and most of that runs in the
caller's own context: building the SYN, the wire, the other end's answer if that is a neighbour on the same machine. It
scales with callers, but Python's interpreter lock makes all threads of a process one caller in every part that is
not the kernel's. So each core gets a process. A wave is dealt to all of them place by place (`connect_share.py`), each
worker (`connect_worker.py`) runs an ordinary `ConnectEngine` over its shares, and the parent only deals and gathers.

Promises. A limit of r probes a second becomes one of floor(r / n) for each of n workers: whatever window is looked at, the
sum keeps to r, with no word between workers. A worker that dies takes only the shares it had with it: their places
are unknown, their waves incomplete, and the wave says why; later waves are dealt to the rest. Hosts that are absent are
found so by each worker on its own, and counted once, here.
"""

import asyncio
import os
import signal
import socket
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from time import time

from scanner.core.model import Address
from scanner.core.pacing import Limits
from scanner.core.wave import SettledWave, Wave
from scanner.engines.connect import ConnectEngine, ConnectOptions
from scanner.engines.connect_schedule import UNSETTLED
from scanner.engines.connect_share import DealtWave, SettledShare, share
from scanner.engines.connect_worker import fork_worker, heard, say
from scanner.engines.interface import Progress

LOST = "a worker process was lost; what it was probing is unknown"
_UNTAKEN = 64
_REMEMBERED = 1 << 17
_PATIENCE = 1.0
"""Seconds that workers have to leave by themselves."""


class _Worker:
    """A worker process as its parent sees it."""

    def __init__(self, process: int, channel: socket.socket) -> None:
        self._process, self._channel = process, channel
        self._writer: asyncio.StreamWriter | None = None
        self.progress = Progress()
        self.told = 0
        """Probes of the shares that it has handed back."""
        self.shares: dict[int, tuple[DealtWave, int]] = {}
        """What it has: by number of the share, the wave it is of, and as which worker of that wave."""
        self.alive = True
        """Whether it may still be dealt to."""

    async def meet(self) -> asyncio.StreamReader:
        """Where it is heard."""
        reader, self._writer = await asyncio.open_connection(sock=self._channel)
        return reader

    def deal(self, number: int, dealt: DealtWave, turn: int, of: int) -> None:
        """Give it a share of a wave."""
        assert self._writer is not None
        self.shares[number] = dealt, turn
        say(self._writer, share(dealt.wave, number, worker=turn, of=of))

    def stop(self) -> None:
        """Let it send nothing more. May be called from a signal handler."""
        if self.alive:
            os.kill(self._process, signal.SIGTERM)

    def leave(self) -> None:
        """Close its life line; what it says until it is gone is still heard."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """It is gone after this, and leaves no zombie."""
        if not self.alive:
            return
        self.alive = False
        if self._writer is None:
            self._channel.close()
        else:
            self._writer.transport.abort()
        with suppress(ProcessLookupError, ChildProcessError):  # somebody else waited for every child of this process
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


class ConnectCrew:
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

        Raises:
            ValueError: a limit that leaves a worker less than a probe a second.
        """
        self._options, self._permitted, self._size = options, permitted, workers
        self._limits = Limits(
            rate=_part(limits.rate, workers, options.packets),
            host_rate=_part(limits.host_rate, workers, options.packets),
        )
        self._workers: list[_Worker] = []
        self._waves: Iterator[Wave] | None = None
        self._numbers = count()
        self._under_way = 0
        self._absent: OrderedDict[int, None] = OrderedDict()
        self._done: deque[SettledWave] = deque()
        self._failure: BaseException | None = None
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """How far the running `run` has come, as far as the workers have said."""
        said = [worker.progress for worker in self._workers]
        return Progress(
            sent=sum(each.sent for each in said),
            settled=sum(each.settled for each in said),
            open=sum(each.open for each in said),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return ()

    def stop(self) -> None:
        """Send no new probe; what is under way is settled within a second. May be called from a signal handler."""
        self._stopped = True
        for worker in self._workers:
            worker.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """Probe and settle every wave of `waves`.

        Raises:
            OutOfScope: an address is not permitted; before any probe to it.
            OSError: no process could be started.
        """
        if self._stopped:
            return
        self._waves, self._news = iter(waves), asyncio.Event()
        listening: list[asyncio.Task[None]] = []
        try:
            for _ in range(self._size):
                listening.append(asyncio.create_task(self._listen(*await self._hire())))
            while True:
                self._deal()
                while self._done:
                    yield self._done.popleft()
                    self._deal()
                if self._failure is not None:
                    raise self._failure
                if self._waves is None and not self._under_way:
                    return
                self._news.clear()
                await self._news.wait()
        finally:
            await self._dismiss(listening)

    # -- the workers -------------------------------------------------------------------------------------------

    async def _hire(self) -> tuple[_Worker, asyncio.StreamReader]:
        worker = _Worker(*fork_worker(lambda: ConnectEngine(self._options, self._limits, self._permitted, alone=False)))
        self._workers.append(worker)
        return worker, await worker.meet()

    async def _listen(self, worker: _Worker, reader: asyncio.StreamReader) -> None:
        """Take what a worker says, until it is gone."""
        try:
            async for word in heard(reader):
                if isinstance(word, SettledShare):
                    self._take(worker, word)
                elif isinstance(word, Progress):
                    worker.progress = word
                else:
                    raise word
        except Exception as failure:  # noqa: BLE001 (raised again in `run`)
            self._failure = failure
        self._lose(worker)
        self._news.set()

    async def _dismiss(self, listening: list["asyncio.Task[None]"]) -> None:
        """Let the workers leave, and make sure that they have."""
        self._stopped = True
        for worker in self._workers:
            worker.leave()
        try:
            if listening:
                await asyncio.wait(listening, timeout=_PATIENCE)
        finally:
            for task in listening:
                task.cancel()
            for worker in self._workers:
                worker.end()

    # -- the waves ---------------------------------------------------------------------------------------------

    def _deal(self) -> None:
        """Take waves and give everybody a share, as long as there is room."""
        hands = [worker for worker in self._workers if worker.alive]
        if self._stopped or not hands:
            self._waves = None
        while self._waves is not None and self._under_way < UNSETTLED and len(self._done) <= _UNTAKEN:
            wave = next(self._waves, None)
            if wave is None:
                self._waves = None
                break
            dealt = DealtWave(wave, len(hands))
            self._under_way += dealt.weight
            for turn, worker in enumerate(hands):
                worker.deal(next(self._numbers), dealt, turn, len(hands))

    def _take(self, worker: _Worker, came: SettledShare) -> None:
        dealt, turn = worker.shares.pop(came.number)
        worker.told += came.sent
        dealt.settle(turn, came)
        self._finish_if_whole(dealt)
        self._deal()

    def _lose(self, worker: _Worker) -> None:
        """Nothing more will come of what a worker has."""
        worker.end()
        sent = max(0, worker.progress.sent - worker.told)
        for dealt, turn in worker.shares.values():
            dealt.lose(turn, time(), sent=sent, why="" if self._stopped else LOST)
            self._finish_if_whole(dealt)
            sent = 0
        worker.shares.clear()

    def _finish_if_whole(self, dealt: DealtWave) -> None:
        if dealt.left:
            return
        settled = dealt.result(self._absent.keys())
        self._absent.update(dict.fromkeys(settled.absent))
        while len(self._absent) > _REMEMBERED:
            self._absent.popitem(last=False)
        self._under_way -= dealt.weight
        self._done.append(settled)
        self._news.set()


def _part(limit: float | None, workers: int, packets: int) -> float | None:
    """A worker's part of a limit, in whole probes of so many packets: rounding may only make it slower."""
    if limit is None:
        return None
    probes = int(limit // (workers * packets))
    if not probes:
        raise ValueError(f"{limit} packets a second are too few for {workers} workers")
    return float(probes * packets)
