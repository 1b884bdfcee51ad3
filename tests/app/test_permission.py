"""A permission that ends in the middle of a sweep stops it there, and the sweep says so."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest

from scanner.app.assembly import make_job
from scanner.app.exit_status import ExitStatus
from scanner.app.job import Job, JobOutcome, run_to_end
from scanner.app.options import ScanOptions
from scanner.app.permission import LONGEST_SLEEP, Permission, permission_of, stopped_at_end
from scanner.app.planning import plan_sweep
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import Wave
from scanner.core.targets.ranges import merge, network_span
from scanner.core.targets.scope import Scope
from scanner.engines.choose import EngineName
from scanner.engines.fake import FakeEngine
from scanner.engines.interface import Engine
from scanner.outputs.summary_text import describe, plain_summary

BEGAN = datetime(2026, 9, 1, 22, tzinfo=UTC)
ENDS = BEGAN + timedelta(hours=2)


class HandClock:
    """A clock that a test moves."""

    def __init__(self, at: datetime = BEGAN) -> None:
        self.at = at
        self.asked: list[float] = []
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self.at

    def move(self, to: datetime) -> None:
        self.at = to
        self._moved.set()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self._moved.clear()
        await self._moved.wait()


def scope(ends: datetime = ENDS) -> Scope:
    return Scope("office", merge([network_span("127.0.0.0/8")]), "IT", "letter 7", valid_until=ends)


def job(clock: HandClock, engine: Engine | EngineName, *, ports: str = "1-4096", rate: float = 0) -> Job:
    options = ScanOptions("127.0.0.1", ports, engine=engine, scope=scope(), started=BEGAN, rate=rate, no_history=True)
    planned = plan_sweep(options, warn=pytest.fail)
    small = replace(planned.prepared, plan=replace(planned.prepared.plan, wave_size=64))
    return replace(make_job(replace(planned, prepared=small), warn=pytest.fail), clock=clock)


def closed_until(wave_number: int, then: Callable[[], None]) -> FakeEngine:
    """An engine that finds everything closed, and calls `then` in one of its waves."""

    def answers(wave: Wave) -> npt.NDArray[np.uint16]:
        if wave.number == wave_number:
            then()
        return np.full(len(wave), reason_code(Reason.RESET), np.uint16)

    return FakeEngine(answers)


def said(outcome: JobOutcome) -> str:
    return plain_summary(describe(outcome.summary))


async def test_sending_stops_when_the_permission_ends() -> None:
    clock = HandClock()
    engine = closed_until(7, lambda: clock.move(ENDS))
    outcome = await run_to_end(job(clock, engine))
    assert 8 * 64 <= engine.progress.sent <= 12 * 64
    assert outcome.status is ExitStatus.INCOMPLETE
    assert outcome.summary.coverage.unknown == 4096 - engine.progress.sent
    assert outcome.summary.finished == ENDS
    ended = "the permission of scope office ended at 2026-09-02T00:00:00+00:00; nothing was sent after that"
    assert outcome.summary.degraded == (ended,)
    assert ended in said(outcome)
    assert "INCOMPLETE" in said(outcome)


async def test_a_permission_that_ended_while_the_sweep_was_prepared_sends_nothing() -> None:
    engine = closed_until(0, pytest.fail)
    outcome = await run_to_end(job(HandClock(ENDS), engine))
    assert engine.progress.sent == 0
    assert outcome.status is ExitStatus.INCOMPLETE
    assert "ended at" in said(outcome)


async def test_one_that_ends_after_the_last_answer_takes_nothing_from_the_sweep() -> None:
    clock = HandClock()
    outcome = await run_to_end(job(clock, closed_until(63, lambda: clock.move(ENDS))))
    assert outcome.status is ExitStatus.CLEAN
    assert "permission" not in said(outcome)


async def test_the_connect_engine_stops_in_the_middle_of_a_wave() -> None:
    class Leaping(HandClock):
        """Leaps to the end once it is waited for: while the first wave is under way."""

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(0.05)
            self.at = ENDS

    outcome = await run_to_end(job(Leaping(), EngineName.CONNECT, rate=100))
    assert outcome.status is ExitStatus.INCOMPLETE
    assert outcome.summary.coverage.sent < 64
    assert "nothing was sent after that" in said(outcome)


async def test_the_clock_is_read_again_every_second_because_it_may_be_set() -> None:
    clock, stopped = HandClock(), list[str]()
    async with stopped_at_end(Permission(ENDS, "office"), stopped.append, clock):
        await asyncio.sleep(0)
        assert clock.asked == [LONGEST_SLEEP]
        clock.move(ENDS - timedelta(milliseconds=250))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert clock.asked == [LONGEST_SLEEP, 0.25]
        assert not stopped
    assert not stopped, "the sweep was over before"


async def test_a_scope_without_an_end_is_not_watched() -> None:
    assert permission_of(None) is None
    assert permission_of(Scope("lab", merge([]), "IT", "none")) is None
    async with stopped_at_end(None, pytest.fail, HandClock()):
        pass
