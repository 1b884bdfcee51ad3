"""Silence ends nothing: a path that drops everything, a host that bans us, a firewall that drops one port."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from scanner.core.diff import Change
from scanner.history.compare import compare
from tests.history.test_compare import told

A, B, C = ("10.0.0.1", 22), ("10.0.0.2", 8123), ("10.0.0.3", 8123)


def everything(lab: Any) -> list[tuple[str, int]]:
    plan = lab.plan()
    return [(str(address), port) for address in plan.targets for port in plan.ports]


async def nights(lab: Any, *worlds: Any, again: bool) -> list[set[tuple[str, str, int]]]:
    """What each sweep but the first says that changed since the one before."""
    ids = [await lab.sweep(each, again=again) for each in worlds]
    store = lab.store()
    pairs = pairwise(ids)
    return [told(list(compare(store, store.sweep(a), store.sweep(b)))) for a, b in pairs]


async def test_a_router_that_drops_everything_closes_nothing_in_any_night(lab: Any, world: Callable[..., Any]) -> None:
    up, down = world(A, B, C), world(silent=everything(lab))
    for again in (True, False):
        for found in await nights(lab, up, down, down, again=again):
            assert {change for change, _, _ in found} <= {"unsure"}


async def test_one_port_that_is_dropped_is_unsure_and_one_that_is_refused_is_closed(
    lab: Any, world: Callable[..., Any]
) -> None:
    (found,) = await nights(lab, world(A, B, C), world(A, silent=[B]), again=True)
    assert found == {("unsure", *B), ("closed", *C), ("gone-finding", *C)}


async def test_a_port_that_nobody_asked_for_is_closed_only_where_its_whole_wave_answered(
    lab: Any, world: Callable[..., Any]
) -> None:
    plan = lab.plan()
    waves = [plan.wave(number) for number in range(plan.waves)]
    first, *others = [[(str(wave.address(k)), int(wave.port[k])) for k in range(len(wave))] for wave in waves]
    quiet, silenced, answered = first[0], first[1], others[0][0]
    (found,) = await nights(lab, world(quiet, answered), world(silent=[silenced]), again=False)
    assert {change for change, *at in found if tuple(at) == quiet} == {"unsure"}
    assert ("closed", *answered) in found


async def test_behind_a_firewall_that_drops_a_new_port_is_still_opened(lab: Any, world: Callable[..., Any]) -> None:
    dropped = [at for at in everything(lab) if at not in (A, B)]
    (found,) = await nights(lab, world(A, silent=[*dropped, B]), world(A, B, silent=dropped), again=True)
    assert found == {("opened", *B), ("new-finding", *B)}


async def test_silence_of_a_port_is_marked_for_the_report(lab: Any, world: Callable[..., Any]) -> None:
    old, new = await lab.sweep(world(B)), await lab.sweep(world(silent=[B]), again=True)
    found = list(compare(lab.store(), lab.stored(old), lab.stored(new)))
    assert [(each.change, bool(each.finding), each.silent) for each in found] == [
        (Change.UNSURE, False, True),
        (Change.UNSURE, True, True),
    ]


async def test_what_a_sweep_in_between_saw_closed_is_closed_also_over_a_longer_time(
    lab: Any, world: Callable[..., Any]
) -> None:
    dropped = [at for at in everything(lab) if at not in (A, B, C)]
    worlds = (world(A, B, C, silent=dropped), world(A, silent=[*dropped, B]), world(A, silent=[*dropped, B]))
    ids = [await lab.sweep(each, again=True) for each in worlds]
    store = lab.store()
    found = told(list(compare(store, store.sweep(ids[0]), store.sweep(ids[2]))))
    assert {("closed", *C), ("gone-finding", *C), ("unsure", *B)} == found


async def test_what_opened_again_in_between_and_is_silent_now_is_unsure(lab: Any, world: Callable[..., Any]) -> None:
    worlds = (world(A, C), world(A), world(A, C), world(A, silent=everything(lab)))
    ids = [await lab.sweep(each, again=each is not worlds[-1]) for each in worlds]
    store = lab.store()
    found = told(list(compare(store, store.sweep(ids[0]), store.sweep(ids[3]))))
    assert {change for change, _, _ in found} == {"unsure"}
