"""A pool of worker processes: the same outcomes as the plain engine, and no chunk or process lost silently."""

import asyncio
import gc
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from scanner.core.errors import OutOfScope
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.rate.pacing import Pacing, fixed
from scanner.engines.connect.chunks import DispatchedWave, SettledChunk, chunk
from scanner.engines.connect.dispatcher import WORKER_LOST
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.pool import ConnectPool, pool_size
from tests.engines.peers import listeners
from tests.engines.waves import covered, in_pieces, reasons, settle, wave

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a pool needs fork()")

SLOW = Limits(rate=None, host_rate=200)
"""A cap that keeps workers busy for a while, on a loopback that answers at once."""


def pool(limits: Limits = UNLIMITED, workers: int = 2, **options: Any) -> ConnectPool:
    return ConnectPool(ConnectOptions(**options), limits, workers=workers)


def children() -> set[int]:
    """The processes that this one started, zombies included."""
    return {int(each) for task in Path("/proc/self/task").iterdir() for each in (task / "children").read_text().split()}


@pytest.fixture(autouse=True)
async def no_process_and_no_descriptor_is_left() -> object:
    gc.collect()
    before = children(), len([*Path("/dev/fd").iterdir()])
    yield
    await asyncio.sleep(0)  # the loop closes what was given back
    assert (children(), len([*Path("/dev/fd").iterdir()])) == before


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_pool_finds_what_one_process_finds(address: str, workers: int) -> None:
    with listeners(100, address) as expected:
        asked = wave([address], sorted(expected | set(range(1, 1000))))
        alone = await settle(ConnectEngine(ConnectOptions(), UNLIMITED), *in_pieces(asked, 301))
        engine = pool(workers=workers)
        settled = await settle(engine, *in_pieces(asked, 301))
    assert reasons(*settled) == reasons(*alone)
    assert {port for (_, port), reason in reasons(*settled).items() if reason == "syn-ack"} >= expected
    assert sorted(each.wave.number for each in settled) == sorted(each.wave.number for each in alone)
    assert all(each.complete and not each.degraded for each in settled)
    assert all(((each.at > 1e9) & (each.rtt > 0)).all() for each in settled)
    assert engine.progress.settled == len(asked)
    assert engine.progress.sent == covered(*settled).sent >= len(asked)


async def test_small_empty_and_repeated_waves_are_waves() -> None:
    one = wave(["127.0.0.1"], [1])
    settled = await settle(pool(workers=3), one, wave(["127.0.0.1"], []), *(one,) * 5)
    assert sorted(len(each.wave) for each in settled) == [0, 1, 1, 1, 1, 1, 1]
    assert {*reasons(*settled).values()} == {"reset"}


async def test_without_waves_there_is_nothing() -> None:
    assert await settle(pool()) == []


async def test_a_killed_worker_takes_only_what_it_had() -> None:
    engine = pool(SLOW)
    asked = [*in_pieces(wave(["127.0.0.1"], range(1, 81)), 40)]
    settled: list[SettledWave] = []

    def waves() -> Iterator[Wave]:
        yield from asked
        os.kill(max(children()), signal.SIGKILL)  # while both waves are under way
        os.waitid(os.P_PID, max(children()), os.WEXITED | os.WNOWAIT)

    settled = [each async for each in engine.run(waves())]
    assert [each.degraded for each in settled] == [(WORKER_LOST,)] * 2
    assert not any(each.complete for each in settled)
    for each in settled:
        assert each.coverage().balanced
        assert (each.reason[0::2] == reason_code(Reason.RESET)).all()
        assert (each.at > 1e9).all()
    assert settled[-1].reasons()["interrupted"] == 20


async def test_who_is_left_goes_on_and_who_is_not_is_missed() -> None:
    engine = pool(SLOW)
    seen: list[SettledWave] = []

    def waves() -> Iterator[Wave]:
        for number, each in enumerate(in_pieces(wave(["127.0.0.1"], range(1, 61)), 20)):
            if number == 1:
                victim = max(children())
                os.kill(victim, signal.SIGKILL)
            yield each

    async for each in engine.run(waves()):
        seen.append(each)
        if len(seen) == 1:
            assert len(children()) == 1
            os.kill(children().pop(), signal.SIGKILL)
    assert seen
    assert all(each.degraded == (WORKER_LOST,) for each in seen)


async def test_stopping_keeps_what_was_learnt() -> None:
    engine = pool(SLOW)
    asked = list(in_pieces(wave(["127.0.0.1"], range(1, 4001)), 1000))
    asyncio.get_running_loop().call_later(0.3, engine.stop)
    started = monotonic()
    settled = await settle(engine, *asked)
    assert monotonic() - started < 3  # and not the 20 seconds that it would take
    assert not any(each.complete or each.degraded for each in settled)
    coverage = covered(*settled)
    assert coverage.balanced
    assert 0 < coverage.closed <= coverage.sent < 500
    assert {*reasons(*settled).values()} == {"reset", "interrupted"}
    assert await settle(engine, *asked) == []


