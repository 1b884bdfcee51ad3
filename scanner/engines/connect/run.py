"""One run of the connect engine: when to look at answers, and when to send.

Everything happens in callbacks of asyncio's loop: `_pump` reads outcomes and sends what may be sent, whenever the
prober has something to report; `_tick` does what is due (timeouts, proof of silence, retries, caps that open); a pacing
task releases one batch at a time where there is a rate. Without one, probes are sent in small lots with a look at the
answers in between: on a quick network few sockets are in use and stay in the processor's cache, on a slow one their
number grows to the limit by itself. What follows from an outcome is in `settling.py`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from math import inf
from time import monotonic

from scanner.core.plan.wave import SettledWave
from scanner.engines.connect.absent_hosts import AbsenceWatch
from scanner.engines.connect.attempt import OutcomeSink, Prober
from scanner.engines.connect.batch_gate import ProbeGate
from scanner.engines.connect.hosts import HostBook
from scanner.engines.connect.schedule import Turn
from scanner.engines.connect.settling import Settling
from scanner.engines.connect.statistics import ConnectStatistics
from scanner.engines.interface import Progress
from scanner.engines.socket_budget import Room

PUMP_TICK = 0.05
"""Seconds between looks at the clock."""
_LOT = 256
_MOST_WAITING = 64
_SHORTEST = 0.005
"""Seconds between looks at hosts' caps, at least."""
_GRACE = 1.0
_FOR_CANARIES = 32
"""Sockets that canaries may use beyond those that ordinary probes may."""


class ConnectRun:
    """Waves in, settled waves out."""

    def __init__(
        self,
        settling: Settling,
        gate: ProbeGate | None,
        *,
        timeout: float,
        room: Room,
        prober: Callable[[OutcomeSink, Callable[[], None]], Prober],
        watch: AbsenceWatch | None,
        book: HostBook,
    ) -> None:
        """`gate` the global rate, None for none; `timeout` in seconds.

        `prober` is made with `settling` as its outcome sink and the callback that reads its outcomes. Needs a running
        loop.
        """
        self._settling = settling
        self._gate, self._timeout, self._room = gate, timeout, room
        self._news = asyncio.Event()
        self._failure: BaseException | None = None
        self._stopping, self._stopped_at = False, inf
        self._pump_queued = self._closed = False
        self._loop = asyncio.get_running_loop()
        self._timers = {self._tick: self._loop.call_soon(self._tick), self._pump: self._loop.call_soon(self._pump)}
        self._pacing = None if gate is None else self._loop.create_task(self._pace(gate))
        self._prober = prober(settling, self._pump)
        settling.use(self._prober)
        self._watch = watch
        if watch is not None:
            self._loop.add_reader(watch.fileno(), self._settle_absent, watch, book)

    @property
    def progress(self) -> Progress:
        """How far this run has come."""
        return self._settling.progress

    @property
    def statistics(self) -> ConnectStatistics:
        """What was found of ways and hosts so far, and what may have been missed."""
        return self._settling.statistics

    def stop(self) -> None:
        """Send nothing more. Only sets a flag, so that it may be called from a signal handler."""
        self._stopping = True

    def wake(self) -> None:
        """Resume after the iterator gave None: it has waves again."""
        self._pump()

    async def settled(self) -> AsyncGenerator[SettledWave, None]:
        """Yield each wave when it is settled. Closing the generator closes every socket."""
        try:
            while True:
                while self._settling.done:
                    yield self._settling.done.popleft()
                if self._failure is not None:
                    raise self._failure
                if self._settling.schedule.exhausted:
                    return
                self._news.clear()
                await self._news.wait()
        finally:
            self._close()

    def _close(self) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        if self._pacing is not None:
            self._pacing.cancel()
        if self._watch is not None:
            self._loop.remove_reader(self._watch.fileno())
            self._watch.close()
        self._prober.close()

    async def _pace(self, gate: ProbeGate) -> None:
        while True:
            batch = await gate.next_batch()
            self._safely(partial(self._send_batch, batch))

    def _tick(self) -> None:
        self._timers[self._tick] = self._loop.call_later(PUMP_TICK, self._tick)
        self._safely(self._look_at_the_clock)

    def _drain(self) -> float:
        """Read the outcomes there are; return the time."""
        self._prober.drain()
        now = monotonic()
        self._settling.looked(now)
        return now

    def _look_at_the_clock(self) -> None:
        now = self._drain()
        self._prober.expire(now - self._timeout)
        self._settling.look(now)
        self._room.grow()
        if self._stopping:
            self._wind_down(now)
        self._turn()

    def _pump(self) -> None:
        self._pump_queued = False
        self._safely(self._turn)

    def _turn(self) -> None:
        """Read a lot of answers, and send a lot of probes where no gate does."""
        self._drain()
        if self._gate is not None:
            return
        if self._send(_LOT) or self._settling.schedule.skipping:
            if not self._pump_queued:
                self._pump_queued = True
                self._loop.call_soon(self._pump)
        elif (
            self._settling.schedule.opens < inf
        ):  # nothing but caps holds us up: a bucket is full again before the next tick
            self._timers[self._pump].cancel()
            wait = max(_SHORTEST, self._settling.schedule.opens - monotonic())
            self._timers[self._pump] = self._loop.call_later(wait, self._pump)

    def _send_batch(self, most: int) -> None:
        self._send(self._settling.may_send(most, self._drain()))

    def _send(self, most: int) -> int:
        """Launch up to so many probes; return how many were launched.

        None after `stop`, and none while settled waves wait for a slow consumer.
        """
        if self._stopping or len(self._settling.done) > _MOST_WAITING:
            return 0
        schedule = self._settling.schedule
        room = min(most, self._room.now - self._prober.in_flight)
        if room <= 0 and not (schedule.has_urgent and most > 0 and room > -_FOR_CANARIES):
            return 0
        launched: list[Turn] = []
        turns = schedule.turns(monotonic(), room, spare=min(most, _FOR_CANARIES))
        begun = self._prober.launch(self._settling.noted(turns, launched))
        self._settling.left(launched)
        return begun

    def _wind_down(self, now: float) -> None:
        """Let what is under way come to its end, but not for long; then end every wave as it is."""
        self._settling.schedule.stop()
        self._stopped_at = min(self._stopped_at, now)
        if not self._prober.in_flight or now - self._stopped_at > _GRACE:
            for wave in list(self._settling.schedule.active):
                self._settling.finish(wave)

    def _settle_absent(self, watch: AbsenceWatch, book: HostBook) -> None:
        """Settle hosts that did not answer three ARP requests of the kernel: that is enough."""
        for address in watch.absent():
            host = book.find(address)
            if host is not None:
                self._settling.settle_absent(host)

    def _safely(self, work: Callable[[], object]) -> None:
        """Run a callback; an exception in it is raised where the waves are awaited."""
        if self._closed or self._failure is not None:
            return
        try:
            work()
        except Exception as failure:  # noqa: BLE001 (raised again in `settled`)
            self._failure = failure
        if self._failure is not None or self._settling.done or self._settling.schedule.exhausted:
            self._news.set()
