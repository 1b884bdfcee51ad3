"""The bound on telling closed UDP ports apart, against what was measured."""

import pytest

from scanner.core.udp.icmp_bound import seconds_to_tell


@pytest.mark.parametrize(
    ("ports", "version", "sources", "seconds"),
    [
        (65_535, 4, 1, 65_529),
        (1_000, 4, 1, 994),
        (65_535, 6, 1, 6_552.9),
        (1_000, 4, 16, 56.5),
        (65_535, 4, 2_000, 53.535),
        (6, 4, 1, 0),
        (0, 6, 1, 0),
    ],
)
def test_the_bound_follows_from_the_limits_of_linux(ports: int, version: int, sources: int, seconds: float) -> None:
    assert seconds_to_tell(ports, version, sources) == pytest.approx(seconds)
