"""A host that answers on every port: what is not stored of it is never taken for closed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from scanner.core.model import Observation, State
from scanner.core.rules.classify import Judge
from scanner.core.whole_host import is_open_tcp, stand_in
from scanner.history.compare import compare
from scanner.history.database import Database
from scanner.history.recorder import begin_sweep
from scanner.sweep import Sweep
from tests.history.conftest import WorldEngine

TARPIT = "10.0.0.1"
BEFORE = [(TARPIT, 22), (TARPIT, 443), ("10.0.0.2", 22)]


class Condemning:
    """A screen that knows the tarpit."""

    def __init__(self) -> None:
        self.told = False

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        of_it = [seen for seen in observations if str(seen.endpoint.address) == TARPIT and is_open_tcp(seen)]
        kept = [seen for seen in observations if seen not in of_it]
        if of_it and not self.told:
            self.told = True
            kept.append(stand_in(of_it[0]))
        return kept


async def screened(lab: Any, world: Any, times: int = 1) -> str:
    """A sweep with the screen; more than once, as if it had been resumed."""
    plan = lab.plan()
    info = lab.info(plan)
    lab.nights += 1
    with Database(lab.path, create=True) as database:
        recorder = begin_sweep(database, info, plan, audit="", settings={})
        for _ in range(times):
            judge = Judge(lab.registry)
            sweep = Sweep(plan, WorldEngine(world, info.started), judge, screen=Condemning(), recorder=recorder)
            async for _ in sweep.results():
                pass
            assert sweep.summary(info, info.started).degraded == ()
        recorder.end(sweep.summary(info, info.started))
    return info.sweep_id


async def test_nothing_of_it_is_said_to_have_closed(lab: Any, world: Callable[..., Any]) -> None:
    old = await lab.sweep(world(*BEFORE))
    new = await screened(lab, world(*BEFORE))
    store = lab.store()
    found = [
        (each.change.value, str(each.endpoint.address)) for each in compare(store, lab.stored(old), lab.stored(new))
    ]
    assert found == [("unsure", TARPIT), ("unsure", TARPIT)]
    back = list(compare(store, lab.stored(new), lab.stored(old)))
    assert {str(each.endpoint.address) for each in back} <= {TARPIT}
    assert not {each.change.value for each in back} & {"opened", "closed"}


async def test_a_resumed_sweep_may_say_it_again_and_the_history_knows_it_once(
    lab: Any, world: Callable[..., Any]
) -> None:
    sweep = lab.stored(await screened(lab, world(*BEFORE), times=2))
    stored = [each for each in lab.store().judged(sweep) if each.observation.whole_host]
    assert [str(each.observation.endpoint.address) for each in stored] == [TARPIT]
    [one] = stored
    assert one.observation.state is State.OPEN
    again = Judge(lab.registry).judge(replace(one.observation))
    assert [finding.rule for finding in again.findings] == ["host-answers-everywhere"]
