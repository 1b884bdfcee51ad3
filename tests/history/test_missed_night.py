"""`history check`: a night that did not run is heard of, whatever the reason."""

from collections.abc import Callable
from datetime import timedelta

from scanner.app.missed_night import missed_night
from tests.history.conftest import BEGAN, Lab, World

DAY = timedelta(hours=26)
ENDED = BEGAN + timedelta(minutes=5)


async def test_a_night_in_time_is_silent_and_a_late_one_is_told_with_its_age(
    lab: Lab, world: Callable[..., World]
) -> None:
    sweep = await lab.sweep(world(), audit="office")
    with lab.store() as store:
        assert missed_night(store, DAY, ENDED + DAY) == ""
        late = missed_night(store, DAY, ENDED + DAY + timedelta(minutes=1), audit="office")
        assert late == f"missed: the newest sweep of office, {sweep}, ended 26.0 hours ago"
        assert "no sweep of lab" in missed_night(store, DAY, ENDED, audit="lab")


async def test_a_night_that_was_cut_short_is_missed(lab: Lab, world: Callable[..., World]) -> None:
    await lab.sweep(world(), ends=False)
    with lab.store() as store:
        assert missed_night(store, DAY, ENDED) == "missed: no sweep has ended yet"


async def test_a_date_in_the_future_is_no_proof(lab: Lab, world: Callable[..., World]) -> None:
    await lab.sweep(world())
    with lab.store() as store:
        assert "in the future" in missed_night(store, DAY, ENDED - timedelta(hours=1))
        assert missed_night(store, DAY, ENDED - timedelta(minutes=4)) == ""
