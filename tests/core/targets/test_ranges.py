"""Set arithmetic on spans, held against Python's own sets on a small universe."""

from ipaddress import ip_address
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scanner.core.targets.ranges import (
    GatheredSpans,
    Span,
    contains_number,
    first_outside,
    intersect,
    merge,
    network_span,
    subtract,
)

spans = st.lists(
    st.tuples(st.sampled_from([4, 6]), st.integers(0, 40), st.integers(0, 8)).map(
        lambda raw: Span(raw[0], raw[1], raw[1] + raw[2])
    ),
    max_size=8,
)


def members(some: object) -> set[tuple[int, int]]:
    return {(version, n) for version, first, last in some for n in range(first, last + 1)}  # type: ignore[attr-defined]


@given(spans)
def test_merging_keeps_the_members_and_leaves_gaps_between_spans(some: list[Span]) -> None:
    merged = merge(some)
    assert members(merged) == members(some)
    assert list(merged) == sorted(merged)
    for left, right in pairwise(merged):
        assert left.version < right.version or left.last + 1 < right.first


@given(spans, spans)
def test_operations_agree_with_sets(left: list[Span], right: list[Span]) -> None:
    one, other = merge(left), merge(right)
    assert members(intersect(one, other)) == members(left) & members(right)
    assert members(subtract(one, other)) == members(left) - members(right)
    outside = first_outside(one, other)
    missing = members(left) - members(right)
    assert (outside is None) == (not missing)
    if outside is not None:
        assert (outside.version, outside.first) == min(missing)


@given(spans, st.sampled_from([4, 6]), st.integers(0, 50))
def test_membership(some: list[Span], version: int, number: int) -> None:
    assert contains_number(merge(some), version, number) == ((version, number) in members(some))


def test_text_is_a_network_where_it_can_be() -> None:
    assert str(network_span("10.0.0.0/8")) == "10.0.0.0/8"
    assert str(network_span("::1")) == "::1"
    assert str(Span(4, int(ip_address("10.0.0.1")), int(ip_address("10.0.0.9")))) == "10.0.0.1-10.0.0.9"


def test_spans_that_come_one_by_one_are_merged_on_the_way() -> None:
    gathered = GatheredSpans(most=50, batch=4)
    for number in (*range(0, 100, 2), *range(1, 101, 2)):
        assert gathered.add([Span(4, number * 2, number * 2 + 1)])
    assert gathered.spans() == (Span(4, 0, 199),)


def test_more_separate_spans_than_are_kept_are_refused() -> None:
    neighbours, apart = GatheredSpans(most=10, batch=4), GatheredSpans(most=10, batch=4)
    assert all(neighbours.add([Span(4, number, number)]) for number in range(1000))
    assert not all(apart.add([Span(4, number * 2, number * 2)]) for number in range(40))
