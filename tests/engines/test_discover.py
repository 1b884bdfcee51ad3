"""The two steps of `--discover` as one engine."""

import asyncio

from scanner.core.plan.reasons import Reason
from scanner.core.plan.wave import SettledWave
from scanner.engines.discover import DiscoveredEngine, Hosts, TwoSteps
from scanner.engines.fake import FakeEngine
from tests.engines.test_fake import PLAN


def two_steps(scout: FakeEngine, engine: FakeEngine, rest: float) -> TwoSteps:
    hosts = Hosts(PLAN.targets.size)
    return TwoSteps(scout, [PLAN.wave(0)], DiscoveredEngine(engine, hosts, PLAN.wave), hosts, rest=rest)


async def test_a_stop_ends_the_rest_between_the_steps() -> None:
    scout = FakeEngine({}, otherwise=Reason.RESET)
    steps = two_steps(scout, FakeEngine({}), rest=3600)

    async def settle() -> list[SettledWave]:
        return [each async for each in steps.run([PLAN.wave(1)])]

    settling = asyncio.create_task(settle())
    while not scout.progress.settled:
        await asyncio.sleep(0)
    steps.stop()
    async with asyncio.timeout(5):
        assert await settling == []


async def test_after_the_rest_the_second_step_begins() -> None:
    scout = FakeEngine({}, otherwise=Reason.RESET)
    steps = two_steps(scout, FakeEngine({}, otherwise=Reason.RESET), rest=0.01)
    settled = [each async for each in steps.run([PLAN.wave(1)])]
    assert [each.wave.number for each in settled] == [1]
    assert settled[0].sent == len(PLAN.wave(0)) + settled[0].reasons()["reset"]
