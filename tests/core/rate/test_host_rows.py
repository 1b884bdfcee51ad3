"""Rows for hosts: found again, given to others when idle, and never to two at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.rate.host_rows import IDLE, HostRows


def hosts(*numbers: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.array(numbers, np.uint64)


def test_a_host_keeps_its_row() -> None:
    rows = HostRows(64)
    row, new = rows.claim(hosts(5, 900, 77), 1.0)
    assert new.all()
    assert rows.find(hosts(77, 5, 6)).tolist() == [row[2], row[0], -1]
    again, new = rows.claim(hosts(900), 2.0)
    assert again.tolist() == [row[1]]
    assert not new.any()
    assert rows.host(row).tolist() == [5, 900, 77]


def test_a_full_table_gives_away_what_is_idle_and_nothing_else() -> None:
    rows = HostRows(4)
    row, _ = rows.claim(hosts(1, 2, 3, 4), 0.0)
    assert sorted(row.tolist()) == [0, 1, 2, 3]
    assert rows.claim(hosts(5), 1.0)[0].tolist() == [-1]
    rows.touch(row[:3], IDLE)
    taken, new = rows.claim(hosts(5), IDLE + 1)
    assert taken.tolist() == [row[3]]
    assert new.tolist() == [True]
    assert rows.find(hosts(4)).tolist() == [-1]


@given(st.lists(st.sets(st.integers(0, 200), max_size=40), max_size=12))
def test_no_row_ever_belongs_to_two(batches: list[set[int]]) -> None:
    rows = HostRows(32)
    for step, batch in enumerate(batches):
        wanted = hosts(*sorted(batch))
        row, _ = rows.claim(wanted, step * 4.0)
        had = row[row >= 0]
        assert len(np.unique(had)) == len(had)
        assert rows.host(had).tolist() == wanted[row >= 0].tolist()
        assert (rows.find(wanted) == row).all()
