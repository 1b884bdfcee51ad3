"""How many endpoints two sweeps have in common, counted against the plans' own endpoints."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.core.plan.plan import Plan, Shard
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import TargetSet
from scanner.history.compare import compare_sweeps
from scanner.history.overlap import overlap

NETWORKS = ("10.0.0.0/29", "10.0.0.4/30", "10.0.0.0/30", "10.9.0.0/30")


def endpoints(plan: Plan) -> set[tuple[str, int, int]]:
    waves = [plan.wave(number) for number in range(plan.waves)]
    return {
        (str(wave.address(k)), int(wave.port[k]), int(wave.transport[k])) for wave in waves for k in range(len(wave))
    }


shards = st.integers(1, 6).flatmap(lambda of: st.builds(Shard, st.integers(1, of), st.just(of)))
plans = st.builds(
    lambda network, tcp, udp, seed: Plan(TargetSet([network_span(network)]), tcp, seed, udp_ports=udp),
    st.sampled_from(NETWORKS),
    st.sampled_from([(22,), (22, 80, 443), (80, 8123)]),
    st.sampled_from([(), (53,), (22, 53)]),
    st.integers(1, 2),
)


@given(plans, plans)
def test_whole_plans_are_counted_exactly(left: Plan, right: Plan) -> None:
    found = overlap(left, right)
    assert found.exact
    assert found.common == len(endpoints(left) & endpoints(right))
    assert found.total == len(endpoints(left) | endpoints(right))


@given(plans, shards, shards)
def test_shards_of_one_plan_are_counted_exactly(plan: Plan, first: Shard, second: Shard) -> None:
    left, right = (
        Plan(plan.targets, plan.ports, plan.seed, shard=shard, udp_ports=plan.udp_ports) for shard in (first, second)
    )
    found = overlap(left, right)
    assert found.exact
    assert found.common == len(endpoints(left) & endpoints(right))


def test_shards_of_different_orders_are_estimated_and_say_so(lab: Any) -> None:
    whole, part = lab.plan(), lab.plan(shard=Shard(1, 2))
    assert str(overlap(whole, part)) == "24 of 48 endpoints compared"
    other = Plan(whole.targets, whole.ports, whole.seed + 1, shard=Shard(1, 2))
    assert str(overlap(part, other)).startswith("about 12 of ")


async def test_sweeps_without_a_common_endpoint_are_refused(lab: Any, world: Any) -> None:
    old = await lab.sweep(world(), lab.plan("10.9.0.0/28"))
    new = await lab.sweep(world())
    with pytest.raises(InvalidInput, match="have no endpoint in common") as caught:
        compare_sweeps(lab.store(), lab.stored(old), lab.stored(new))
    assert caught.value.exit_status == 2


async def test_how_much_was_compared_is_known(lab: Any, world: Any) -> None:
    old = await lab.sweep(world(("10.0.0.1", 22)), lab.plan(ports=(22,)))
    new = await lab.sweep(world(("10.0.0.1", 22)))
    found = compare_sweeps(lab.store(), lab.stored(old), lab.stored(new))
    assert list(found.changes) == []
    assert str(found.overlap) == "16 of 48 endpoints compared"
