"""How often is often enough: bounds that hold, and tries that keep the promise."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.path.retries import expected_hidden, expected_open, miss_target, tries_needed, upper_loss


@pytest.mark.parametrize("loss", [0.0, 0.001, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("asked", [20, 300, 10_000])
def test_the_bound_lies_above_the_truth_as_often_as_it_says(loss: float, asked: int) -> None:
    lost = np.random.default_rng(3).binomial(asked, loss, 2000)
    above = np.mean([upper_loss(int(each), asked) >= loss for each in lost])
    assert above >= 0.945


def test_a_bound_is_close_where_much_is_known() -> None:
    assert upper_loss(0, 1000) == pytest.approx(0.003, rel=0.01)
    assert upper_loss(500, 10_000) == pytest.approx(0.0538, rel=0.01)
    assert upper_loss(0, 0) == 1.0
    assert upper_loss(3, 3) == 1.0
    assert upper_loss(0, 1000, confidence=0.5) < 0.001


def test_a_path_without_loss_needs_two_tries_and_one_with_a_tenth_four() -> None:
    target = miss_target(96, 32_000, 32_000)
    assert tries_needed([], upper_loss(0, 1000), target) == 2
    assert tries_needed([], 0.1, target) == 4
    assert tries_needed([0.1, 0.1], 0.1, target) == 2
    assert tries_needed([0.1] * 4, 0.1, target) == 0


def test_a_try_in_a_cut_counts_for_nothing() -> None:
    assert tries_needed([1.0], 0.01, 1e-4) == 2
    assert tries_needed([1.0, 0.01], 0.01, 1e-4) == 1


def test_where_everything_is_lost_tries_end_all_the_same() -> None:
    assert tries_needed([1.0], 1.0, 1e-4, most=6) == 5
    assert tries_needed([1.0] * 6, 1.0, 1e-4, most=6) == 0
    assert tries_needed([0.5], 0.0, 1e-4) == 1


@given(st.lists(st.floats(0, 1), max_size=5), st.floats(1e-6, 0.7), st.floats(1e-6, 1))
def test_as_many_tries_as_needed_and_none_more(losses: list[float], loss: float, target: float) -> None:
    needed = tries_needed(losses, loss, target, most=200)
    missed = prod(losses)
    assert missed * loss**needed <= target * (1 + 1e-6)
    assert needed == 0 or missed * loss ** (needed - 1) > target * (1 - 1e-6)


def test_what_is_open_is_expected_of_the_rest_too() -> None:
    assert expected_open(9, 1000, 5000) == 50
    assert miss_target(9, 1000, 5000, hidden=0.01) == pytest.approx(0.0002)
    assert miss_target(0, 0, 1) == 0.01


def test_what_is_hidden_follows_from_what_was_found() -> None:
    assert expected_hidden(99, 0.5) == 100
    assert expected_hidden(99, 0.0) == 0
    assert expected_hidden(0, 1.0) == float("inf")
