"""TCP and UDP in one sweep: each wave is split by transport, probed by two engines, and put together again.

Each engine takes its parts when it has room. The one that is ahead is not asked for more while many waves wait for the
other, so that what is half settled stays bounded whatever the two are like.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from time import time

import numpy as np

from scanner.core.columns import Indices
from scanner.core.model import PROTOCOL, Transport
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.interface import Engine, PathReport, Progress, path_report

_MOST_HALVES = 32
"""Waves of which one part is settled and the other is not."""


@dataclass(slots=True, eq=False)
class _Split:
    """A wave under way in both engines."""

    wave: Wave
    places: tuple[Indices, Indices]
    parts: list[SettledWave | None]

    @property
    def settled(self) -> bool:
        return all(part is not None or not len(places) for part, places in zip(self.parts, self.places, strict=True))


class BothTransports:
    """Probes TCP endpoints with one engine and UDP endpoints with another. Obeys `interface.Engine`."""

    def __init__(self, tcp: Engine, udp: Engine) -> None:
        """Take two engines that keep to their own parts of the limits: neither knows what the other sends."""
        self._engines = (tcp, udp)
        self._split: dict[int, _Split] = {}
        self._queues: tuple[deque[Wave], deque[Wave]] = (deque(), deque())
        self._stopped = False

    @property
    def name(self) -> str:
        """See `interface.Engine`. It is the TCP engine's name."""
        return self._engines[0].name

    @property
    def progress(self) -> Progress:
        """See `interface.Engine`."""
        one, other = (engine.progress for engine in self._engines)
        return Progress(one.sent + other.sent, one.settled + other.settled, one.open + other.open)

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return tuple(note for engine in self._engines for note in engine.notes)

    @property
    def path_report(self) -> PathReport:
        """See `interface.PathReport`; only TCP engines measure their way."""
        return path_report(self._engines[0])

    def stop(self) -> None:
        """See `interface.Engine`."""
        self._stopped = True
        for engine in self._engines:
            engine.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """See `interface.Engine`."""
        source = iter(waves)
        done: asyncio.Queue[SettledWave | None] = asyncio.Queue(maxsize=1)
        room = asyncio.Condition()
        tasks = [asyncio.create_task(self._drive(which, source, done, room)) for which in (0, 1)]
        ended = asyncio.create_task(_tell_end(tasks, done))
        try:
            while (settled := await done.get()) is not None:
                yield settled
            for task in filter(asyncio.Task.done, tasks):
                task.result()  # raises what ended it
        finally:
            for each in (*tasks, ended):
                each.cancel()
            await asyncio.gather(*tasks, ended, return_exceptions=True)
        for split in list(self._split.values()):  # stopped before one of the engines took its part
            yield self._joined(split)

    async def _drive(
        self,
        which: int,
        source: Iterator[Wave],
        done: asyncio.Queue[SettledWave | None],
        room: asyncio.Condition,
    ) -> None:
        """Run one engine over its parts of all waves."""
        async with aclosing(self._engines[which].run(self._parts(which, source))) as settled_parts:
            async for part in settled_parts:
                split = self._split[part.wave.number]
                split.parts[which] = part
                if split.settled:
                    await done.put(self._joined(split))
                    async with room:
                        room.notify_all()
                async with room:
                    await room.wait_for(lambda: self._may_go_on(which))

    def _may_go_on(self, which: int) -> bool:
        waiting = sum(split.parts[which] is not None for split in self._split.values())
        return waiting < _MOST_HALVES or self._stopped

    def _parts(self, which: int, source: Iterator[Wave]) -> Iterator[Wave]:
        """Yield the parts for one engine; those for the other wait in its queue."""
        while True:
            if self._queues[which]:
                yield self._queues[which].popleft()
            elif self._stopped or (wave := next(source, None)) is None:
                return
            else:
                self._deal(wave)

    def _deal(self, wave: Wave) -> None:
        udp = wave.transport == PROTOCOL[Transport.UDP]
        places = (np.flatnonzero(~udp), np.flatnonzero(udp))
        self._split[wave.number] = _Split(wave, places, [None, None])
        for queue, part in zip(self._queues, places, strict=True):
            if len(part):
                queue.append(wave.part(part))

    def _joined(self, split: _Split) -> SettledWave:
        """Return both parts as one settled wave; a part that never came is interrupted."""
        del self._split[split.wave.number]
        size = len(split.wave)
        reason = np.full(size, reason_code(Reason.INTERRUPTED), np.uint16)
        at, rtt = np.full(size, time()), np.full(size, np.nan, np.float32)
        parts = [(part, places) for part, places in zip(split.parts, split.places, strict=True) if part is not None]
        for part, places in parts:
            reason[places], at[places], rtt[places] = part.reason, part.at, part.rtt
        absent = {host for part, _ in parts for host in part.absent}
        counted = sum(part.unreachable_hosts for part, _ in parts)
        told_twice = sum(len(part.absent) for part, _ in parts) - len(absent)
        return SettledWave(
            wave=split.wave,
            reason=reason,
            at=at,
            rtt=rtt,
            sent=sum(part.sent for part, _ in parts),
            complete=split.settled and all(part.complete for part, _ in parts),
            evidence={int(places[place]): text for part, places in parts for place, text in part.evidence.items()},
            identities={int(places[place]): each for part, places in parts for place, each in part.identities.items()},
            unreachable_hosts=counted - told_twice,
            absent=tuple(sorted(absent)),
            degraded=tuple(dict.fromkeys(line for part, _ in parts for line in part.degraded)),
            answers_by_try=next((part.answers_by_try for part, _ in parts if part.answers_by_try), ()),
        )


async def _tell_end(tasks: list["asyncio.Task[None]"], done: asyncio.Queue[SettledWave | None]) -> None:
    """Say that nothing more comes: both engines have ended, or one has failed."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    await done.put(None)
