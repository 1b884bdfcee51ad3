"""A host that answers on every port: that it does is news, and what is not stored of it is never taken for closed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from scanner.app.sweep import Sweep
from scanner.core.diff import Basis, Change, Side, Visibility, differences
from scanner.core.model import Observation, State, Verdict
from scanner.core.plan.plan import Shard
from scanner.core.rules.classify import Judge
from scanner.core.whole_host import is_open_tcp, stand_in
from scanner.history.compare import compare
from scanner.history.database import Database
from scanner.history.recorder import begin_sweep
from tests.history.conftest import WorldEngine
from tests.outputs.samples import judged

TARPIT = "10.0.0.1"
BEFORE = [(TARPIT, 22), (TARPIT, 443), ("10.0.0.2", 22)]


class Condemning:
    """A screen that knows the tarpit, after as many of its ports as were needed to become suspicious."""

    def __init__(self, unsuspicious: int = 0) -> None:
        self.told = False
        self.unsuspicious = unsuspicious

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        of_it = [seen for seen in observations if str(seen.endpoint.address) == TARPIT and is_open_tcp(seen)]
        passed, of_it = of_it[: self.unsuspicious], of_it[self.unsuspicious :]
        self.unsuspicious -= len(passed)
        kept = [seen for seen in observations if seen not in of_it]
        if of_it and not self.told:
            self.told = True
            kept.append(stand_in(of_it[0]))
        return kept

    def unscreened(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], int]:
        return observations, 0


async def screened(lab: Any, world: Any, times: int = 1, unsuspicious: int = 0, plan: Any = None) -> str:
    """A sweep with the screen; more than once, as if it had been resumed."""
    plan = plan or lab.plan()
    info = lab.info(plan)
    lab.nights += 1
    with Database(lab.path, create=True) as database:
        recorder = begin_sweep(database, info, plan, audit="", settings={})
        for _ in range(times):
            judge = Judge(lab.registry)
            engine = WorldEngine(world, info.started)
            sweep = Sweep(plan, engine, judge, screen=Condemning(unsuspicious), recorder=recorder)
            async for _ in sweep.results():
                pass
            assert sweep.summary(info, info.started).degraded == ()
        recorder.end(sweep.summary(info, info.started))
    return info.sweep_id


def told(lab: Any, old: str, new: str) -> list[tuple[str, str, int]]:
    found = compare(lab.store(), lab.stored(old), lab.stored(new))
    return [(each.change.value, str(each.endpoint.address), each.endpoint.port) for each in found]


async def test_that_it_began_is_told_once_and_nothing_of_its_ports(lab: Any, world: Callable[..., Any]) -> None:
    old = await lab.sweep(world(*BEFORE))
    new = await screened(lab, world(*BEFORE))
    began, finding = compare(lab.store(), lab.stored(old), lab.stored(new))
    assert (began.change, finding.change) == (Change.OPENED, Change.NEW)
    assert str(began.endpoint) == str(finding.endpoint) == f"{TARPIT}:0/tcp"
    assert (began.before, began.after) == ("not open on every port", "open on every port")
    assert finding.finding is not None
    assert finding.finding.rule == "host-answers-everywhere"


async def test_that_it_ceased_is_told_and_which_findings_are_new(lab: Any, world: Callable[..., Any]) -> None:
    await lab.sweep(world((TARPIT, 443)))
    old = await screened(lab, world(*BEFORE))
    new = await lab.sweep(world(*BEFORE, (TARPIT, 8123)))
    assert told(lab, old, new) == [
        ("closed", TARPIT, 0),
        ("gone-finding", TARPIT, 0),
        ("new-finding", TARPIT, 8123),
    ]


async def test_what_was_seen_of_it_before_it_was_suspected_is_no_news(lab: Any, world: Callable[..., Any]) -> None:
    plan = lab.plan(ports=(8123, 8124, 8125), wave_size=4)
    everything = world(*((TARPIT, port) for port in plan.ports))
    first, second = [await screened(lab, everything, unsuspicious=some, plan=plan) for some in (0, 2)]
    ports = [[each.observation.endpoint.port for each in lab.store().judged(lab.stored(s))] for s in (first, second)]
    assert ports[0] == [0]
    assert len(ports[1]) == 3
    assert told(lab, first, second) == told(lab, second, first) == []


@pytest.mark.parametrize(
    ("trouble", "plan"),
    [
        ({"stop_after": 1}, {}),
        ({"degraded": ("the link was down",)}, {}),
        ({"unknown": [("10.0.0.9", 22)]}, {}),
        ({}, {"ports": (22, 443)}),
        ({}, {"shard": Shard(1, 2)}),
    ],
)
async def test_that_it_ceased_is_not_said_by_who_could_not_tell(
    lab: Any, world: Callable[..., Any], trouble: dict[str, Any], plan: dict[str, Any]
) -> None:
    old = await screened(lab, world(*BEFORE))
    new = await lab.sweep(world(("10.0.0.2", 22), **trouble), lab.plan(**plan))
    assert ("unsure", TARPIT, 0) in told(lab, old, new)
    assert not {change for change, _, port in told(lab, old, new) if port == 0} - {"unsure"}


async def test_a_plan_without_the_host_has_nothing_to_say_of_it(lab: Any, world: Callable[..., Any]) -> None:
    old = await screened(lab, world(*BEFORE))
    new = await lab.sweep(world(("10.0.0.2", 22)), lab.plan("10.0.0.2/31"))
    assert told(lab, old, new) == []


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


@pytest.mark.parametrize("trouble", [{"stop_after": 2}, {"degraded": ("the link was down",)}])
async def test_it_stays_veiled_until_it_has_been_screened_again(
    lab: Any, world: Callable[..., Any], trouble: dict[str, Any]
) -> None:
    plan = lab.plan(ports=(22, 443, *range(8000, 8040)), wave_size=128)
    everything = [(TARPIT, port) for port in plan.ports]
    whole = await screened(lab, world(*everything), plan=plan)
    cut = [await lab.sweep(world(*everything, **trouble), plan) for _ in range(2)]
    for old, new in ((whole, cut[0]), (whole, cut[1]), (cut[0], cut[1])):
        assert {port for _, _, port in told(lab, old, new)} <= {0}
        assert {change for change, _, _ in told(lab, old, new)} <= {"unsure"}
    real = await lab.sweep(world((TARPIT, 8000)), plan)
    assert ("closed", TARPIT, 0) in told(lab, whole, real)


async def test_a_sweep_of_few_ports_does_not_lift_the_veil(lab: Any, world: Callable[..., Any]) -> None:
    plan = lab.plan(ports=(22, 443, 8123, 8124))
    whole = await screened(lab, world(*((TARPIT, port) for port in plan.ports)), plan=plan)
    few = await lab.sweep(world((TARPIT, 22), (TARPIT, 8124)), lab.plan(ports=(22, 8124)))
    assert {(change, port) for change, _, port in told(lab, whole, few)} == {("unsure", 0)}


async def test_that_it_ceased_takes_an_answer_of_the_host(lab: Any, world: Callable[..., Any]) -> None:
    plan = lab.plan(wave_size=1000)
    old = await screened(lab, world(*BEFORE), plan=plan)
    dead = await lab.sweep(world(silent=[(TARPIT, port) for port in plan.ports]), plan)
    assert ("unsure", TARPIT, 0) in told(lab, old, dead)
    assert not {change for change, _, port in told(lab, old, dead) if port == 0} - {"unsure"}


def test_a_required_port_that_is_closed_is_told_of_such_a_host_too() -> None:
    closed = judged(port=443, rule="required-missing", verdict=Verdict.MISSING, state=State.CLOSED)
    opened = judged(port=443, service="https")
    basis = Basis(opened.observation.at)
    seen, veiled = Side(Visibility.COVERED, opened, basis), Side(Visibility.HOST_ANSWERS_EVERYWHERE, closed, basis)
    [missing] = differences(opened.observation.endpoint, seen, veiled)
    assert (missing.change, missing.finding) == (Change.NEW, closed.findings[0])
    assert (missing.before, missing.after) == ("open", "closed (reset)")
