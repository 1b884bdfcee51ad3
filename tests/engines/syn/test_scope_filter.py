"""The second check of scope against plain arithmetic."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.targets.ranges import Span, contains_number, merge
from scanner.engines.syn.scope_filter import ScopeFilter

WORD = 0xFFFFFFFFFFFFFFFF


@st.composite
def spans(draw: st.DrawFn) -> Span:
    version = draw(st.sampled_from([4, 6]))
    ends = sorted(draw(st.tuples(*[st.integers(0, 2 ** (32 if version == 4 else 128) - 1)] * 2)))
    return Span(version, *ends)


@given(st.lists(spans(), max_size=5), st.data())
def test_a_mask_is_membership(ranges: list[Span], data: st.DataObject) -> None:
    edges = [(span.version, each) for span in ranges for end in span[1:] for each in (end - 1, end, end + 1)]
    anywhere = data.draw(st.lists(spans().map(lambda span: (span.version, span.first)), max_size=10))
    limit = {4: 2**32, 6: 2**128}
    asked = [(version, each % limit[version]) for version, each in [*edges, *anywhere]]
    permitted = ScopeFilter(ranges)(
        np.array([version for version, _ in asked], np.uint8),
        np.array([each >> 64 for _, each in asked], np.uint64),
        np.array([each & WORD for _, each in asked], np.uint64),
    )
    merged = merge(ranges)
    assert permitted.tolist() == [contains_number(merged, version, each) for version, each in asked]


def test_nothing_permitted_is_nothing_permitted() -> None:
    columns = np.array([4, 6], np.uint8), np.zeros(2, np.uint64), np.zeros(2, np.uint64)
    assert ScopeFilter([])(*columns).tolist() == [False, False]


def test_what_is_neither_version_is_never_permitted() -> None:
    everything = ScopeFilter([Span(4, 0, 2**32 - 1), Span(6, 0, 2**128 - 1)])
    assert everything(np.array([0, 5, 4], np.uint8), np.zeros(3, np.uint64), np.zeros(3, np.uint64)).tolist() == [
        False,
        False,
        True,
    ]
