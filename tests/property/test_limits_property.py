"""Whatever is asked for and whenever: no window of one second holds more than the rate."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.rate.allowance import Allowance, HostAllowances, batching
from scanner.core.rate.limits import Limits, divide

RATES = st.one_of(st.floats(0.2, 50), st.integers(1, 20_000).map(float))
GAPS = st.lists(st.floats(0, 0.3), min_size=1, max_size=60)
WINDOW = 1 - 1e-5


def most_in_a_second(times: list[float], counts: list[int]) -> int:
    totals = np.r_[0, np.cumsum(counts)]
    ends = np.searchsorted(times, np.array(times) + WINDOW)
    return int(max(totals[ends] - totals[np.arange(len(times))]))


@given(RATES, GAPS, st.data())
def test_a_bucket_keeps_its_promise(rate: float, gaps: list[float], data: st.DataObject) -> None:
    bucket, now = Allowance(rate), 1000.0
    times, counts = [], []
    for gap in gaps:
        now += gap
        times.append(now)
        counts.append(bucket.take(now, data.draw(st.integers(1, 30_000))))
    assert most_in_a_second(times, counts) <= math.ceil(rate)


@given(RATES, st.integers(0, 300))
def test_waiting_as_told_is_enough_and_needed(rate: float, probes: int) -> None:
    bucket, now = Allowance(rate), 5.0
    for _ in range(probes % 97):
        now += bucket.wait(now) * (1 + 1e-9) + 1e-9
        assert bucket.take(now) == 1
    wait = bucket.wait(now)
    if wait > 1e-3:
        assert bucket.take(now + wait * 0.999) == 0


@given(RATES, GAPS)
def test_who_need_not_wait_may_go(rate: float, gaps: list[float]) -> None:
    bucket, now = Allowance(rate), 1000.0
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
    buckets, now = [Allowance(part.rate or 0) for part in parts], 1000.0
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
    together, each, now = Allowance(rate), HostAllowances(rate, hosts=4), 1000.0
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


CHANGES = st.lists(st.tuples(st.floats(0, 0.4), st.none() | st.floats(0.2, 3000)), min_size=1, max_size=60)


@given(st.floats(1, 3000), CHANGES, st.data())
def test_a_moving_rate_keeps_the_mean_of_what_was_in_force(
    first: float, changes: list[tuple[float, float | None]], data: st.DataObject
) -> None:
    allowance, now, rate = Allowance(first), 1000.0, first
    times, counts, bounds, rates = [], [], [0.0], [first]
    for gap, new in changes:
        now += gap
        if new is not None:
            allowance.set_rate(new, now)
            bounds.append(now)
            rate = new
            rates.append(new)
        times.append(now)
        counts.append(allowance.take(now, data.draw(st.integers(1, 5000))))
    assert rate == rates[-1]
    for begin in times:
        seen = sum(count for at, count in zip(times, counts, strict=True) if begin <= at < begin + WINDOW)
        assert seen <= math.ceil(_mean(bounds, rates, begin - 0.0065, begin + 1) / 1.0 + 1e-6)


def _mean(bounds: list[float], rates: list[float], start: float, end: float) -> float:
    ends = [*bounds[1:], math.inf]
    inside = (max(0.0, min(end, b) - max(start, a)) * r for a, b, r in zip(bounds, ends, rates, strict=True))
    return sum(inside) / (end - start)


@given(st.lists(st.tuples(st.floats(0, 0.3), st.floats(0.5, 900), st.floats(0.5, 900)), min_size=1, max_size=50))
def test_hosts_with_moving_rates_never_exceed_the_fastest_in_force(steps: list[tuple[float, float, float]]) -> None:
    ceiling, now = 500.0, 50.0
    hosts, sent = HostAllowances(ceiling, hosts=4), {0: [(0.0, 0, 0.0)], 1: [(0.0, 0, 0.0)]}
    wish = np.arange(2000, dtype=np.uint64) % np.uint64(2)
    for gap, one, two in steps:
        now += gap
        rate = np.where(wish == 0, one, two)
        gone = wish[hosts.allow(wish, now, 2000, rate)]
        for each, own in ((0, one), (1, two)):
            sent[each].append((now, int(np.count_nonzero(gone == each)), min(own, ceiling)))
    for events in sent.values():
        for begin, _, _ in events:
            window = [event for event in events if begin <= event[0] < begin + WINDOW]
            assert sum(event[1] for event in window) <= math.ceil(max(event[2] for event in window))


@given(
    st.integers(6, 5000).map(float),
    st.lists(st.tuples(st.floats(0, 0.3), st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=40),
)
def test_parts_that_move_keep_the_promise_of_the_whole(limit: float, moves: list[tuple[float, int, int]]) -> None:
    parts, now = [Allowance(part) for part in divide(limit, (1, 1, 1), moving=True)], 10.0
    times, counts = [], []
    for gap, left, right in moves:
        now += gap
        new = divide(limit, (1, left, right), moving=True)
        for part, rate in zip(parts, new, strict=True):
            part.set_rate(rate, now)
        times.append(now)
        counts.append(sum(part.take(now, 9000) for part in parts))
    assert most_in_a_second(times, counts) <= math.ceil(limit)
