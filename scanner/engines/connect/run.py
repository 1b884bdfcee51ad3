"""One run of the connect engine: when to send, and what follows from each outcome.

Everything happens in callbacks of asyncio's loop: `_pump` reads outcomes and sends what may be sent, whenever the
prober has something to report; `_tick` does what is due (timeouts, retries, caps that open); a pacing task releases one
batch at a time where there is a global rate. Without one, probes are sent in small lots with a look at the answers in
between: on a quick network few sockets are in use and stay in the processor's cache, on a slow one their number grows
to the limit by itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from errno import EADDRINUSE
from functools import partial
from itertools import groupby
from math import inf, nan
from operator import itemgetter
from time import monotonic, time
from typing import assert_never

import numpy as np

from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.absent_hosts import AbsenceWatch
from scanner.engines.connect.attempt import Attempt, OutcomeSink, Prober, Refusal
from scanner.engines.connect.batch_gate import Gate
from scanner.engines.connect.hosts import ENOUGH, HostBook
from scanner.engines.connect.icmp_errors import IcmpError
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.outcome import (
    EXHAUSTED,
    OPENED,
    Outcome,
    Weight,
    classify_errno,
    classify_icmp,
    local_failure,
)
from scanner.engines.connect.schedule import Schedule, Turn
from scanner.engines.interface import Progress

PUMP_TICK = 0.05
"""Seconds between looks at the clock."""
MOST_LOCAL_FAILURES = 5
"""Local failures after which an endpoint is settled as one, minus one."""
_LOT = 256
_MOST_WAITING = 64
_SHORTEST = 0.005
"""Seconds between looks at hosts' caps, at least."""
_FIRST_BACK_OFF = 0.1
_GRACE = 1.0

_RESET = reason_code(Reason.RESET)
_ABSENT = reason_code(Reason.HOST_UNREACHABLE)


