"""A worker process of the connect pool: a fork that runs an ordinary connect engine and talks through a control pipe.

A fork starts in milliseconds and shares what is loaded already, but it also inherits what it must not use. So a worker
leaves the parent behind before it does anything: every descriptor but its control pipe is closed (the parent's epoll
object, history, outputs and lock among them; nothing of it is *used*, so nothing of it is disturbed), objects of the
parent are frozen so that no finaliser of theirs ever runs here, and the only way out is `os._exit`: no `finally`, no
`atexit`, no buffer of the parent's is ever flushed twice.

Signals: Ctrl-C goes to the whole group, and the parent decides what follows, so SIGINT is ignored. SIGTERM means what
`stop` means: send nothing more, settle, exit. When the parent's end of the control pipe closes, for whatever reason,
the worker exits, so that nothing survives a killed parent.

Messages are pickles behind their length: both ends are the same program, on a socket pair that no other process has.
"""

import asyncio
import gc
import os
import pickle
import signal
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any, NoReturn

from scanner.core.plan.wave import Wave
from scanner.engines.connect.chunks import SettledChunk
from scanner.engines.connect.engine import ConnectEngine

_REPORT = 0.1
"""Seconds between two reports of progress."""
_SIZE = struct.Struct("=I")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def fork_worker(make_engine: Callable[[], ConnectEngine]) -> tuple[int, socket.socket]:
    """Start a worker; return its process id and our end of its control pipe.

    Raises:
        OSError: there may be no more processes.
    """
    ours, theirs = socket.socketpair()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # no handler of the parent's may run in the child
    try:
        process = os.fork()
        if process == 0:
            _live(theirs, make_engine)
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return process, ours


def send(writer: asyncio.StreamWriter, word: object) -> None:
    """Send a message; never waits."""
    body = pickle.dumps(word, pickle.HIGHEST_PROTOCOL)
    writer.write(_SIZE.pack(len(body)) + body)


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[Any]:
    """Yield the messages that come, until the other side is gone."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (size,) = _SIZE.unpack(await reader.readexactly(_SIZE.size))
            yield pickle.loads(await reader.readexactly(size))


def _live(channel: socket.socket, make_engine: Callable[[], ConnectEngine]) -> NoReturn:
    """Run a worker from its first to its last instruction."""
    status = 1
    try:
        engine = make_engine()
        _leave_the_parent_behind(channel.fileno(), engine)
        asyncio.run(_work(channel, engine))
        status = 0
    finally:
        os._exit(status)


def _leave_the_parent_behind(keep: int, engine: ConnectEngine) -> None:
    gc.freeze()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    for descriptor in map(int, os.listdir("/dev/fd")):  # noqa: PTH208 (names are all that is needed)
        if descriptor > 2 and descriptor != keep:
            with suppress(OSError):  # the one that listed them
                os.close(descriptor)


class Begun:
    """The message of a worker that has begun a chunk: it has room for another."""


async def _work(channel: socket.socket, engine: ConnectEngine) -> None:
    """Probe the chunks that come in, until the parent is gone."""
    reader, writer = await asyncio.open_connection(sock=channel)
    inbox: deque[Wave] = deque()
    tasks = [
        asyncio.create_task(_listen(reader, inbox, engine, asyncio.current_task())),
        asyncio.create_task(_report(writer, engine)),
    ]
    try:
        async with aclosing(engine.run(_taken_from(inbox, writer))) as settled:
            async for each in settled:
                send(writer, SettledChunk.of(each))
                send(writer, engine.progress)
    except Exception as failure:  # noqa: BLE001 (raised again by the parent)
        send(writer, failure)
    for task in tasks:
        task.cancel()
    writer.close()
    await writer.wait_closed()


async def _listen(
    reader: asyncio.StreamReader, inbox: deque[Wave], engine: ConnectEngine, work: "asyncio.Task[None] | None"
) -> None:
    async for wave in messages(reader):
        inbox.append(wave)
        engine.wake()
    if work is not None:
        work.cancel()


async def _report(writer: asyncio.StreamWriter, engine: ConnectEngine) -> None:
    while True:
        await asyncio.sleep(_REPORT)
        send(writer, engine.progress)


def _taken_from(inbox: deque[Wave], writer: asyncio.StreamWriter) -> Iterator[Wave | None]:
    while True:
        if inbox:
            send(writer, Begun())
        yield inbox.popleft() if inbox else None
