"""Screening and asking inside a sweep: after a wave is settled, before it is judged, and cut short by a stop."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from scanner.app.sweep import Sweep
from scanner.core.model import Observation, State
from scanner.core.plan.wave import Wave
from scanner.core.rate.limits import Limits
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.rules.classify import Judge
from scanner.core.whole_host import stand_in
from scanner.engines.identify.answers_everywhere import AnswersEverywhereScreen
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from tests.app.test_sweep import REGISTRY, finish, open_on, plan


class Asking:
    """Knows ssh when it meets it, or never gets an answer."""

    def __init__(self, *, forever: bool = False) -> None:
        self.began = asyncio.Event()
        self.asked: list[Observation] = []
        self._forever = forever

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        return await self.identify(observations)

    def unscreened(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], int]:
        return observations[:-1], 1

    async def identify(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        self.asked += observations
        self.began.set()
        if self._forever:
            await asyncio.Event().wait()
        return [replace(seen, identity=Identity(Conduct.GREETED, "ssh")) for seen in observations]


class Dropping:
    """Takes every observation for one of a host that answers everywhere."""

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        return [stand_in(observations[0])] if observations else observations

    def unscreened(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], int]:
        return [], len(observations)


async def test_what_was_found_out_is_judged() -> None:
    results, _ = await finish(Sweep(plan(hosts=1), open_on(80), Judge(REGISTRY), identifier=Asking()))
    [judged] = [judged for result in results for judged in result.judged]
    assert "service-mismatch" in {finding.rule for finding in judged.findings}


async def test_what_was_screened_out_is_counted_but_neither_asked_nor_judged() -> None:
    asking = Asking()
    sweep = Sweep(plan(hosts=1), open_on(*range(1, 65)), Judge(REGISTRY), screen=Dropping(), identifier=asking)
    results, summary = await finish(sweep)
    assert summary.coverage.open == 64
    told = {finding.rule for result in results for judged in result.judged for finding in judged.findings}
    assert told == {"host-answers-everywhere"}
    assert all(seen.whole_host for seen in asking.asked)


@pytest.mark.parametrize("role", ["identifier", "screen"])
async def test_a_stop_does_not_wait_for_strangers(role: str) -> None:
    asking = Asking(forever=True)
    sweep = Sweep(plan(hosts=1), open_on(80), Judge(REGISTRY), **cast(Any, {role: asking}))
    running = asyncio.create_task(finish(sweep))
    await asking.began.wait()
    sweep.stop()
    async with asyncio.timeout(5):
        results, summary = await running
    judged = [judged for result in results for judged in result.judged if judged.observation.state is State.OPEN]
    assert all(each.observation.identity is None for each in judged)
    assert summary.coverage.balanced


SUSPECT = 16
"""Open ports of a host that is suspected of answering on every port."""


def real_screen(ports: int) -> AnswersEverywhereScreen:
    """The screen of real sweeps, whose tests never get a turn: the limiter never lets one go."""
    limiter = ConnectionLimiter(Limits(rate=1e-9, host_rate=None))
    return AnswersEverywhereScreen(permitted=lambda _: True, limiter=limiter, ports_per_address=ports, secret=bytes(16))


def stopped_when_settled(open_ports: Iterable[int]) -> Sweep:
    """A sweep that a signal stops when its only wave is settled, before anything is asked about it."""

    def stop(wave: Wave) -> npt.NDArray[np.intp]:
        sweep.stop()
        return np.empty(0, np.intp)

    whole = plan(hosts=1, wave_size=128)
    sweep = Sweep(whole, open_on(*open_ports), Judge(REGISTRY), screen=real_screen(100), asked=stop)
    return sweep


async def test_what_a_stop_left_untested_is_counted_and_not_listed() -> None:
    [result], summary = await finish(stopped_when_settled(range(1, SUSPECT + 1)))
    assert result.judged == ()
    assert not result.complete
    assert summary.coverage.open == SUSPECT
    assert summary.interrupted
    assert f"{SUSPECT} open ports are not listed" in summary.notes[0]


async def test_a_host_with_few_open_ports_is_listed_even_after_a_stop() -> None:
    [result], summary = await finish(stopped_when_settled([22, 80]))
    assert sorted(judged.observation.endpoint.port for judged in result.judged) == [22, 80]
    assert result.complete
    assert not [note for note in summary.notes if "not listed" in note]


@pytest.mark.parametrize("role", ["identifier", "screen"])
async def test_a_wave_whose_questions_a_stop_cut_short_is_probed_again_by_a_resumed_sweep(role: str) -> None:
    asking = Asking(forever=True)
    sweep = Sweep(plan(hosts=1, wave_size=128), open_on(80), Judge(REGISTRY), **cast(Any, {role: asking}))
    running = asyncio.create_task(finish(sweep))
    await asking.began.wait()
    sweep.stop()
    [result], summary = await running
    assert not result.complete
    assert summary.coverage.unknown == 0
    assert summary.interrupted, "everything was probed, but not every question was answered"