class ConnectRun:
    """Waves in, settled waves out. Obeys `attempt.OutcomeSink` and `schedule.Settler`."""

    def __init__(
        self,
        waves: Iterable[Wave | None],
        book: HostBook,
        gate: Gate | None,
        *,
        timeout: float,
        retries: int,
        retry_gap: float,
        sockets: int,
        prober: Callable[[OutcomeSink, Callable[[], None]], Prober],
        watch: AbsenceWatch | None,
        alone: bool = True,
    ) -> None:
        """`gate` the global rate, None for none; `sockets` how many may be in use; times in seconds.

        `prober` is made with this run as its outcome sink and the callback that reads its outcomes. `alone` is False
        where other processes of ours probe too. Needs a running loop.
        """
        self._schedule = Schedule(waves, book, self)
        self._gate = gate
        self._timeout, self._retries, self._retry_gap = timeout, retries, retry_gap
        self._sockets = self._room = sockets
        self._alone = alone
        self._clock_offset = time() - monotonic()
        self._done: deque[SettledWave] = deque()
        self._news = asyncio.Event()
        self._failure: BaseException | None = None
        self._stopping, self._stopped_at = False, inf
        self._pump_queued = self._closed = False
        self._opened = self._finished_sent = self._finished_endpoints = 0
        self._loop = asyncio.get_running_loop()

        self._timer = self._loop.call_soon(self._tick)
        self._caps = self._loop.call_soon(self._pump)
        self._pacing = None if gate is None else self._loop.create_task(self._pace(gate))
        self._prober = prober(self, self._pump)
        self._book, self._watch = book, watch
        if watch is not None:
            self._loop.add_reader(watch.fileno(), self._settle_absent, watch)

    @property
    def progress(self) -> Progress:
        """How far this run has come."""
        active = self._schedule.active
        return Progress(
            sent=self._finished_sent + sum(wave.sent for wave in active),
            settled=self._finished_endpoints + sum(len(wave.ports) - wave.left for wave in active),
            open=self._opened,
        )

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
                while self._done:
                    yield self._done.popleft()
                if self._failure is not None:
                    raise self._failure
                if self._schedule.exhausted:
                    return
                self._news.clear()
                await self._news.wait()
        finally:
            self._closed = True
            self._timer.cancel()
            self._caps.cancel()
            if self._pacing is not None:
                self._pacing.cancel()
            if self._watch is not None:
                self._loop.remove_reader(self._watch.fileno())
                self._watch.close()
            self._prober.close()

    # -- when to send ------------------------------------------------------------------------------------------

    async def _pace(self, gate: Gate) -> None:
        while True:
            batch = await gate.next_batch()
            self._safely(partial(self._send, batch))

    def _tick(self) -> None:
        self._timer = self._loop.call_later(PUMP_TICK, self._tick)
        self._safely(self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        now = monotonic()
        self._prober.expire(now - self._timeout)
        self._room = min(self._sockets, self._room + max(1, self._room // 16))
        if self._stopping:
            self._wind_down(now)
        self._turn()

    def _pump(self) -> None:
        self._pump_queued = False
        self._safely(self._turn)

    def _turn(self) -> None:
        """Read a lot of answers, and send a lot of probes where no gate does."""
        self._prober.drain()
        if self._gate is not None:
            return
        if self._send(_LOT) or self._schedule.skipping:
            if not self._pump_queued:
                self._pump_queued = True
                self._loop.call_soon(self._pump)
        elif self._schedule.opens < inf:  # nothing but caps holds us up: a bucket is full again before the next tick
            self._caps.cancel()
            self._caps = self._loop.call_later(max(_SHORTEST, self._schedule.opens - monotonic()), self._pump)

    def _send(self, most: int) -> int:
        """Launch up to so many probes; return how many were launched.

        None after `stop`, and none while settled waves wait for a slow consumer.
        """
        if self._stopping or len(self._done) > _MOST_WAITING:
            return 0
        room = min(most, self._room - self._prober.in_flight)
        return self._prober.launch(self._schedule.turns(monotonic(), room)) if room > 0 else 0

    def _wind_down(self, now: float) -> None:
        """Let what is under way come to its end, but not for long; then end every wave as it is."""
        self._schedule.stop()
        self._stopped_at = min(self._stopped_at, now)
        if not self._prober.in_flight or now - self._stopped_at > _GRACE:
            for wave in list(self._schedule.active):
                self.finish(wave)

    def _safely(self, work: Callable[[], object]) -> None:
        """Run a callback; an exception in it is raised where the waves are awaited."""
        if self._closed or self._failure is not None:
            return
        try:
            work()
        except Exception as failure:  # noqa: BLE001 (raised again in `settled`)
            self._failure = failure
        if self._failure is not None or self._schedule.exhausted:
            self._news.set()

    # -- what came of it ---------------------------------------------------------------------------------------

    def _settle_absent(self, watch: AbsenceWatch) -> None:
        """Settle hosts that did not answer three ARP requests of the kernel: that is enough."""
        for address in watch.absent():
            host = self._book.find(address)
            if host is not None:
                host.report(_ABSENT, weight=ENOUGH)

    def refused(self, refusals: list[Refusal]) -> None:
        """See `attempt.OutcomeSink`."""
        at = monotonic() + self._clock_offset
        for wave, group in groupby(refusals, itemgetter(0)):
            _, indices, rtts = zip(*group, strict=True)
            if not wave.finished and wave.settle_all(list(indices), _RESET, at, np.array(rtts)):
                self.finish(wave)

    def no_socket(self, turn: Turn, error: int) -> None:
        """Wait for the sockets in use, since there is less room than was thought; or, if there are none, for the
        system."""
        wave, index, _ = turn
        if error in EXHAUSTED and self._prober.in_flight:
            self._room = self._prober.in_flight
            self._schedule.again(wave, index, monotonic())
        else:
            self._failed(wave, index, local_failure(error))

    def ended(self, attempt: Attempt, error: int, news: IcmpError | None, *, at_once: bool = False) -> None:
        """See `attempt.OutcomeSink`."""
        now = monotonic()
        rtt = now - attempt.started
        if error in OPENED:
            outcome = self._opened_to(attempt, error)
            rtt = attempt.handshake_time() or rtt
        elif news is not None:
            host = attempt.host
            by_us = str(news.sender) == host.source and not host.is_this_machine
            outcome = classify_icmp(news, sent_by_us=by_us)
        else:
            outcome = classify_errno(error, at_once=at_once)
        self._follow(attempt, outcome, now, rtt)

    def settle_unasked(self, wave: InFlightWave, index: int, code: int) -> None:
        """Settle an endpoint without an answer, by its host's verdict or after the last attempt."""
        host = wave.host_of[index]
        if code == _ABSENT and not host.counted and not host.answered:
            host.counted = True
            wave.absent.append(int(wave.wave.host[index]))
        self._settle(wave, index, code, monotonic())

    def finish(self, wave: InFlightWave) -> None:
        """Hand a wave out as it is."""
        del self._schedule.active[wave]
        self._finished_sent += wave.sent
        self._finished_endpoints += len(wave.ports) - wave.left
        self._done.append(wave.result(monotonic() + self._clock_offset))
        self._news.set()

    def _opened_to(self, attempt: Attempt, error: int) -> Outcome:
        if attempt.met_ourselves(self._prober.attempts(), alone=self._alone):
            return local_failure(EADDRINUSE, "the connection was made with a socket of this program")
        self._opened += 1
        return classify_errno(error)

    def _follow(self, attempt: Attempt, outcome: Outcome, now: float, rtt: float) -> None:
        """Do what an outcome asks for."""
        wave, index = attempt.wave, attempt.index
        match outcome.weight:
            case Weight.FINAL:
                attempt.host.answered = True
                self._settle(wave, index, outcome.code, now, rtt, outcome.evidence)
            case Weight.SILENCE:
                self._unanswered(attempt, outcome.code, now)
            case Weight.HOST | Weight.NO_WAY:
                code = _ABSENT if attempt.host.is_broadcast else outcome.code
                attempt.host.report(code)
                self._unanswered(attempt, code, now)
            case Weight.LOCAL:
                self._failed(wave, index, outcome)
            case _:
                assert_never(outcome.weight)

    def _unanswered(self, attempt: Attempt, code: int, now: float) -> None:
        """Schedule another attempt, at a decent distance from the last; or settle the endpoint."""
        wave, index = attempt.wave, attempt.index
        wave.unanswered[index] += 1
        if attempt.host.verdict is not None:
            self.settle_unasked(wave, index, attempt.host.verdict)
        elif wave.unanswered[index] > self._retries:
            self.settle_unasked(wave, index, code)
        else:
            self._schedule.again(wave, index, max(now, attempt.started + self._retry_gap))

    def _failed(self, wave: InFlightWave, index: int, outcome: Outcome) -> None:
        """Try again after a while, twice as long each time; at last settle the endpoint as a local failure."""
        now = monotonic()
        wave.local_failures[index] += 1
        if wave.local_failures[index] > MOST_LOCAL_FAILURES:
            self._settle(wave, index, outcome.code, now, nan, outcome.evidence)
        else:
            self._schedule.again(wave, index, now + _FIRST_BACK_OFF * 2 ** (wave.local_failures[index] - 1))

    def _settle(
        self, wave: InFlightWave, index: int, code: int, now: float, rtt: float = nan, evidence: str = ""
    ) -> None:
        if wave.finished:
            return
        if evidence:
            wave.evidence[index] = evidence
        if wave.settle(index, code, now + self._clock_offset, rtt):
            self.finish(wave)
