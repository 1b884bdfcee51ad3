"""Whatever is open, silent, unknown or cut short: what diff says is true, and clear sweeps leave nothing out."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.diff import Change
from scanner.history.compare import compare
from tests.history.conftest import Lab, World

ADDRESSES = [f"10.0.0.{last}" for last in range(8)]
PORTS = (22, 443, 8123)

places = st.frozensets(st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(PORTS)), max_size=12)
worlds = st.builds(
    World,
    open=places,
    unknown=st.one_of(st.just(frozenset()), places),
    silent=st.one_of(st.just(frozenset()), places),
    degraded=st.sampled_from([(), (), ("the link was down",)]),
    stop_after=st.sampled_from([None, None, 1, 3]),
)


@settings(max_examples=40, deadline=None)
@given(worlds, worlds, st.booleans())
def test_what_is_said_is_true(before: World, after: World, again: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "history.db")
        plan = lab.plan("10.0.0.0/29", PORTS, wave_size=5)

        async def both() -> tuple[str, str]:
            return await lab.sweep(before, plan), await lab.sweep(after, plan, again=again)

        old, new = asyncio.run(both())
        store = lab.store()
        with store.database:
            found = list(compare(store, store.sweep(old), store.sweep(new)))
    said = {
        change: {(str(d.endpoint.address), d.endpoint.port) for d in found if d.change is change} for change in Change
    }
    was, now = (each.open - each.unknown - each.silent for each in (before, after))

    assert said[Change.OPENED] <= now - (before.open - before.silent) - before.unknown
    gone = {place for place in said[Change.GONE] if place[1] == 8123}
    assert gone <= said[Change.CLOSED], "only an answer ends a finding"
    assert said[Change.CLOSED] <= was - after.open - after.unknown - after.silent
    assert not (said[Change.CLOSED] and after.degraded)
    assert not (said[Change.OPENED] and before.degraded)
    assert not said[Change.OPENED] & said[Change.CLOSED]
    assert not said[Change.UNSURE] & (said[Change.OPENED] | said[Change.CLOSED])
    if before.stop_after is None and after.stop_after is None:
        assert said[Change.OPENED] | said[Change.CLOSED] | said[Change.UNSURE] == was ^ now
    if all(not (w.unknown or w.degraded or w.stop_after or w.silent) for w in (before, after)):
        assert not said[Change.UNSURE]
