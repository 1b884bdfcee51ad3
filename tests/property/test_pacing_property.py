"""Whatever is asked for and whenever: no window of one second holds more than the rate."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.pacing import Bucket, Buckets, spacing

RATES = st.one_of(st.floats(0.2, 50), st.integers(1, 20_000).map(float))
GAPS = st.lists(st.floats(0, 0.3), min_size=1, max_size=60)
WINDOW = 1 - 1e-5


def most_in_a_second(times: list[float], counts: list[int]) -> int:
    totals = np.r_[0, np.cumsum(counts)]
    ends = np.searchsorted(times, np.array(times) + WINDOW)
    return int(max(totals[ends] - totals[np.arange(len(times))]))


@given(RATES, GAPS, st.data())
def test_a_bucket_keeps_its_promise(rate: float, gaps: list[float], data: st.DataObject) -> None:
    bucket, now = Bucket(rate), 1000.0
    times, counts = [], []
    for gap in gaps:
        now += gap
        times.append(now)
        counts.append(bucket.take(now, data.draw(st.integers(1, 30_000))))
    assert most_in_a_second(times, counts) <= math.ceil(rate)


@given(RATES, st.integers(0, 300))
def test_waiting_as_told_is_enough_and_needed(rate: float, probes: int) -> None:
    bucket, now = Bucket(rate), 5.0
    for _ in range(probes % 97):
        now += bucket.wait(now) * (1 + 1e-9) + 1e-9
        assert bucket.take(now) == 1
    wait = bucket.wait(now)
    if wait > 1e-3:
        assert bucket.take(now + wait * 0.999) == 0


@given(RATES)
def test_batches_keep_their_promise(rate: float) -> None:
    found = spacing(rate)
    starts = [number * found.period for number in range(200)]
    assert most_in_a_second(starts, [found.batch] * 200) <= math.ceil(rate)


@given(st.floats(1, 500), st.lists(st.tuples(st.floats(0, 0.2), st.lists(st.integers(0, 2), max_size=40)), max_size=30))
def test_each_of_many_buckets_keeps_its_promise(rate: float, rounds: list[tuple[float, list[int]]]) -> None:
    buckets, now = Buckets(rate, 3), 0.0
    times: list[float] = []
    sent: list[list[int]] = []
    for gap, hosts in rounds:
        now += gap
        admitted = buckets.admit(now, np.array(hosts, np.intp))
        times.append(now)
        sent.append(np.bincount(np.array(hosts, np.intp)[admitted], minlength=3).tolist())
    for host in range(3):
        if times:
            assert most_in_a_second(times, [each[host] for each in sent]) <= math.ceil(rate)
