"""ConnectionLimiter on a loop whose time passes only while everybody waits: exact, and quick however long it takes."""

import asyncio
import math
import selectors
from collections.abc import Sequence
from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.model import Address
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.engines.identify import connection_limiter as module
from scanner.engines.identify.connection_limiter import ConnectionLimiter

HOSTS = [ip_address(f"10.0.0.{number}") for number in range(1, 4)]
ONE, TWO, _ = HOSTS
WINDOW = 1 - 1e-6


class Unhurried(selectors.DefaultSelector):
    """Does not wait, but counts the time that it should have waited."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.waited += timeout or 0.0
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """A loop with that time."""

    def __init__(self) -> None:
        self._unhurried = Unhurried()
        super().__init__(self._unhurried)

    def time(self) -> float:
        return self._unhurried.waited

    def stall(self, seconds: float) -> None:
        """Something else has the processor."""
        self._unhurried.waited += seconds


Given = list[tuple[float, Address]]


def permitted(limits: Limits, wishes: Sequence[tuple[float, Address]], stalls: Sequence[float] = ()) -> Given:
    """When a SYN went to which host, in seconds. Each wish comes at its own time; each SYN may leave late."""

    async def run() -> Given:
        limiter, loop, late = ConnectionLimiter(limits), asyncio.get_running_loop(), iter(stalls)
        assert isinstance(loop, Loop)
        found: Given = []

        async def want(at: float, host: Address) -> None:
            await asyncio.sleep(at)
            await limiter.wait_turn(host)
            loop.stall(next(late, 0.0))
            found.append((loop.time(), host))

        async with asyncio.TaskGroup() as group:
            for wish in wishes:
                group.create_task(want(*wish))
        return found

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(run())


def at_once(*hosts: Address) -> list[tuple[float, Address]]:
    return [(0.0, host) for host in hosts]


def times(found: Given) -> list[float]:
    return [round(at, 2) for at, _ in found]


def most_in_a_second(moments: Sequence[float]) -> int:
    return int(max(np.searchsorted(moments, np.array(moments) + WINDOW) - np.arange(len(moments)), default=0))


def test_permits_are_spaced_over_all_and_for_each_host() -> None:
    assert times(permitted(Limits(10, None), at_once(ONE, TWO, ONE))) == [0, 0.1, 0.2]
    assert times(permitted(Limits(None, 2), at_once(ONE, TWO, ONE, TWO))) == [0, 0, 0.5, 0.5]
    assert times(permitted(UNLIMITED, at_once(ONE, ONE, ONE))) == [0, 0, 0]


def test_waiting_for_one_host_delays_no_other() -> None:
    found = permitted(Limits(40, 1), at_once(ONE, ONE, ONE, TWO))
    assert [host for _, host in found] == [ONE, TWO, ONE, ONE]
    assert times(found) == [0, 0.03, 1, 2]


def test_an_idle_stretch_is_not_saved_up() -> None:
    assert times(permitted(Limits(10, None), [(0, ONE), (100, ONE), (100, ONE)])) == [0, 100, 100.1]


def test_who_gives_up_costs_the_others_nothing() -> None:
    async def run() -> float:
        limiter = ConnectionLimiter(Limits(1, None))
        await limiter.wait_turn(ONE)
        first, second = (asyncio.ensure_future(limiter.wait_turn(ONE)) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        await second
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(run()) == pytest.approx(1.0, abs=1e-3)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY", 1)


@pytest.mark.usefixtures("forgetful")
def test_only_hosts_that_are_owed_nothing_are_forgotten() -> None:
    wishes = [(number / 10, host) for number, host in enumerate([*HOSTS] * 10)]
    found = permitted(Limits(None, 2), wishes)
    for host in HOSTS:
        assert most_in_a_second([at for at, to in found if to == host]) <= 2


WISHES = st.lists(st.tuples(st.floats(0, 3), st.sampled_from(HOSTS)), min_size=1, max_size=80)
RATES = st.none() | st.floats(0.5, 60) | st.sampled_from([100.0, 200.0])
STALLS = st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.03, 0.4]), max_size=80)


@given(RATES, RATES, WISHES, STALLS)
@settings(max_examples=100, deadline=None)
def test_no_second_holds_more_than_either_limit(
    rate: float | None, host_rate: float | None, wishes: Given, stalls: list[float]
) -> None:
    found = permitted(Limits(rate, host_rate), wishes, stalls)
    assert len(found) == len(wishes)
    assert most_in_a_second([at for at, _ in found]) <= (math.ceil(rate) if rate else len(found))
    for host in HOSTS:
        to_it = [at for at, to in found if to == host]
        assert most_in_a_second(to_it) <= (math.ceil(host_rate) if host_rate else len(to_it))


def test_a_syn_that_leaves_late_moves_the_others_on() -> None:
    found = permitted(Limits(100, None), at_once(*[ONE] * 300), [0.3])
    assert most_in_a_second([at for at, _ in found]) <= 100
