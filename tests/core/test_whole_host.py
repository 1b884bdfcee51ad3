"""Who is suspected of answering on every port, and what condemns it."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.core.whole_host import (
    CANARIES,
    NEEDED,
    HostVerdict,
    canary_ports,
    stand_in,
    suspected,
    verdict,
)

SECRET = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("open_ports", "asked", "expected"),
    [
        (500, 65535, True),
        (12, 65535, True),
        (11, 65535, False),
        (3, 3, True),
        (2, 2, False),
        (3, 4, False),
        (0, 0, False),
    ],
)
def test_many_open_ports_or_all_of_a_few_make_a_suspect(open_ports: int, asked: int, expected: bool) -> None:
    assert suspected(open_ports, asked) is expected


@given(
    st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address),
    st.binary(min_size=16, max_size=16),
)
def test_canaries_are_distinct_high_ports_and_the_same_each_time(
    address: IPv4Address | IPv6Address, secret: bytes
) -> None:
    ports = canary_ports(address, secret)
    assert len(set(ports)) == CANARIES
    assert all(1024 <= port <= 65535 for port in ports)
    assert ports == canary_ports(address, secret)


def test_canaries_differ_between_hosts_and_secrets() -> None:
    ports = canary_ports(ip_address("10.0.0.1"), SECRET)
    assert ports != canary_ports(ip_address("10.0.0.2"), SECRET)
    assert ports != canary_ports(ip_address("10.0.0.1"), SECRET[::-1])


def test_canaries_spread_over_the_whole_range() -> None:
    ports = [port for host in range(500) for port in canary_ports(IPv4Address(host), SECRET)]
    assert 0.2 < sum(port < 16384 for port in ports) / len(ports) < 0.28
    assert max(ports) > 65000


def test_one_lost_canary_does_not_clear_and_one_hit_does_not_condemn() -> None:
    assert verdict([True] * CANARIES) is HostVerdict.ANSWERS_EVERYWHERE
    assert verdict([False] + [True] * NEEDED) is HostVerdict.ANSWERS_EVERYWHERE
    assert verdict([True] * (NEEDED - 1) + [False, False]) is HostVerdict.REAL
    assert verdict([True]) is HostVerdict.REAL
    assert verdict([]) is HostVerdict.REAL


def test_the_stand_in_has_the_same_place_whatever_port_it_was_made_from() -> None:
    made = {
        stand_in(
            Observation(Endpoint(ip_address("10.0.0.1"), Transport.TCP, port), State.OPEN, "syn-ack", datetime.now(UTC))
        ).endpoint
        for port in (22, 80, 4444)
    }
    assert made == {Endpoint(ip_address("10.0.0.1"), Transport.TCP, 0)}
