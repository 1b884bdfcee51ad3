"""Intervals of addresses against an oracle; the kernel's answers for loopback; parsing what it says."""

import sys
from ipaddress import ip_address, ip_network

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.engines.routing.netlink import Medium, Netlink, RouteEntry, RouteKind
from scanner.engines.routing.routes import NO_ROUTE, Intervals, Routes, address_keys, find_link, interfaces, key_number

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rtnetlink is Linux's")
WORD = 0xFFFFFFFFFFFFFFFF


def words(addresses: list[int]) -> tuple[np.ndarray, np.ndarray]:
    high, low = [each >> 64 for each in addresses], [each & WORD for each in addresses]
    return np.array(high, np.uint64), np.array(low, np.uint64)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], list[int]]:
    """An IP version, prefixes, and addresses near their edges."""
    version = draw(st.sampled_from([4, 6]))
    bits = 32 if version == 4 else 128
    prefixes = draw(st.lists(st.tuples(st.integers(0, 2**bits - 1), st.integers(0, bits)), max_size=12))
    edges = [first + step for first, _ in prefixes for step in (-1, 0, 1)]
    edges += [first + (1 << (bits - length)) - step for first, length in prefixes for step in (0, 1)]
    anywhere = draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=20))
    return version, prefixes, [each % 2**bits for each in [*edges, *anywhere]]


def covering(version: int, prefixes: list[tuple[int, int]], address: int) -> frozenset[int]:
    """Which of the prefixes hold an address: what decides its route."""
    bits = 32 if version == 4 else 128
    held = [first >> (bits - length) == address >> (bits - length) for first, length in prefixes]
    return frozenset(number for number, holds in enumerate(held) if holds)


@settings(max_examples=200, deadline=None)
@given(tables())
def test_an_interval_never_spans_a_boundary(table: tuple[int, list[tuple[int, int]], list[int]]) -> None:
    version, prefixes, addresses = table
    kind = ip_address("0.0.0.0" if version == 4 else "::").__class__
    intervals = Intervals(version, [(kind(first), length) for first, length in prefixes])
    oracle: list[frozenset[int]] = []

    def ask(address: int) -> int:
        oracle.append(covering(version, prefixes, address))
        return len(oracle) - 1

    for _ in range(2):
        found = intervals.find(address_keys(version, *words(addresses)), ask)
        for address, answer in zip(addresses, found.tolist(), strict=True):
            assert oracle[answer] == covering(version, prefixes, address)
    assert len(oracle) <= 2 * len(prefixes) + 1


@given(st.lists(st.integers(0, 2**128 - 1), min_size=1))
def test_keys_sort_as_addresses_do_and_come_back(addresses: list[int]) -> None:
    keys = address_keys(6, *words(addresses))
    assert [key_number(key) for key in keys] == addresses
    assert [key_number(key) for key in np.sort(keys)] == sorted(addresses)


@linux
@pytest.mark.parametrize("target", ["127.0.0.1", "127.77.1.2", "::1"])
def test_loopback_goes_by_loopback(target: str) -> None:
    address = ip_address(target)
    high, low = words([int(address)])
    with Netlink() as kernel:
        routes = Routes(kernel)
        number = routes.find(np.array([address.version], np.uint8), high, low)
    path = routes.known[number[0]]
    assert path.link.medium is Medium.LOOPBACK
    assert path.source == ip_address("::1" if address.version == 6 else "127.0.0.1")
    assert path.gateway is None
    assert not path.needs_neighbour


@linux
def test_there_is_no_path_to_multicast() -> None:
    high, low = words([int(ip_address("224.0.0.251"))])
    with Netlink() as kernel:
        assert Routes(kernel).find(np.array([4], np.uint8), high, low).tolist() == [NO_ROUTE]


@linux
def test_one_question_for_a_whole_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    with Netlink() as kernel:
        real = kernel.route_to

        def ask(each: Address, *, link: int = 0) -> RouteEntry | None:
            asked.append(str(each))
            return real(each, link=link)

        monkeypatch.setattr(kernel, "route_to", ask)
        first = int(ip_network("127.64.0.0/16").network_address)
        high, low = words([first + offset for offset in range(1 << 16)])
        found = Routes(kernel).find(np.full(1 << 16, 4, np.uint8), high, low)
    assert len(asked) == 1
    assert (found == 0).all()


@linux
def test_what_iflist_shows() -> None:
    shown = interfaces()
    loopback = find_link("lo", shown.links)
    assert loopback.medium is Medium.LOOPBACK
    assert ip_address("127.0.0.1") in {each.address for each in shown.addresses if each.link == loopback.index}
    assert {each.kind for each in shown.routes} <= {RouteKind.UNICAST}


@linux
def test_an_unknown_interface_is_the_users_error() -> None:
    with pytest.raises(InvalidInput, match=r"no interface 'nope0'.*lo"), Netlink() as kernel:
        Routes(kernel, interface="nope0")
