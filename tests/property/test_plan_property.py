"""The plan is exact: permutations are bijections, shards partition, columns agree with plain integers."""

from ipaddress import IPv6Address
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scanner.core.plan.permutation import MAX_SIZE, Permutation
from scanner.core.plan.plan import WAVE, Plan, Shard, wave_size_for
from scanner.core.targets.address_columns import AddressColumns
from scanner.core.targets.ranges import Span, merge
from scanner.core.targets.targets import TargetSet, to_address
from tests.property.strategies import target_sets

ORDER_OF_SEED_7 = [(2, 80), (0, 80), (1, 443), (1, 80), (0, 22), (0, 443), (2, 22), (1, 22)]
"""What versions before UDP probed first: stored sweeps are resumed by this order."""
SEEDS = st.integers(-(2**63), 2**63 - 1)
SIZES = st.one_of(st.integers(1, 300), st.integers(2**40, MAX_SIZE), st.integers(0, 62).map(lambda k: 1 << k))


@given(st.integers(1, 3000), SEEDS)
def test_a_permutation_is_a_bijection(size: int, seed: int) -> None:
    places = np.arange(size, dtype=np.uint64)
    assert np.array_equal(np.sort(Permutation(size, seed).forward(places)), places)


@given(SIZES, SEEDS, st.data())
def test_the_inverse_undoes_at_any_size(size: int, seed: int, data: st.DataObject) -> None:
    places = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=50)), np.uint64)
    permutation = Permutation(size, seed)
    images = permutation.forward(places)
    assert (images < np.uint64(size)).all()
    assert np.array_equal(permutation.inverse(images), places)


@given(st.integers(2**40, 2**41), SEEDS)
def test_distinct_places_have_distinct_images_beyond_2_to_the_40(size: int, seed: int) -> None:
    places = np.arange(size - 2000, size, dtype=np.uint64)
    assert len(np.unique(Permutation(size, seed).forward(places))) == 2000


def test_seeds_differ_and_are_repeatable() -> None:
    places = np.arange(1000, dtype=np.uint64)
    first = Permutation(10**6, 1).forward(places)
    assert np.array_equal(first, Permutation(10**6, 1).forward(places))
    assert not np.array_equal(first, Permutation(10**6, 2).forward(places))


