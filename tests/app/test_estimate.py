"""How long a sweep is said to take."""

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.app.estimate import Persistence, time_range
from scanner.core.rate.limits import UNLIMITED, Limits

TWICE = Persistence(tries=2, gap=2.6, wait=0.8)


def test_a_silent_endpoint_takes_every_try_and_the_waits_between() -> None:
    assert TWICE.silent_seconds == pytest.approx(2.6 + 0.8)
    assert Persistence(tries=1, gap=2.6, wait=0.8).silent_seconds == 0.8
    assert Persistence(tries=3, gap=1, wait=2).silent_seconds == 4


def test_the_range_runs_from_empty_addresses_to_silent_ones() -> None:
    found = time_range(512_000, 256, Limits(1000, None), TWICE)
    assert found
    assert astuple(found) == pytest.approx((0.256 + 0.8, 512, 1.1 * (1024 + 3.4)))


def test_a_plan_that_is_answered_at_once_waits_for_nobody() -> None:
    found = time_range(10, 10, Limits(1000, None), TWICE)
    assert found
    assert found.least == found.answered == 0.01


def test_the_limit_of_each_address_holds_too() -> None:
    found = time_range(60_000, 1, Limits(5000, 1000), TWICE)
    assert found
    assert found.answered == 60


def test_without_a_limit_nothing_is_said() -> None:
    assert time_range(60_000, 1, UNLIMITED, TWICE) is None


@given(
    addresses=st.integers(1, 1 << 32),
    ports=st.integers(1, 65535),
    rate=st.floats(0.01, 1e7),
    tries=st.integers(1, 21),
    seconds=st.floats(0.01, 60),
)
def test_the_range_is_in_order(addresses: int, ports: int, rate: float, tries: int, seconds: float) -> None:
    found = time_range(addresses * ports, addresses, Limits(rate, rate), Persistence(tries, seconds, seconds))
    assert found
    assert 0 < found.least <= found.answered < found.most
