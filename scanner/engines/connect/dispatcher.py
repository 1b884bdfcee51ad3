"""One run of a crew: waves dealt to worker processes, shares gathered, and nobody left behind.

Whoever is free gets the next chunk, so that a core which others use too does not hold up the rest; each worker has
some shares ahead, so that none waits for its parent, and waves are taken up to as many places as one engine has under
way. A worker says when it begins a chunk and what came of it; its end, however it came, shows as the end of its socket.
What it had then is lost and said to be lost, and the others go on. Leaving is the same for every reason to leave: the
life lines are closed, workers have a moment to reset their connections and go, then they are killed; each is waited
for, so that no zombie stays.
"""

import asyncio
import os
import signal
import socket
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from operator import attrgetter
from time import time

from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.chunks import DispatchedWave, SettledChunk, chunk, chunks_for
from scanner.engines.connect.engine import ConnectEngine
from scanner.engines.connect.schedule import UNSETTLED
from scanner.engines.connect.worker import Begun, fork_worker, heard, say
from scanner.engines.interface import Progress

LOST = "a worker process was lost; what it was probing is unknown"
_AHEAD = 2
"""Shares that a worker has not begun yet, at most."""
_UNTAKEN = 64
_REMEMBERED = 1 << 17
_PATIENCE = 1.0
"""Seconds that workers have to leave by themselves."""


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, process: int, channel: socket.socket) -> None:
        """`process` its id, `channel` our end of its socket."""
        self.process, self._channel = process, channel
        self._writer: asyncio.StreamWriter | None = None
        self.progress = Progress()
        self.told = 0
        """Probes of the shares that it has handed back."""
        self.shares: dict[int, tuple[DispatchedWave, int]] = {}
        """What it has: by number of the chunk, the wave it is of, and which chunk of it."""
        self.ahead = 0
        """How many of them it has not begun."""
        self.alive = True
        """Whether it was not waited for yet."""

    async def meet(self) -> asyncio.StreamReader:
        """Where it is heard."""
        reader, self._writer = await asyncio.open_connection(sock=self._channel)
        return reader

    def deal(self, number: int, dealt: DispatchedWave, turn: int) -> None:
        """Give it a chunk of a wave."""
        assert self._writer is not None
        self.shares[number] = dealt, turn
        self.ahead += 1
        say(self._writer, chunk(dealt.wave, number, turn, dealt.shares))

    def stop(self) -> None:
        """Let it send nothing more. May be called from a signal handler."""
        if self.alive:
            os.kill(self.process, signal.SIGTERM)

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
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)


class Dispatcher:
    """Waves in, settled waves out."""

    def __init__(self, waves: Iterable[Wave], make_engine: Callable[[], ConnectEngine]) -> None:
        """`make_engine` is called in each worker process. Needs a running loop."""
        self._waves: Iterator[Wave] | None = iter(waves)
        self._make_engine = make_engine
        self._workers: list[Worker] = []
        self._listening: list[asyncio.Task[None]] = []
        self._numbers = count()
        self._undealt: deque[tuple[DispatchedWave, int]] = deque()
        self._under_way = 0
        self._absent: OrderedDict[int, None] = OrderedDict()
        self._done: deque[SettledWave] = deque()
        self._news = asyncio.Event()
        self._failure: BaseException | None = None
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """How far this run has come, as far as the workers have said."""
        said = [worker.progress for worker in self._workers]
        return Progress(
            sent=sum(each.sent for each in said),
            settled=sum(each.settled for each in said),
            open=sum(each.open for each in said),
        )

    def stop(self) -> None:
        """Let every worker send nothing more. May be called from a signal handler."""
        self._stopped = True
        for worker in self._workers:
            worker.stop()

    async def hire(self, workers: int) -> int:
        """Start so many workers; how many may be had."""
        for _ in range(workers):
            try:
                worker = Worker(*fork_worker(self._make_engine))
            except OSError:  # there may be no more processes
                break
            self._workers.append(worker)
            self._listening.append(asyncio.create_task(self._listen(worker, await worker.meet())))
        return len(self._workers)

    async def settled(self) -> AsyncGenerator[SettledWave, None]:
        """Each wave when it is settled."""
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

    async def dismiss(self) -> None:
        """Let the workers leave, and make sure that they have."""
        self._stopped = True
        for worker in self._workers:
            worker.leave()
        try:
            if self._listening:
                await asyncio.wait(self._listening, timeout=_PATIENCE)
        finally:
            for task in self._listening:
                task.cancel()
            for worker in self._workers:
                worker.end()

    def _deal(self) -> None:
        """Give everybody as much as they have room for."""
        hands = [worker for worker in self._workers if worker.alive]
        if self._stopped or not hands:
            self._waves = None
            self._drop(self._undealt)
        while hands and (self._undealt or self._take_wave(len(hands))):
            freest = min(hands, key=attrgetter("ahead"))
            if freest.ahead >= _AHEAD:
                break
            freest.deal(next(self._numbers), *self._undealt.popleft())

    def _take_wave(self, hands: int) -> bool:
        """Make shares of the next wave, if there is one and there is room for it."""
        if self._waves is None or self._under_way >= UNSETTLED or len(self._done) > _UNTAKEN:
            return False
        wave = next(self._waves, None)
        if wave is None:
            self._waves = None
            return False
        dealt = DispatchedWave(wave, chunks_for(len(wave), hands))
        self._under_way += dealt.weight
        self._undealt.extend((dealt, turn) for turn in range(dealt.shares))
        return True

    async def _listen(self, worker: Worker, reader: asyncio.StreamReader) -> None:
        """Take what a worker says, until it is gone."""
        try:
            async for word in heard(reader):
                self._take(worker, word)
        except Exception as failure:  # noqa: BLE001 (raised again in `settled`)
            self._failure = failure
        self._lose(worker)
        self._news.set()

    def _take(self, worker: Worker, word: object) -> None:
        match word:
            case Progress():
                worker.progress = word
            case Begun():
                worker.ahead -= 1
                self._deal()
            case SettledChunk():
                dealt, turn = worker.shares.pop(word.number)
                worker.told += word.sent
                dealt.settle(turn, word)
                self._finish_if_whole(dealt)
                self._deal()
            case BaseException():
                raise word

    def _lose(self, worker: Worker) -> None:
        """Nothing more will come of what a worker has."""
        worker.end()
        self._drop(deque(worker.shares.values()), sent=max(0, worker.progress.sent - worker.told))
        worker.shares.clear()

    def _drop(self, shares: deque[tuple[DispatchedWave, int]], *, sent: int = 0) -> None:
        """Give up shares for which so much was sent."""
        while shares:
            dealt, turn = shares.popleft()
            dealt.lose(turn, time(), sent=sent, why="" if self._stopped else LOST)
            self._finish_if_whole(dealt)
            sent = 0

    def _finish_if_whole(self, dealt: DispatchedWave) -> None:
        if dealt.left:
            return
        settled = dealt.result(self._absent.keys())
        self._absent.update(dict.fromkeys(settled.absent))
        while len(self._absent) > _REMEMBERED:
            self._absent.popitem(last=False)
        self._under_way -= dealt.weight
        self._done.append(settled)
        self._news.set()
