"""The arithmetic of keeping to a rate, on a clock made of numbers."""

import pytest

from scanner.core.rate.allowance import TICK, Allowance, batching
from scanner.core.rate.limits import UNLIMITED, Limits, divide, packets_of


@pytest.mark.parametrize(("rate", "batch"), [(0.1, 1), (1, 1), (100, 2), (1000, 20), (5000, 100), (50000, 1000)])
def test_batches_hold_a_tick_and_keep_to_the_rate(rate: float, batch: int) -> None:
    found = batching(rate)
    assert found.batch == batch
    assert found.batch / found.period <= rate
    assert found.batch / found.period > 0.97 * rate


def test_a_full_bucket_gives_its_depth_and_then_one_at_a_time() -> None:
    bucket = Allowance(1000, slack=TICK)
    assert bucket.take(10.0, 500) == 20
    assert bucket.take(10.0, 500) == 0
    wait = bucket.wait(10.0)
    assert 0 < wait < 0.0011
    assert bucket.take(10.0 + wait * 0.9) == 0
    assert bucket.take(10.0 + wait * 1.001) == 1


def test_a_pause_saves_up_no_more_than_the_depth() -> None:
    bucket = Allowance(1000, slack=TICK)
    bucket.take(0.0, 20)
    assert bucket.take(3600.0, 10_000) == 20


def test_slow_rates_are_spaced_evenly() -> None:
    bucket = Allowance(0.5)
    sent = [tick / 10 for tick in range(100) if bucket.take(tick / 10)]
    assert sent == [0.0, 2.1, 4.2, 6.3, 8.4]


def test_a_new_rate_holds_for_what_is_owed_already() -> None:
    slow = Allowance(0.1)
    assert slow.take(0.0) == 1
    slow.set_rate(1000.0, 2.0)
    assert slow.take(2.0005) == 0
    assert slow.take(2.001) == 1
    slow.set_rate(0.1, 2.001)
    assert slow.take(11.0, 9) == 1
    assert slow.take(20.9) == 0


def test_a_limit_may_come_and_go() -> None:
    limit = Allowance(None)
    assert limit.take(1.0, 500) == 500
    limit.set_rate(10.0, 1.0)
    assert limit.take(1.0, 500) == 1
    limit.set_rate(None, 1.0)
    assert limit.take(1.0, 500) == 500
    assert limit.wait(1.0) == 0


@pytest.mark.parametrize(
    ("limit", "senders", "packets", "part"), [(100, 4, 1, 25), (101, 4, 2, 24), (None, 4, 2, None)]
)
def test_equal_parts_are_whole_probes(limit: float | None, senders: int, packets: int, part: float | None) -> None:
    assert Limits(limit, None).among(senders, packets).rate == part


def test_no_part_is_smaller_than_a_probe() -> None:
    with pytest.raises(ValueError, match="too few"):
        Limits(7, None).among(4, 2)
    with pytest.raises(ValueError, match="cannot be divided"):
        divide(4, (1, 1, 1), moving=True)
    assert divide(5, (1, 1, 1), moving=True) == (1, 1, 1)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_is_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Allowance(rate)


def test_limits_are_shared_by_the_packets_of_a_probe() -> None:
    assert Limits(rate=3000, host_rate=None).shared_by(3) == Limits(rate=1000, host_rate=None)
    assert Limits(rate=8, host_rate=2).shared_by(3) == Limits(rate=2, host_rate=2 / 3)
    assert UNLIMITED.shared_by(2) == UNLIMITED


@pytest.mark.parametrize(("timeout", "packets"), [(0.1, 1), (0.8, 1), (0.99, 2), (1, 2), (2.5, 3)])
def test_from_a_second_on_the_kernel_repeats_a_connect(timeout: float, packets: int) -> None:
    assert packets_of(timeout) == packets


def test_a_bucket_may_be_forgotten_once_it_owes_nothing() -> None:
    bucket = Allowance(10)
    assert bucket.is_idle(5.0)
    bucket.take(5.0)
    assert not bucket.is_idle(5.09)
    assert bucket.is_idle(5.1)


@pytest.mark.parametrize(
    ("limit", "one_in", "parts"),
    [
        (5000, 10, (4500, 500)),
        (5000, 100, (4950, 50)),
        (15, 10, (14, 1)),
        (4.5, 10, (3.5, 1)),
        (2, 10, (1, 1)),
        (1.5, 10, (0.75, 0.75)),
        (None, 10, (None, None)),
    ],
)
def test_a_limit_is_divided_in_whole_probes(
    limit: float | None, one_in: int, parts: tuple[float | None, float | None]
) -> None:
    most, rest = Limits(limit, None).divided(one_in)
    assert (most.rate, rest.rate) == parts
    assert (most.host_rate, rest.host_rate) == (None, None)
    most, rest = Limits(None, limit).divided(one_in)
    assert (most.host_rate, rest.host_rate) == parts


@pytest.mark.parametrize("limits", [Limits(1, None), Limits(None, 0.1), Limits(5000, 1)])
def test_one_probe_a_second_cannot_be_divided(limits: Limits) -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        limits.divided(10)


def test_the_next_one_begins_when_the_last_one_is_out_of_sight() -> None:
    assert [limits.rest for limits in (UNLIMITED, Limits(), Limits(None, 0.1))] == [0, 1, 10]
