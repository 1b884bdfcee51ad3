"""Named paces and what routers are spared."""

import pytest

from scanner.core.rate.paces import HALF_OPEN_SECONDS, PACES, ROUTED, HalfOpen, path_ceiling


def test_paces_grow_from_name_to_name() -> None:
    assert [PACES[number].name for number in range(6)] == [
        "paranoid",
        "sneaky",
        "polite",
        "normal",
        "aggressive",
        "insane",
    ]
    starts = [PACES[number].start for number in range(6)]
    assert starts == sorted(starts)


@pytest.mark.parametrize("pace", [3, 4, 5])
def test_only_max_rate_lifts_the_ceiling_of_routed_targets(pace: int) -> None:
    assert path_ceiling(PACES[pace], routed=True, rate=None, max_rate=None) == ROUTED
    assert path_ceiling(PACES[pace], routed=True, rate=100_000, max_rate=None) == ROUTED
    assert path_ceiling(PACES[pace], routed=True, rate=None, max_rate=50_000) == 50_000
    assert path_ceiling(PACES[pace], routed=True, rate=300, max_rate=50_000) == 300
    assert path_ceiling(PACES[pace], routed=False, rate=None, max_rate=None) > 1e6


def test_a_slow_pace_is_never_overruled() -> None:
    assert path_ceiling(PACES[0], routed=False, rate=None, max_rate=1e6) == pytest.approx(1 / 300)


def test_half_open_flows_are_counted_until_answered_or_old() -> None:
    flows = HalfOpen(100)
    flows.note(0.5, begun=60)
    flows.note(1.5, begun=30, ended=20)
    assert flows.room(1.5) == 30
    assert flows.room(HALF_OPEN_SECONDS + 0.9) == 90
    assert flows.room(HALF_OPEN_SECONDS + 1.9) == 100
    flows.note(500.0, begun=1000)
    assert flows.room(500.1) == 0
    assert flows.room(600.0) == 100
