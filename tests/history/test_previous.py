"""What was open the last time is looked at by name, so that its end is known and not only supposed."""

from collections.abc import Callable
from typing import Any

from scanner.core.diff import Difference
from scanner.core.model import State
from scanner.core.plan.plan import Shard
from scanner.history.compare import compare
from scanner.history.previous import open_before

A, B, C = ("10.0.0.1", 22), ("10.0.0.2", 443), ("fd00::2", 8123)


def changes(lab: Any, old: str, new: str) -> dict[tuple[str, str, int], Difference]:
    found = compare(lab.store(), lab.stored(old), lab.stored(new))
    return {(each.change.value, str(each.endpoint.address), each.endpoint.port): each for each in found}


async def test_the_places_are_those_that_were_open(lab: Any, world: Callable[..., Any]) -> None:
    both = "10.0.0.0/28 fd00::/126"
    before = lab.stored(await lab.sweep(world(A, B, C), lab.plan(both)))
    for plan in (lab.plan(both), lab.plan("10.0.0.0/29", wave_size=5), lab.plan(both, shard=Shard(2, 3))):
        places = open_before(lab.store(), before, plan)
        for number in range(plan.waves):
            wave = plan.wave(number)
            here = {(str(wave.address(k)), int(wave.port[k])): k for k in range(len(wave))}
            assert places(wave).tolist() == sorted(here[at] for at in (A, B, C) if at in here)


async def test_closed_is_said_with_its_reason_beside_an_endpoint_that_nobody_could_tell(
    lab: Any, world: Callable[..., Any]
) -> None:
    plan = lab.plan(wave_size=1000)
    old = await lab.sweep(world(A, B), plan)
    new = await lab.sweep(world(unknown=[B, ("10.0.0.9", 22)]), plan, again=True)
    found = changes(lab, old, new)
    assert found["closed", *A].after == "closed (reset)"
    assert found["unsure", *B].after == "unknown (local-error:EMFILE)"
    assert len(found) == 2


async def test_a_degraded_sweep_closes_nothing_even_if_it_looked(lab: Any, world: Callable[..., Any]) -> None:
    old = await lab.sweep(world(A, B))
    new = await lab.sweep(world(B, degraded=("the link was down",)), again=True)
    assert set(changes(lab, old, new)) == {("unsure", *A)}


async def test_what_closed_is_asked_for_once_and_then_forgotten(lab: Any, world: Callable[..., Any]) -> None:
    await lab.sweep(world(A, B))
    for kept in ([State.CLOSED, State.OPEN], [State.OPEN]):
        sweep_id = await lab.sweep(world(B), again=True)
        assert [each.observation.state for each in lab.store().judged(lab.stored(sweep_id))] == kept
