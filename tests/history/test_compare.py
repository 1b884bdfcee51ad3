"""Diff: what changed, only where both sweeps can tell."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from scanner.core.diff import Basis, Because, Change, Difference
from scanner.core.model import PortKey, Transport
from scanner.core.plan.plan import Shard
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.rules.classify import Judge
from scanner.core.targets.ranges import network_span
from scanner.history import codec
from scanner.history import compare as module
from scanner.history.compare import compare, compare_judged

A, B, C, D = ("10.0.0.1", 22), ("10.0.0.2", 443), ("10.0.0.3", 8123), ("10.0.0.4", 8123)


def told(found: list[Difference]) -> set[tuple[str, str, int]]:
    return {(each.change.value, str(each.endpoint.address), each.endpoint.port) for each in found}


async def diff(lab: Any, before: Any, after: Any, **more: Any) -> list[Difference]:
    """`more` are keyword arguments of Lab.sweep for the later sweep; `plan_before` is for the earlier one."""
    plan_before = more.pop("plan_before", None)
    old = await lab.sweep(before, plan_before, policy=more.pop("policy_before", None))
    new = await lab.sweep(after, **more)
    return list(compare(lab.store(), lab.stored(old), lab.stored(new)))


async def test_opened_closed_and_their_findings(lab: Any, world: Callable[..., Any]) -> None:
    found = await diff(lab, world(A, C), world(A, B, D))
    assert told(found) == {
        ("opened", *B),
        ("opened", *D),
        ("closed", *C),
        ("new-finding", *D),
        ("gone-finding", *C),
    }
    assert {each.because for each in found} == {Because.NETWORK}


async def test_nothing_changed_is_nothing(lab: Any, world: Callable[..., Any]) -> None:
    assert await diff(lab, world(A, B, C), world(A, B, C)) == []


async def test_what_only_one_plan_holds_is_not_compared(lab: Any, world: Callable[..., Any]) -> None:
    before, after = lab.plan(ports=(22, 8123)), lab.plan("10.0.0.0/30", ports=(443, 8123))
    assert told(await diff(lab, world(A, D), world(B, C), plan_before=before, plan=after)) == {
        ("opened", *C),
        ("new-finding", *C),
    }


async def test_shards_are_compared_only_where_they_overlap(lab: Any, world: Callable[..., Any]) -> None:
    first, second = lab.plan(shard=Shard(1, 2)), lab.plan(shard=Shard(2, 2))
    everything = [(str(address), port) for address in first.targets for port in first.ports]
    assert await diff(lab, world(), world(*everything), plan_before=first, plan=second) == []
    whole = await diff(lab, world(), world(*everything), plan_before=first, plan=lab.plan())
    assert len([each for each in whole if each.change is Change.OPENED]) == first.size


async def test_a_plan_that_this_program_would_permute_otherwise_tells_nothing_by_silence(
    lab: Any, world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = await lab.sweep(world(A)), await lab.sweep(world())
    monkeypatch.setattr(codec, "_order", lambda _plan: [])
    assert told(list(compare(lab.store(), lab.stored(old), lab.stored(new)))) == {("unsure", *A)}


@pytest.mark.parametrize("trouble", [{"degraded": ("the link was down",)}, {"unknown": [A]}, {"stop_after": 0}])
async def test_never_closed_out_of_a_sweep_that_cannot_tell(
    lab: Any, world: Callable[..., Any], trouble: dict[str, Any]
) -> None:
    found = await diff(lab, world(A, C), world(**trouble), plan=lab.plan(wave_size=1000))
    assert told(found) == {("unsure", *A), ("unsure", *C)}


async def test_only_the_waves_that_were_settled_can_tell(lab: Any, world: Callable[..., Any]) -> None:
    plan = lab.plan()
    everything = [(str(address), port) for address in plan.targets for port in plan.ports]
    found = await diff(lab, world(*everything), world(stop_after=1))
    first = plan.wave(0)
    settled = {(str(first.address(k)), int(first.port[k])) for k in range(len(first))}
    assert {(address, port) for change, address, port in told(found) if change == "closed"} == settled
    assert len([each for each in found if each.change is Change.UNSURE]) == plan.size - len(settled)


async def test_what_is_open_after_a_degraded_sweep_is_not_new_if_it_was_known(
    lab: Any, world: Callable[..., Any]
) -> None:
    await lab.sweep(world(C))
    cloudy = await lab.sweep(world(degraded=("the link was down",)))
    latest = await lab.sweep(world(C, D))
    found = list(compare(lab.store(), lab.stored(cloudy), lab.stored(latest)))
    assert told(found) == {("unsure", *C), ("unsure", *D), ("new-finding", *D)}


def policy(*entries: tuple[str, int], required: bool = False, expires: date | None = None) -> Policy:
    return Policy(
        "p",
        [
            Entry(
                label=f"{address}:{port}",
                kind=EntryKind.EXCEPTION if expires else EntryKind.EXPECT,
                networks=(network_span(address),),
                hosts=frozenset(),
                ports=frozenset({PortKey(Transport.TCP, port)}),
                required=frozenset({PortKey(Transport.TCP, port)} if required else ()),
                expires=expires,
            )
            for address, port in entries
        ],
    )


async def test_a_policy_explains_a_finding_away(lab: Any, world: Callable[..., Any]) -> None:
    found = await diff(lab, world(A, C), world(A, C), policy=policy(C))
    assert {(each.change, each.finding and each.finding.rule, each.because) for each in found} == {
        (Change.GONE, "open-unassigned", Because.POLICY),
        (Change.NEW, "policy-unexpected", Because.POLICY),
    }


async def test_an_exception_that_ran_out_is_a_matter_of_time(lab: Any, world: Callable[..., Any]) -> None:
    lapsing = policy(A, expires=date(2026, 6, 1))
    (found,) = await diff(lab, world(A), world(A), policy_before=lapsing, policy=lapsing)
    assert found.change is Change.NEW
    assert found.finding is not None
    assert (found.finding.rule, found.because) == ("policy-expired-exception", Because.TIME)


async def test_a_registry_that_assigned_a_port_is_told_from_the_network(
    lab: Any, world: Callable[..., Any], make_registry: Callable[..., Any]
) -> None:
    old = await lab.sweep(world(A, C, D))
    lab.registry = make_registry(("ssh", 22), ("https", 443), ("polestar", 8123), date="2026-05-01")
    new = await lab.sweep(world(A, C))
    found = list(compare(lab.store(), lab.stored(old), lab.stored(new)))
    assert {(each.change, each.endpoint.port, str(each.endpoint.address), each.because) for each in found} == {
        (Change.GONE, C[1], C[0], Because.REGISTRY),
        (Change.CLOSED, D[1], D[0], Because.NETWORK),
        (Change.GONE, D[1], D[0], Because.NETWORK),
    }


async def test_an_old_sweep_is_judged_by_todays_registry_and_policy(
    lab: Any, world: Callable[..., Any], make_registry: Callable[..., Any]
) -> None:
    sweep = lab.stored(await lab.sweep(world(A, C, D)))
    today = make_registry(("ssh", 22), ("https", 443), ("polestar", 8123), date="2026-05-01")
    judge = Judge(today, policy(A, C))
    again = (judge.judge(each.observation) for each in lab.store().judged(sweep))
    judged_by = Basis(sweep.info.started, today.identity.sha256, policy(A, C).identity, "1")
    found = list(compare_judged(lab.store(), sweep, again, judged_by))
    assert {(each.change, each.endpoint.port, str(each.endpoint.address), each.because) for each in found} == {
        (Change.GONE, C[1], C[0], Because.REGISTRY),
        (Change.GONE, D[1], D[0], Because.REGISTRY),
        (Change.NEW, D[1], D[0], Because.REGISTRY),
    }


async def test_places_are_compared_in_portions(
    lab: Any, world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told(await diff(lab, world(A, C), world(B, D)))
    monkeypatch.setattr(module, "ENDPOINTS_AT_ONCE", 1)
    store = lab.store()
    assert told(list(compare(store, store.sweep("last~1"), store.sweep("last")))) == whole