async def test_closing_the_generator_leaves_no_process_behind() -> None:
    run = pool(SLOW).run(in_pieces(wave(["127.0.0.1"], range(1, 4000)), 10))
    await anext(run)
    assert len(children()) == 2
    await run.aclose()


async def test_a_worker_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.engines.connect.dispatcher._PATIENCE", 0.05)
    run = pool(SLOW).run(in_pieces(wave(["127.0.0.1"], range(1, 4000)), 10))
    await anext(run)
    os.kill(max(children()), signal.SIGSTOP)
    await run.aclose()
    assert not children()


async def test_an_address_that_is_not_permitted_gets_no_probe() -> None:
    engine = ConnectPool(ConnectOptions(), UNLIMITED, lambda address: str(address) != "127.0.0.3", workers=2)
    good, bad = wave(["127.0.0.2"], range(1, 50)), wave(["127.0.0.2", "127.0.0.3"], range(1, 50))
    with pytest.raises(OutOfScope, match=r"127\.0\.0\.3"):
        await settle(engine, good, bad)
    assert engine.progress.sent <= len(good)


async def test_where_no_process_may_be_started_one_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more() -> int:
        raise BlockingIOError

    monkeypatch.setattr("scanner.engines.connect.worker.os.fork", no_more)
    settled = await settle(pool(), wave(["127.0.0.1"], range(1, 50)))
    assert {*reasons(*settled).values()} == {"reset"}


async def test_the_cap_holds_over_all_workers() -> None:
    engine = pool(Limits(rate=None, host_rate=400), workers=3)
    started = monotonic()
    settled = await settle(engine, wave(["127.0.0.1"], range(1, 401)))
    assert covered(*settled).closed == 400
    assert monotonic() - started >= (400 - 3 * 2) / 400 - 0.05  # each may have saved up a tick's worth
    order = np.sort(settled[0].at)
    assert np.searchsorted(order, order + 0.5).max(initial=0) <= 400
    assert max(np.searchsorted(order, order + 0.5) - np.arange(400)) <= 220


@pytest.mark.parametrize(("limit", "packets", "part"), [(1000, 1, 333), (5, 1, 1), (1000, 2, 332), (None, 1, None)])
def test_parts_of_a_limit_never_add_up_to_more(limit: float | None, packets: int, part: float | None) -> None:
    assert Limits(limit, None).among(3, packets).rate == part
    assert limit is None or part is None or (3 * part <= limit and part % packets == 0)


def test_a_limit_too_small_to_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        pool(Limits(rate=1, host_rate=None))


def test_a_pool_is_only_started_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert pool_size(65535, 1, UNLIMITED) == 2
    assert pool_size(1000, 1, UNLIMITED) == 1
    assert pool_size(10**6, 1, Limits(rate=None, host_rate=1000)) == 1
    assert pool_size(10**6, 254, Limits(rate=None, host_rate=1000)) == 2
    assert pool_size(10**6, 254, Limits()) == 1
    assert pool_size(10**6, 254, fixed(UNLIMITED)) == 2
    assert pool_size(10**6, 254, Pacing()) == 1  # one process hears of every answer
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1})
    assert pool_size(65535, 1, UNLIMITED) == 1


def test_chunks_put_together_are_the_wave() -> None:
    whole = wave(["10.0.0.1", "10.0.0.2"], range(1, 6))
    dispatched = DispatchedWave(whole, 3)
    for worker in range(3):
        part = chunk(whole, 7, worker, 3)
        came = SettledChunk(
            number=part.number,
            reason=part.port,
            at=part.low.astype(np.float64),
            rtt=part.port.astype(np.float32),
            sent=len(part),
            complete=True,
            evidence={0: f"port {part.port[0]}"},
            absent=(0, 1),
        )
        dispatched.settle(worker, came)
    result = dispatched.result({1})
    assert result.reason.tolist() == whole.port.tolist() == result.rtt.tolist()
    assert result.at.tolist() == whole.low.tolist()
    assert result.evidence == {0: "port 1", 1: "port 2", 2: "port 3"}
    assert (result.sent, result.complete, result.unreachable_hosts, result.absent) == (10, True, 1, (0,))


def test_workers_go_when_their_parent_is_killed() -> None:
    code = """
import asyncio
from scanner.core.rate.limits import Limits
from scanner.engines.connect.engine import ConnectOptions
from scanner.engines.connect.pool import ConnectPool
from tests.engines.connect.test_pool import children
from tests.engines.waves import wave
async def main():
    waves = wave(["127.0.0.1"], range(1, 9)), wave(["127.0.0.1"], range(1, 4000))
    run = ConnectPool(ConnectOptions(), Limits(None, 200), workers=2).run(waves)
    await anext(run)
    print(*children(), flush=True)
    await anext(run)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [os.pidfd_open(int(each)) for each in parent.stdout.readline().split()]
        parent.kill()
    assert len(workers) == 2
    for worker in workers:
        ended, _, _ = select.select([worker], [], [], 5)
        os.close(worker)
        assert ended
