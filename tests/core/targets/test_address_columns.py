"""Columns: what a value that is shared by all costs, and which values a column has."""

import numpy as np
import pytest

from scanner.core.targets.address_columns import distinct, ranges_held
from tests.netlab.sweeping import plan_of


@pytest.mark.parametrize("column", [[], [7], [7, 7, 7], [9, 7, 9, 8], [-1, 3, -1]])
def test_distinct_values_are_those_of_numpy(column: list[int]) -> None:
    assert distinct(np.array(column, np.int32)).tolist() == np.unique(column).tolist()
    shared = np.broadcast_to(np.int32(5), 4)
    assert distinct(shared).tolist() == [5]


def test_what_all_share_is_held_once() -> None:
    assert ranges_held(np.broadcast_to(np.uint64(0), 1000)) == 8
    assert ranges_held(np.zeros(1000, np.uint64), np.zeros(10, np.uint16)) == 8020


@pytest.mark.parametrize(
    ("targets", "each"),
    [("10.0.0.0/24", 0), ("10.0.0.0/24 10.2.0.0/24", 0), ("fd00::/120", 8), ("10.0.0.0/24 fd00::/120", 9)],
)
def test_waves_hold_versions_and_upper_halves_only_where_they_differ(targets: str, each: int) -> None:
    wave = plan_of(targets.split(), [80]).wave(0)
    assert wave.version.tolist() == [wave.address(place).version for place in range(len(wave))]
    assert ranges_held(wave.version, wave.high) // len(wave) == each
