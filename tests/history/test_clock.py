"""A clock that was wrong for one sweep: order is the order of recording, and a note says so."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from scanner.history.codec import milliseconds
from scanner.history.compare import compare_sweeps
from scanner.history.prune import older_than
from tests.history.conftest import BEGAN

OPEN = (("10.0.0.3", 22), ("10.0.0.3", 8123))
TEN_YEARS = 3650


async def four_nights(lab: Any, world: Callable[..., Any], wrong: int) -> list[str]:
    """Four sweeps, the second of them with a clock that is wrong by some days."""
    ids = []
    for shift in (0, wrong, -wrong, 0):
        lab.nights += shift
        ids.append(await lab.sweep(world(*OPEN)))
    return ids


@pytest.mark.parametrize("wrong", [TEN_YEARS, -TEN_YEARS])
async def test_the_newest_sweep_is_the_one_recorded_last(lab: Any, world: Callable[..., Any], wrong: int) -> None:
    ids = await four_nights(lab, world, wrong)
    store = lab.store()
    assert [sweep.id for sweep in store.sweeps()] == ids[::-1]
    assert [store.sweep(f"last~{back}").id for back in range(4)] == ids[::-1]
    for earlier, later in pairwise(ids):
        before = store.before(store.sweep(later))
        assert before is not None
        assert before.id == earlier
    after = store.after(store.sweep(ids[0]))
    assert after is not None
    assert after.id == ids[3]
    assert "the clock was wrong" in store.clock_doubt()


async def test_a_comparison_over_a_jump_of_the_clock_says_so(lab: Any, world: Callable[..., Any]) -> None:
    _, ahead, back, last = await four_nights(lab, world, TEN_YEARS)
    store = lab.store()
    doubtful = compare_sweeps(store, store.sweep(ahead), store.sweep(back))
    assert list(doubtful.changes) == []
    assert doubtful.clock_doubt == (
        f"sweep {ahead} was recorded before {back} and has a later date: the clock was wrong in one of them"
    )
    assert compare_sweeps(store, store.sweep(back), store.sweep(last)).clock_doubt == ""


async def test_a_history_with_a_good_clock_has_no_doubt(lab: Any, world: Callable[..., Any]) -> None:
    await four_nights(lab, world, 0)
    assert lab.store().clock_doubt() == ""


async def test_a_finding_is_never_first_seen_after_it_was_observed(lab: Any, world: Callable[..., Any]) -> None:
    lab.nights += TEN_YEARS
    await lab.sweep(world(*OPEN))
    lab.nights -= TEN_YEARS
    ids = [await lab.sweep(world(*OPEN)) for _ in range(2)]
    store = lab.store()
    for sweep_id in ids:
        for judged in store.judged(store.sweep(sweep_id)):
            for finding in judged.findings:
                assert finding.first_seen is not None
                assert finding.first_seen <= judged.observation.at
                assert finding.first_seen < BEGAN + timedelta(days=5)


async def test_a_first_seen_date_from_a_wrong_clock_is_corrected_and_never_shown(
    lab: Any, world: Callable[..., Any]
) -> None:
    wrong = BEGAN + timedelta(days=TEN_YEARS)
    sweep_id = await lab.sweep(world(*OPEN))
    connection = lab.store().database.connection
    connection.execute("UPDATE known SET first_seen = ?", (milliseconds(wrong),))
    store = lab.store()
    shown = [finding for judged in store.judged(store.sweep(sweep_id)) for finding in judged.findings]
    assert all(finding.first_seen == finding.observation.at for finding in shown)
    await lab.sweep(world(*OPEN))
    (earliest,) = connection.execute("SELECT max(first_seen) FROM known").fetchone()
    assert earliest < milliseconds(BEGAN + timedelta(days=5))


async def test_pruning_deletes_what_is_old_and_nothing_else(lab: Any, world: Callable[..., Any]) -> None:
    await four_nights(lab, world, TEN_YEARS)
    now = BEGAN + timedelta(days=100)
    store = lab.store()
    assert store.prune(now - timedelta(days=200), now=now) == 0
    assert store.prune(now - timedelta(days=50), now=now) == 4, "the one of 2036 as well"
    later = now + timedelta(days=60)
    store.prune(later - timedelta(days=50), now=later)
    assert store.database.connection.execute("SELECT count(*) FROM known").fetchone() == (0,)


@pytest.mark.parametrize(
    ("started", "old"),
    [
        ([10, 20, 30, 90], [0, 1, 2]),
        ([10, 999, 30, 90], [0, 1, 2]),
        ([999, 10, 90], [0, 1]),
        ([60, 1, 90], []),
        ([60, 70, 1], []),
        ([10, 1, 60], [0, 1]),
        ([999], []),
        ([], []),
    ],
)
def test_a_wrong_date_deletes_no_sweep_too_early_and_keeps_none_for_ever(started: list[int], old: list[int]) -> None:
    assert older_than(list(enumerate(started)), limit=50, today=100) == old
