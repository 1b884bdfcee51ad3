"""One run of a worker pool: waves dispatched to worker processes, chunks gathered, and no process left behind.

The worker with the least to do gets the next chunk, so that a core which other programs use too does not hold up the
rest; each worker has some chunks ahead, so that none waits for its parent, and the pool takes on as many endpoints as
one engine has under way. A worker reports when it begins a chunk and what came of it; its end, for whatever reason,
shows as the end of its control pipe. The chunks it had then are lost and reported as lost, and the others go on.
Shutting down is the same in every case: the control pipes are closed, workers have a moment to reset their connections
and exit, then they are killed; each is waited for, so that no zombie stays.
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
from scanner.engines.connect.worker import Begun, fork_worker, messages, send
from scanner.engines.interface import Progress

WORKER_LOST = "a worker process was lost; what it was probing is unknown"
_AHEAD = 2
"""Maximum number of chunks that a worker has not begun yet."""
_MOST_WAITING = 64
_REMEMBERED = 1 << 17
_PATIENCE = 1.0
"""Seconds that workers have to exit by themselves."""


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, process: int, channel: socket.socket) -> None:
        """`process`: its id; `channel`: our end of its control pipe."""
        self.process, self._channel = process, channel
        self._writer: asyncio.StreamWriter | None = None
        self.progress = Progress()
        self.reported = 0
        """Probes of the chunks that it has handed back."""
        self.chunks: dict[int, tuple[DispatchedWave, int]] = {}
        """What it has: by number of the chunk, the wave it is of, and which chunk of it."""
        self.ahead = 0
        """How many of them it has not begun."""
        self.alive = True
        """Whether it was not waited for yet."""

    async def meet(self) -> asyncio.StreamReader:
        """Open the control pipe for reading."""
        reader, self._writer = await asyncio.open_connection(sock=self._channel)
        return reader

    def dispatch(self, number: int, dispatched: DispatchedWave, position: int) -> None:
        """Give it a chunk of a wave."""
        assert self._writer is not None
        self.chunks[number] = dispatched, position
        self.ahead += 1
        send(self._writer, chunk(dispatched.wave, number, position, dispatched.chunks))

    def stop(self) -> None:
        """Let it send nothing more. May be called from a signal handler."""
        if self.alive:
            os.kill(self.process, signal.SIGTERM)

    def leave(self) -> None:
        """Close its control pipe; what it reports until it has exited is still read."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Make sure that it has exited and leaves no zombie."""
        if not self.alive:
            return
        self.alive = False
        if self._writer is None:
            self._channel.close()
        else:
            self._writer.transport.abort()
        with suppress(ProcessLookupError, ChildProcessError):  # other code waited for every child of this process
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
        self._waiting: deque[tuple[DispatchedWave, int]] = deque()
        self._under_way = 0
        self._absent: OrderedDict[int, None] = OrderedDict()
        self._done: deque[SettledWave] = deque()
        self._news = asyncio.Event()
        self._failure: BaseException | None = None
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """How far this run has come, as the workers last reported it."""
        reported = [worker.progress for worker in self._workers]
        return Progress(
            sent=sum(each.sent for each in reported),
            settled=sum(each.settled for each in reported),
            open=sum(each.open for each in reported),
        )

    def stop(self) -> None:
        """Let every worker send nothing more. May be called from a signal handler."""
        self._stopped = True
        for worker in self._workers:
            worker.stop()

    async def start(self, workers: int) -> int:
        """Start workers; return how many could be started."""
        for _ in range(workers):
            try:
                worker = Worker(*fork_worker(self._make_engine))
            except OSError:  # there may be no more processes
                break
            self._workers.append(worker)
            self._listening.append(asyncio.create_task(self._listen(worker, await worker.meet())))
        return len(self._workers)

    async def settled(self) -> AsyncGenerator[SettledWave, None]:
        """Yield each wave when it is settled."""
        while True:
            self._dispatch()
            while self._done:
                yield self._done.popleft()
                self._dispatch()
            if self._failure is not None:
                raise self._failure
            if self._waves is None and not self._under_way:
                return
            self._news.clear()
            await self._news.wait()

    async def shut_down(self) -> None:
        """Let the workers exit, and make sure that they have."""
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

    def _dispatch(self) -> None:
        """Give each worker as much as it has room for."""
        live = [worker for worker in self._workers if worker.alive]
        if self._stopped or not live:
            self._waves = None
            self._drop(self._waiting)
        while live and (self._waiting or self._take_wave(len(live))):
            freest = min(live, key=attrgetter("ahead"))
            if freest.ahead >= _AHEAD:
                break
            freest.dispatch(next(self._numbers), *self._waiting.popleft())

    def _take_wave(self, live: int) -> bool:
        """Split the next wave into chunks, if there is one and there is room for it."""
        if self._waves is None or self._under_way >= UNSETTLED or len(self._done) > _MOST_WAITING:
            return False
        wave = next(self._waves, None)
        if wave is None:
            self._waves = None
            return False
        dispatched = DispatchedWave(wave, chunks_for(len(wave), live))
        self._under_way += dispatched.weight
        self._waiting.extend((dispatched, position) for position in range(dispatched.chunks))
        return True

    async def _listen(self, worker: Worker, reader: asyncio.StreamReader) -> None:
        """Read the messages of a worker until it has exited."""
        try:
            async for word in messages(reader):
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
                self._dispatch()
            case SettledChunk():
                dispatched, position = worker.chunks.pop(word.number)
                worker.reported += word.sent
                dispatched.settle(position, word)
                self._finish_if_whole(dispatched)
                self._dispatch()
            case BaseException():
                raise word

    def _lose(self, worker: Worker) -> None:
        """Give up everything that a worker had."""
        worker.end()
        self._drop(deque(worker.chunks.values()), sent=max(0, worker.progress.sent - worker.reported))
        worker.chunks.clear()

    def _drop(self, chunks: deque[tuple[DispatchedWave, int]], *, sent: int = 0) -> None:
        """Give up chunks for which `sent` probes are known to have been sent."""
        while chunks:
            dispatched, position = chunks.popleft()
            dispatched.lose(position, time(), sent=sent, why="" if self._stopped else WORKER_LOST)
            self._finish_if_whole(dispatched)
            sent = 0

    def _finish_if_whole(self, dispatched: DispatchedWave) -> None:
        if dispatched.left:
            return
        settled = dispatched.result(self._absent.keys())
        self._absent.update(dict.fromkeys(settled.absent))
        while len(self._absent) > _REMEMBERED:
            self._absent.popitem(last=False)
        self._under_way -= dispatched.weight
        self._done.append(settled)
        self._news.set()
