"""Routes, next hops and neighbours as the kernel of a namespace has them."""

import time
from ipaddress import ip_address

import numpy as np
import pytest

from scanner.engines.routing.neighbours import Neighbours
from scanner.engines.routing.netlink import LinkWatch, Netlink
from scanner.engines.routing.next_hops import Hops, HopState
from scanner.engines.routing.routes import NO_ROUTE, Route, Routes
from tests.netlab.lab import Lab, Namespace

pytestmark = pytest.mark.netlab
WORD = 0xFFFFFFFFFFFFFFFF


def columns(targets: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    addresses = [ip_address(each) for each in targets]
    return (
        np.array([each.version for each in addresses], np.uint8),
        np.array([int(each) >> 64 for each in addresses], np.uint64),
        np.array([int(each) & WORD for each in addresses], np.uint64),
    )


def paths(host: Namespace, targets: list[str], interface: str | None = None) -> list[Route | None]:
    with host.entered(), Netlink() as kernel:
        routes = Routes(kernel, interface=interface)
        return [None if number == NO_ROUTE else routes.known[number] for number in routes.find(*columns(targets))]


def told(path: Route | None) -> tuple[str, str, str] | None:
    return None if path is None else (path.link.name, str(path.source), str(path.gateway or ""))


@pytest.fixture
def crossroads(lab: Lab) -> Namespace:
    """A host with two wires, a TUN-like link, policy routing and a hole in its routing table."""
    host, left, right = lab.namespace(), lab.namespace(), lab.namespace()
    lab.wire(host, left, "l0", "v0")
    lab.wire(host, right, "r0", "v0")
    for link, words in (("l0", ["10.1.0.1/24", "fd01::1/64"]), ("r0", ["10.2.0.1/24", "fd02::1/64"])):
        for word in words:
            host.ip("address", "add", word, "dev", link)
    host.ip("tuntap", "add", "mode", "tun", "tun9")
    host.ip("address", "add", "10.3.0.1/24", "dev", "tun9")
    host.ip("link", "set", "tun9", "up")
    host.ip("route", "add", "10.50.0.0/16", "via", "10.1.0.254")
    host.ip("route", "add", "10.50.7.0/24", "via", "10.2.0.254")
    host.ip("route", "add", "10.50.7.9/32", "via", "10.1.0.253")
    host.ip("route", "add", "unreachable", "10.50.8.0/24")
    host.ip("route", "add", "10.60.0.0/16", "via", "10.2.0.254", "src", "10.1.0.1")
    host.ip("-6", "route", "add", "fd50::/64", "via", "fd02::fe")
    host.ip("route", "add", "default", "via", "10.1.0.99", "table", "77")
    host.ip("rule", "add", "to", "10.70.0.0/16", "lookup", "77")
    return host


def test_each_destination_goes_the_kernels_way(crossroads: Namespace) -> None:
    expected = {
        "10.1.0.7": ("l0", "10.1.0.1", ""),
        "10.2.0.7": ("r0", "10.2.0.1", ""),
        "10.3.0.7": ("tun9", "10.3.0.1", ""),
        "10.50.1.1": ("l0", "10.1.0.1", "10.1.0.254"),
        "10.50.7.1": ("r0", "10.2.0.1", "10.2.0.254"),
        "10.50.7.9": ("l0", "10.1.0.1", "10.1.0.253"),
        "10.50.8.1": None,
        "10.60.1.1": ("r0", "10.1.0.1", "10.2.0.254"),
        "10.70.1.1": ("l0", "10.1.0.1", "10.1.0.99"),
        "10.99.0.1": None,
        "10.2.0.1": ("lo", "10.2.0.1", ""),
        "fd01::7": ("l0", "fd01::1", ""),
        "fd50::7": ("r0", "fd02::1", "fd02::fe"),
        "fd51::7": None,
    }
    assert dict(zip(expected, map(told, paths(crossroads, list(expected))), strict=True)) == expected


def test_an_interface_can_be_forced(crossroads: Namespace) -> None:
    found = paths(crossroads, ["10.50.7.1", "10.2.0.7"], interface="l0")
    assert [path.link.name for path in found if path] == ["l0", "l0"]


def resolve(host: Namespace, targets: list[str]) -> tuple[Hops, list[int], int, float]:
    """Resolve all hops; the table, each target's hop, frames sent, seconds taken."""
    with host.entered(), Netlink() as kernel:
        routes, hops = Routes(kernel), Hops()
        neighbours = Neighbours(kernel, hops)
        version, high, low = columns(targets)
        began = time.monotonic()
        found, questions = hops.find(routes.known, routes.find(version, high, low), high, low, began)
        neighbours.ask(questions, began)
        while neighbours.waiting:
            neighbours.step(time.monotonic(), 50)
            time.sleep(0.002)
        taken = time.monotonic() - began
        neighbours.close()
        return hops, found.tolist(), neighbours.sent, taken


def test_live_neighbours_are_found_and_dead_ones_given_up(pair: tuple[Namespace, Namespace]) -> None:
    a, b = pair
    b.ip("address", "add", "10.77.0.77/24", "dev", "v0")
    targets = ["10.77.0.2", "10.77.0.77", "fd77::2", *(f"10.77.0.{each}" for each in range(100, 200)), "fd77::dead"]
    hops, found, asked, taken = resolve(a, targets)
    mac = bytes.fromhex(b.run("cat", "/sys/class/net/v0/address").stdout.strip().replace(":", ""))
    for hop in found[:3]:
        assert hops.state[hop] == HopState.READY
        assert hops.mac[hop].tobytes() == mac
    assert {int(hops.state[hop]) for hop in found[3:]} == {HopState.ABSENT}
    assert asked == 3 + 4 * 101
    assert taken < 10


def test_the_gateway_is_one_hop_for_all_behind_it(routed: tuple[Namespace, Namespace, Namespace]) -> None:
    a, r, _ = routed
    hops, found, asked, _ = resolve(a, ["10.77.2.1", "10.99.1.1", "fd77:2::1", "fd99::1"])
    assert found[0] == found[1] != found[2] == found[3]
    mac = bytes.fromhex(r.run("cat", "/sys/class/net/v1/address").stdout.strip().replace(":", ""))
    assert {hops.mac[hop].tobytes() for hop in found} == {mac}
    assert asked == 2
    assert not hops.direct[found].any()


def test_the_absent_are_asked_again_later(pair: tuple[Namespace, Namespace]) -> None:
    a, _ = pair
    with a.entered(), Netlink() as kernel:
        routes, hops = Routes(kernel), Hops()
        version, high, low = columns(["10.77.0.9"])
        number = routes.find(version, high, low)
        found, first = hops.find(routes.known, number, high, low, 0.0)
        hops.settle(int(found[0]), None, 1.0)
        assert hops.find(routes.known, number, high, low, 10.0)[1] == []
        assert hops.find(routes.known, number, high, low, 60.0)[1] == first
        assert hops.state[found[0]] == HopState.ASKED


def heard(watch: LinkWatch, *, up: bool) -> bool:
    """Wait until the watch says so: the kernel takes up to a second to tell of a lost carrier."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(link.name == "v0" and link.up is up for link in watch.changes()):
            return True
        time.sleep(0.01)
    return False


def test_a_link_that_goes_down_is_told(pair: tuple[Namespace, Namespace]) -> None:
    a, b = pair
    with a.entered():
        watch = LinkWatch()
        assert watch.changes() == []
        b.ip("link", "set", "v0", "down")
        assert heard(watch, up=False)
        b.ip("link", "set", "v0", "up")
        assert heard(watch, up=True)
        a.ip("link", "del", "v0")
        assert heard(watch, up=False)
        watch.close()
