"""The fake engine obeys the rules of the real ones."""

from collections.abc import Iterator
from ipaddress import ip_address

import numpy as np

from scanner.core.model import State
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet
from scanner.engines.fake import FakeEngine
from scanner.engines.interface import Engine, Progress

PLAN = Plan(
    TargetSet([Span(4, 0x0A000000, 0x0A000003), Span(6, 0xFD00 << 112, (0xFD00 << 112) + 1)]),
    (22, 80, 443),
    seed=7,
    wave_size=5,
)


async def settle(engine: Engine) -> list[SettledWave]:
    return [each async for each in engine.run(PLAN.wave(number) for number in range(PLAN.waves))]


async def test_it_gives_the_answers_it_was_given() -> None:
    given = {
        (ip_address("10.0.0.2"), 80): Reason.SYN_ACK,
        (ip_address("fd00::1"), 22): Reason.SYN_ACK,
        (ip_address("10.0.0.1"), 443): Reason.ICMP_ADMIN_PROHIBITED,
        (ip_address("10.9.9.9"), 443): Reason.SYN_ACK,
    }
    engine = FakeEngine(given, otherwise=Reason.RESET)
    settled = await settle(engine)
    assert [len(each.wave) for each in settled] == [5, 5, 5, 3]
    found = [each for wave in settled for each in wave.observe(wave.places(State.OPEN))]
    assert {str(each.endpoint) for each in found} == {"10.0.0.2:80/tcp", "[fd00::1]:22/tcp"}
    total = sum((each.coverage() for each in settled[1:]), settled[0].coverage())
    assert (total.open, total.closed, total.filtered, total.unknown) == (2, 15, 1, 0)
    assert total.balanced
    assert engine.progress == Progress(sent=18, settled=18, open=2)


async def test_without_answers_nothing_was_sent_and_nothing_is_known() -> None:
    for each in await settle(FakeEngine()):
        assert each.sent == 0
        assert each.reasons() == {"not-probed": len(each.wave)}
        assert not each.complete


async def test_it_asks_a_function() -> None:
    def even(wave: Wave) -> np.ndarray:
        return np.where(wave.port % 2, reason_code(Reason.RESET), reason_code(Reason.SYN_ACK)).astype(np.uint16)

    for each in await settle(FakeEngine(even)):
        assert np.array_equal(each.places(State.OPEN), np.flatnonzero(each.wave.port % 2 == 0))


async def test_stopped_it_takes_no_further_wave() -> None:
    engine = FakeEngine({})
    taken: list[int] = []

    def waves() -> Iterator[Wave]:
        for number in range(PLAN.waves):
            taken.append(number)
            yield PLAN.wave(number)

    async for _ in engine.run(waves()):
        engine.stop()
    assert taken == [0]
