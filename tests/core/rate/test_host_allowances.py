"""No host gets more than its rate in any rolling second, and no burst after a stop."""

from math import ceil

import numpy as np
import pytest

from scanner.core.rate.allowance import Allowance, HostAllowances


def most_in_a_second(times: list[float]) -> int:
    """The most events in any rolling second."""
    moments = np.sort(np.array(times))
    return int((np.searchsorted(moments, moments + 1.0, side="left") - np.arange(len(moments))).max())


@pytest.mark.parametrize("rate", [0.7, 1.0, 3.125, 37.0, 5000.0, 400_000.0])
def test_everybody_together_gets_the_rate_and_no_more(rate: float) -> None:
    spacing, sent = Allowance(rate), list[float]()
    for tick in range(1200):
        now = 5.0 + tick * 0.0025
        count = spacing.ready(now, 10_000)
        spacing.took(count)
        sent += [now] * count
    assert most_in_a_second(sent) <= ceil(rate)
    assert len(sent) >= 3 * rate * 0.99 - 1
    assert spacing.ready(now + 10, 10_000) <= rate * 0.008 + 1


def test_no_rate_means_no_limit() -> None:
    spacing = Allowance(None)
    assert spacing.ready(1.0, 123) == 123
    spacing.took(123)
    assert spacing.wait(1.0) == 0.0


@pytest.mark.parametrize("rate", [0.7, 1.0, 3.125, 37.0, 1000.0, 20_000.0])
def test_each_host_gets_its_rate_and_no_more(rate: float) -> None:
    pacing = HostAllowances(rate, hosts=16)
    wish = np.arange(4096, dtype=np.uint64) % np.uint64(3)
    sent: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for tick in range(1200):
        now = 5.0 + tick * 0.0025
        for host in wish[pacing.allow(wish, now, 10_000)].tolist():
            sent[host].append(now)
    for times in sent.values():
        assert most_in_a_second(times) <= ceil(rate)
        assert len(times) >= 3 * rate * 0.99 - 1


def test_no_burst_after_a_stop() -> None:
    pacing = HostAllowances(1000.0)
    wish = np.zeros(5000, np.uint64)
    pacing.allow(wish, 1.0, 5000)
    assert pacing.allow(wish, 11.0, 5000).sum() <= 9


def test_never_more_than_asked_for_and_the_first_ones_first() -> None:
    pacing = HostAllowances(10.0)
    allowed = pacing.allow(np.arange(100, dtype=np.uint64), 1.0, 7)
    assert np.flatnonzero(allowed).tolist() == list(range(7))
    assert pacing.allow(np.arange(100, dtype=np.uint64), 1.0, 100).sum() == 93


def test_hosts_that_share_a_place_share_an_allowance() -> None:
    pacing = HostAllowances(10.0, hosts=8)
    assert pacing.allow(np.array([3, 11, 19], np.uint64), 1.0, 9).tolist() == [True, False, False]


def test_what_left_late_moves_the_schedule_on() -> None:
    spacing, hosts, one = Allowance(1000.0), HostAllowances(1000.0), np.zeros(50, np.uint64)
    assert spacing.ready(1.0, 50) == hosts.allow(one, 1.0, 50).sum() == 6
    spacing.took(6, late=0.02)
    hosts.went_late(one[:6], 0.02)
    assert spacing.ready(1.02, 50) == hosts.allow(one, 1.02, 50).sum() == 0
    assert spacing.ready(1.0245, 50) == hosts.allow(one, 1.0245, 50).sum() == 5


def test_a_batch_is_judged_as_if_its_probes_came_one_by_one() -> None:
    generator = np.random.default_rng(11)
    together, one_by_one = HostAllowances(900.0, hosts=64), HostAllowances(900.0, hosts=64)
    now = 1.0
    for _ in range(200):
        wish = generator.integers(0, 80, generator.integers(0, 300)).astype(np.uint64)
        now += float(generator.exponential(0.004))
        most = int(generator.integers(1, 200))
        left, singly = most, []
        for host in wish:
            singly.append(bool(left) and bool(one_by_one.allow(np.array([host]), now, 1)[0]))
            left -= singly[-1]
        assert together.allow(wish, now, most).tolist() == singly
