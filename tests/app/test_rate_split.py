"""Who gets how much of the limits."""

import pytest

from scanner.app.rate_split import RateSplit, split_rate
from scanner.core.errors import InvalidInput
from scanner.core.rate.limits import UNLIMITED, Limits

DEFAULT = Limits()


def test_who_asks_open_ports_gets_a_tenth() -> None:
    assert split_rate(DEFAULT, 1, identify=True) == RateSplit(Limits(4500, 900), Limits(500, 100))


@pytest.mark.parametrize(("ports", "kept"), [(3, 500), (12, 500), (105, 333), (700, 50), (65_535, 50)])
def test_the_test_of_suspects_gets_what_a_network_of_suspects_would_need(ports: int, kept: float) -> None:
    shares = split_rate(DEFAULT, ports, identify=False)
    assert shares.questions is not None
    assert shares.questions.rate == kept
    assert shares.probes.rate == 5000 - kept


def test_where_nobody_can_be_suspected_the_engine_keeps_everything() -> None:
    assert split_rate(DEFAULT, 2, identify=False) == RateSplit(DEFAULT)


def test_no_limit_is_no_limit_for_anybody() -> None:
    assert split_rate(UNLIMITED, 1000, identify=True) == RateSplit(UNLIMITED, UNLIMITED)


@pytest.mark.parametrize("limits", [Limits(1, None), Limits(5000, 0.5)])
def test_what_cannot_be_divided_is_the_engines(limits: Limits) -> None:
    assert split_rate(limits, 1000, identify=False) == RateSplit(limits, untested=True)
    assert split_rate(limits, 2, identify=False) == RateSplit(limits)
    with pytest.raises(InvalidInput, match="cannot be divided"):
        split_rate(limits, 2, identify=True)
