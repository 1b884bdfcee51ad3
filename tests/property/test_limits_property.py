"""Whatever is asked for and whenever: no window of one second holds more than the rate."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.rate.batches import HostSpacing, Spacing
from scanner.core.rate.limits import Bucket, Limits, batching

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


@given(RATES, GAPS)
def test_who_need_not_wait_may_go(rate: float, gaps: list[float]) -> None:
    bucket, now = Bucket(rate), 1000.0
    for gap in gaps:
        now += gap
        now += bucket.wait(now)
        assert not bucket.wait(now)
        assert bucket.take(now) == 1


@given(RATES)
def test_batches_keep_their_promise(rate: float) -> None:
    found = batching(rate)
    starts = [number * found.period for number in range(200)]
    assert most_in_a_second(starts, [found.batch] * 200) <= math.ceil(rate)


@given(st.floats(1.001, 20_000) | st.integers(2, 20_000).map(float), st.integers(2, 100), GAPS, st.data())
def test_the_parts_of_a_limit_keep_the_promise_of_the_whole(
    limit: float, one_in: int, gaps: list[float], data: st.DataObject
) -> None:
    parts = Limits(limit, None).divided(one_in)
    assert all(part.rate for part in parts)
    assert sum(part.rate or 0 for part in parts) == limit
    buckets, now = [Bucket(part.rate or 0) for part in parts], 1000.0
    times, counts = [], []
    for gap in gaps:
        now += gap
        times.append(now)
        counts.append(sum(bucket.take(now, data.draw(st.integers(0, 30_000))) for bucket in buckets))
    assert most_in_a_second(times, counts) <= math.ceil(limit)


@given(st.floats(1.001, 1e6), st.integers(2, 100))
def test_parts_are_never_rounded_up_to_more_than_the_whole(limit: float, one_in: int) -> None:
    most, rest = Limits(limit, None).divided(one_in)
    assert math.ceil(most.rate or 0) + math.ceil(rest.rate or 0) == math.ceil(limit)


@given(RATES, GAPS, st.data())
def test_whole_batches_keep_their_promise_too(rate: float, gaps: list[float], data: st.DataObject) -> None:
    together, each, now = Spacing(rate), HostSpacing(rate, hosts=4), 1000.0
    hosts = np.zeros(30_000, np.uint64)
    times, counts, of_host = [], [], []
    for gap in gaps:
        now += gap
        most = data.draw(st.integers(1, 30_000))
        times.append(now)
        counts.append(together.ready(now, most))
        together.took(counts[-1])
        of_host.append(int(each.allow(hosts, now, most).sum()))
    assert most_in_a_second(times, counts) <= math.ceil(rate)
    assert most_in_a_second(times, of_host) <= math.ceil(rate)
