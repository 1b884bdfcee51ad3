"""Likely ports first is an order like any other: each endpoint once, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.plan.likely_order import LikelyOrder, classes_of


@st.composite
def orders(draw: st.DrawFn) -> LikelyOrder:
    ports = draw(st.integers(1, 40))
    columns = draw(st.permutations(range(ports)))
    cuts = sorted(draw(st.sets(st.integers(1, ports - 1), max_size=4))) if ports > 1 else []
    ends = zip([0, *cuts], [*cuts, ports], strict=True)
    classes = tuple(tuple(columns[first:last]) for first, last in ends)
    return LikelyOrder(draw(st.integers(1, 60)), classes, draw(st.integers(-(2**63), 2**63 - 1)))


@given(orders())
def test_every_endpoint_has_one_position_and_every_position_one_endpoint(order: LikelyOrder) -> None:
    places = np.arange(order.size, dtype=np.uint64)
    images = order.forward(places)
    assert np.sort(images).tolist() == places.tolist()
    assert order.inverse(images).tolist() == places.tolist()


@given(orders())
def test_no_port_comes_before_a_likelier_one(order: LikelyOrder) -> None:
    columns = order.forward(np.arange(order.size, dtype=np.uint64)) % np.uint64(order.ports)
    member = np.empty(order.ports, np.intp)
    for number, each in enumerate(order.classes):
        member[list(each)] = number
    assert (np.diff(member[columns.astype(np.intp)]) >= 0).all()


@given(orders(), st.data())
def test_a_part_is_the_same_as_that_part_of_the_whole(order: LikelyOrder, data: st.DataObject) -> None:
    whole = order.forward(np.arange(order.size, dtype=np.uint64))
    places = np.array(data.draw(st.lists(st.integers(0, order.size - 1), min_size=1)), np.uint64)
    assert order.forward(places).tolist() == whole[places.astype(np.intp)].tolist()


def test_hosts_are_mixed_within_a_class() -> None:
    order = LikelyOrder(100, ((0, 1), tuple(range(2, 50))), 5)
    hosts = order.forward(np.arange(200, dtype=np.uint64)) // np.uint64(50)
    assert len(np.unique(hosts[:100])) > 40
    assert np.count_nonzero(np.diff(hosts.astype(np.int64)) == 0) < 20


def test_another_seed_is_another_order() -> None:
    places = np.arange(500, dtype=np.uint64)
    one, other = (LikelyOrder(100, ((3, 1), (0, 2, 4)), seed).forward(places) for seed in (1, 2))
    assert (one != other).any()


def test_a_port_belongs_to_the_first_class_that_names_it() -> None:
    ports = (22, 80, 443, 8080, 9100)
    assert classes_of(ports, [443, 1], [80, 443], []) == ((2,), (1,), (0, 3, 4))
    assert classes_of((22,), [22]) == ((0,),)
    assert classes_of(ports) == ((0, 1, 2, 3, 4),)


@pytest.mark.parametrize("classes", [((0, 1), (1, 2)), ((0, 2),), ((0,), ())])
def test_classes_that_are_no_partition_are_refused(classes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="one class"):
        LikelyOrder(3, classes, 1)
