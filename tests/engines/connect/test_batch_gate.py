"""asyncio-throttle behind our gate: the rate holds in every window, and a stop is not caught up with."""

import time

import numpy as np
import pytest

from scanner.core.rate.allowance import batching
from scanner.engines.connect.batch_gate import BatchGate


async def releases(gate: BatchGate, seconds: float) -> tuple[list[float], list[int]]:
    times, counts = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        counts.append(await gate.next_batch())
        times.append(time.monotonic())
    return times, counts


@pytest.mark.parametrize("rate", [30, 1000, 20_000])
async def test_batches_never_come_closer_than_their_period(rate: int) -> None:
    times, counts = await releases(BatchGate(rate), 0.3)
    assert set(counts) == {batching(rate).batch}
    assert len(times) >= 2
    assert np.diff(times).min() > batching(rate).period * 0.95  # 5 %: this test's own clock is read a little later


async def test_a_stopped_process_does_not_catch_up() -> None:
    gate = BatchGate(1000)
    await gate.next_batch()
    time.sleep(0.25)  # what SIGSTOP does to the loop
    times, _ = await releases(gate, 0.1)
    assert np.diff(times).min() > batching(1000).period * 0.95
