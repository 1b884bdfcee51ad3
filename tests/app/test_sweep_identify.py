"""Screening and asking inside a sweep: after a wave is settled, before it is judged, and cut short by a stop."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from scanner.app.sweep import Sweep
from scanner.core.model import Observation, State
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.rules.classify import Judge
from scanner.core.whole_host import stand_in
from tests.app.test_sweep import REGISTRY, finish, open_on, plan


class Asking:
    """Knows ssh when it meets it, or never gets an answer."""

    def __init__(self, *, forever: bool = False) -> None:
        self.began = asyncio.Event()
        self.asked: list[Observation] = []
        self._forever = forever

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        return await self.identify(observations)

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
