"""Likely ports first: found early, the same on every machine, nothing lost or doubled."""

import numpy as np
import pytest

from scanner.app.port_order import PortOrder, in_order
from scanner.core.plan.plan import Plan, Shard
from scanner.core.targets.targets import TargetSet
from scanner.history.codec import plan_of, plan_text, same_order
from scanner.registry.common_ports import default_tcp_ports, top_ports
from scanner.registry.source import load_bundled

NETWORK = TargetSet([(4, 0x0A000000, 0x0A00000F)])


def plan(ports: tuple[int, ...], udp: tuple[int, ...] = (), **more: object) -> Plan:
    whole = Plan(NETWORK, ports, seed=5, udp_ports=udp, wave_size=1 << 12, **more)  # type: ignore[arg-type]
    return in_order(whole, PortOrder.LIKELY, load_bundled())


def endpoints(planned: Plan) -> list[tuple[int, int, int]]:
    waves = [planned.wave(number) for number in range(planned.waves)]
    return [
        (int(host), int(port), int(transport))
        for wave in waves
        for host, port, transport in zip(
            wave.host, wave.port, np.broadcast_to(wave.transport, wave.port.shape), strict=True
        )
    ]


def test_every_host_is_asked_for_the_likeliest_ports_before_any_other() -> None:
    planned = plan(tuple(range(1, 65536)))
    first = planned.wave(0)
    assert set(first.port[: 20 * 16].tolist()) == set(top_ports(20))
    assert set(first.host[: 20 * 16].tolist()) == set(range(16))
    asked = {port for _, port, _ in endpoints(planned)[: len(default_tcp_ports()) * 16]}
    assert set(top_ports(100)) <= asked <= set(top_ports(100)) | set(default_tcp_ports())


@pytest.mark.parametrize("udp", [(), (53, 161)])
def test_nothing_is_lost_or_doubled_and_shards_add_up(udp: tuple[int, ...]) -> None:
    ports = tuple(range(1, 3000))
    whole = endpoints(plan(ports, udp))
    assert len(whole) == len(set(whole)) == 16 * (len(ports) + len(udp))
    parts = [each for number in (1, 2, 3) for each in endpoints(plan(ports, udp, shard=Shard(number, 3)))]
    assert sorted(parts) == sorted(whole)


def test_the_order_is_within_a_class_at_random() -> None:
    first, again = (plan((21, 22, 80, 443, 5000), shard=Shard()) for _ in range(2))
    assert endpoints(first) == endpoints(again)
    ports = [port for _, port, _ in endpoints(first)[: 4 * 16]]
    assert ports != sorted(ports)


def test_a_stored_plan_comes_back_in_the_same_order() -> None:
    planned = plan(tuple(range(1, 3000)), (53,))
    stored = plan_of(plan_text(planned))
    assert stored == planned
    assert same_order(plan_text(planned), stored)
    assert not same_order(plan_text(planned), Plan(NETWORK, planned.ports, 5, udp_ports=(53,)))


def test_random_order_and_a_single_class_are_one_permutation() -> None:
    ports = (1, 2, 3)
    whole = Plan(NETWORK, ports, seed=5)
    assert in_order(whole, PortOrder.RANDOM, load_bundled()).classes == ()
    assert in_order(Plan(NETWORK, (22,), seed=5), PortOrder.LIKELY, load_bundled()).classes == ()


def test_an_endpoint_is_located_where_its_wave_has_it() -> None:
    planned = plan(tuple(range(1, 3000)), (53,))
    wave = planned.wave(1)
    turns = planned.locate(wave.host, wave.port, np.broadcast_to(wave.transport, wave.port.shape))
    assert turns.tolist() == list(range(planned.wave_size, planned.wave_size + len(wave)))
