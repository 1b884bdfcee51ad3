"""TCP and UDP in one sweep: waves split, probed by two engines, and whole again."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

import numpy as np
import pytest

from scanner.core.errors import OutOfScope
from scanner.core.model import Transport
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet
from scanner.engines.both import BothTransports
from scanner.engines.fake import FakeEngine
from scanner.engines.interface import Progress
from tests.engines.waves import settle

FIRST = 10 << 24
RESET, CLOSED = reason_code(Reason.RESET), reason_code(Reason.PORT_UNREACHABLE)


def plan(tcp: int, udp: int, hosts: int = 16) -> Plan:
    return Plan(
        TargetSet([Span(4, FIRST, FIRST + hosts - 1)]),
        tuple(range(1, tcp + 1)),
        3,
        wave_size=64,
        udp_ports=tuple(range(1, udp + 1)),
    )


def saying(reason: Reason) -> FakeEngine:
    return FakeEngine({}, otherwise=reason)


@pytest.mark.parametrize(("tcp", "udp"), [(10, 3), (10, 0), (0, 3), (1, 200)])
async def test_every_wave_comes_back_whole_and_in_its_own_order(tcp: int, udp: int) -> None:
    whole = plan(tcp, udp)
    both = BothTransports(saying(Reason.RESET), saying(Reason.PORT_UNREACHABLE))
    settled = await settle(both, *map(whole.wave, whole.numbers()))
    assert sorted(each.wave.number for each in settled) == list(whole.numbers())
    for each in settled:
        assert each.complete
        assert np.array_equal(each.reason, np.where(each.wave.transport == 17, CLOSED, RESET))
        assert each.coverage().balanced
    assert sum(each.sent for each in settled) == whole.size
    assert both.progress.settled == whole.size


class SlowEngine(FakeEngine):
    """Settles nothing before it is let go, and counts the waves that it took."""

    def __init__(self) -> None:
        super().__init__({}, otherwise=Reason.PORT_UNREACHABLE)
        self.go, self.taken = asyncio.Event(), 0

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        taken = iter(waves)
        first = next(taken)
        await self.go.wait()
        yield self._settle(first)
        async for each in super().run(taken):
            yield each


async def test_the_faster_engine_waits_for_the_slower_one() -> None:
    whole, slow, fast = plan(60, 10, hosts=200), SlowEngine(), saying(Reason.RESET)
    both = BothTransports(fast, slow)
    run = both.run(map(whole.wave, whole.numbers()))
    first = asyncio.ensure_future(anext(run))
    for _ in range(2000):
        await asyncio.sleep(0)
    assert fast.progress.settled < whole.size / 2
    slow.go.set()
    settled = [await first, *[each async for each in run]]
    assert sum(len(each.wave) for each in settled) == whole.size


async def test_stopping_hands_out_what_one_engine_never_took() -> None:
    whole = plan(30, 10)
    both = BothTransports(saying(Reason.RESET), saying(Reason.PORT_UNREACHABLE))
    settled = []
    async for each in both.run(map(whole.wave, whole.numbers())):
        settled.append(each)
        both.stop()
    assert len(settled) < whole.waves
    assert all(each.complete for each in settled[:1])
    for each in settled:
        assert each.coverage().balanced
        assert each.complete == (each.coverage().unknown == 0)


class FailingEngine(FakeEngine):
    """Refuses to begin."""

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        for wave in waves:
            if wave.number >= 0:
                raise OutOfScope(str(wave.number))
            yield self._settle(wave)


async def test_the_failure_of_one_engine_is_raised() -> None:
    whole = plan(30, 10)
    with pytest.raises(OutOfScope):
        await settle(BothTransports(saying(Reason.RESET), FailingEngine()), *map(whole.wave, whole.numbers()))


def test_progress_and_notes_are_those_of_both() -> None:
    both = BothTransports(saying(Reason.RESET), saying(Reason.PORT_UNREACHABLE))
    assert both.progress == Progress()
    assert both.notes == ()
    assert both.name == "fake"
    assert Transport.UDP.value == "udp"