def test_the_order_spreads_over_hosts() -> None:
    """1,000 probes in a row at 100 hosts: none gets more than four times its share."""
    images = Permutation(100 * 65535, 5).forward(np.arange(1000, dtype=np.uint64))
    assert np.bincount((images // np.uint64(65535)).astype(int)).max() < 40


@pytest.mark.parametrize("size", [0, -1, MAX_SIZE + 1])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="elements"):
        Permutation(size, 0)


@given(target_sets())
def test_columns_agree_with_the_target_set(targets: TargetSet) -> None:
    columns = AddressColumns(targets.ranges)
    host = np.arange(targets.size, dtype=np.uint64)
    version, high, low = columns.words(host)
    as_numbers = [(int(h) << 64) | int(w) for h, w in zip(high, low, strict=True)]
    assert [to_address(int(v), n) for v, n in zip(version, as_numbers, strict=True)] == list(targets)
    assert np.array_equal(columns.find(version, high, low), host.astype(np.int64))


@given(target_sets(), st.integers(0, 2**32 - 1), st.sampled_from([4, 6]))
def test_an_address_outside_is_never_found(targets: TargetSet, value: int, version: int) -> None:
    number = value if version == 4 else (0x20010DB8 << 96) + value
    columns = AddressColumns(targets.ranges)
    found = columns.find(
        np.array([version], np.uint8),
        np.array([number >> 64], np.uint64),
        np.array([number & (2**64 - 1)], np.uint64),
    )
    address = to_address(version, number)
    assert (found[0] >= 0) == (address in targets)
    if found[0] >= 0:
        assert targets[int(found[0])] == address


def test_ranges_may_cross_the_64_bit_border() -> None:
    first = (0x20010DB8 << 96) + 2**64 - 2
    columns = AddressColumns([Span(6, first, first + 5)])
    _, high, low = columns.words(np.arange(6, dtype=np.uint64))
    assert [IPv6Address((int(h) << 64) | int(w)) for h, w in zip(high, low, strict=True)] == [
        IPv6Address(first + step) for step in range(6)
    ]
    assert columns.find(np.full(6, 6, np.uint8), high, low).tolist() == list(range(6))


PORTS = st.lists(st.integers(1, 65535), max_size=8, unique=True).map(sorted).map(tuple)


@settings(deadline=None)
@given(target_sets(), PORTS, PORTS, SEEDS, st.integers(1, 5))
def test_shards_partition_the_plan_of_both_transports_exactly(
    targets: TargetSet, tcp: tuple[int, ...], udp: tuple[int, ...], seed: int, of: int
) -> None:
    assume(tcp or udp)
    places = [*((6, port) for port in tcp), *((17, port) for port in udp)]
    seen: list[tuple[int, int, int]] = []
    sizes = 0
    for number in range(1, min(of, targets.size * len(places)) + 1):
        plan = Plan(targets, tcp, seed, Shard(number, of), wave_size=37, udp_ports=udp)
        waves = [plan.wave(turn) for turn in plan.numbers()]
        sizes += plan.size
        assert sum(map(len, waves)) == plan.size
        for wave in waves:
            turns = plan.locate(wave.host, wave.port, wave.transport)
            assert np.array_equal(turns, np.arange(len(wave)) + wave.number * 37)
            seen += zip(wave.host.tolist(), wave.transport.tolist(), wave.port.tolist(), strict=True)
    assert sorted(seen) == [(host, *place) for host in range(targets.size) for place in places]
    assert sizes == targets.size * len(places)


@given(target_sets(), PORTS, st.sampled_from([6, 17]), st.integers(1, 65535))
def test_a_port_is_planned_for_its_own_transport_only(
    targets: TargetSet, ports: tuple[int, ...], transport: int, port: int
) -> None:
    plan = Plan(targets, (22, 80), 3, udp_ports=ports)
    turn = plan.locate(np.zeros(1, np.uint64), np.array([port], np.uint16), np.array([transport], np.uint8))
    assert (turn[0] >= 0) == (port in ((22, 80) if transport == 6 else ports))


def test_a_plan_without_udp_keeps_its_order_and_keeps_no_transport_for_each_place() -> None:
    plan = Plan(TargetSet([Span(4, 1, 4)]), (22, 80, 443), 7, wave_size=8)
    assert list(zip(plan.wave(0).host.tolist(), plan.wave(0).port.tolist(), strict=True)) == ORDER_OF_SEED_7
    assert plan.wave(0).transport.strides == (0,)


def test_shards_of_a_plan_beyond_2_to_the_40_do_not_meet() -> None:
    targets = TargetSet([Span(4, 10 << 24, (11 << 24) - 1), Span(6, 1 << 100, (1 << 100) + (1 << 24) - 1)])
    ports = tuple(range(1, 65536))
    plans = [Plan(targets, ports, 9, Shard(number, 3)) for number in (1, 2, 3)]
    assert sum(plan.size for plan in plans) == plans[0].total == 2**25 * 65535
    waves = [plan.wave(plan.waves - 1) for plan in plans]
    keys = [set(zip(wave.host.tolist(), wave.port.tolist(), strict=True)) for wave in waves]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert (plans[1].locate(waves[0].host, waves[0].port, waves[0].transport) == -1).all()
    assert (plans[0].locate(waves[0].host, waves[0].port, waves[0].transport) >= 0).all()


def test_a_port_that_is_not_planned_has_no_turn() -> None:
    plan = Plan(TargetSet([Span(4, 1, 4)]), (22, 80), 0)
    found = plan.locate(np.zeros(3, np.uint64), np.array([22, 23, 65535], np.uint16), np.full(3, 6, np.uint8))
    assert found[0] >= 0
    assert found[1:].tolist() == [-1, -1]


@given(st.lists(st.tuples(st.sampled_from([4, 6]), st.integers(0, 400), st.integers(0, 60)), max_size=8))
def test_merged_spans_hold_the_same_addresses(triples: list[tuple[int, int, int]]) -> None:
    spans = [Span(version, first, first + more) for version, first, more in triples]
    listed = {(span.version, value) for span in spans for value in range(span.first, span.last + 1)}
    merged = merge(spans)
    assert {(s.version, v) for s in merged for v in range(s.first, s.last + 1)} == listed
    assert all(a < b for a, b in pairwise(merged))


@given(st.one_of(st.none(), st.floats(0.001, 1e9)))
def test_waves_are_powers_of_two_within_bounds(rate: float | None) -> None:
    size = wave_size_for(rate)
    assert size & (size - 1) == 0
    assert 1 << 10 <= size <= WAVE
    assert rate is None or size <= max(rate * 4, 1 << 10)
