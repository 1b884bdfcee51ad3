"""Each engine goes where connect() goes: hosts with several links, rules, odd next hops, and late neighbours.

What is open is known, because each case has another machine at the end of each way: only the one that a TCP socket
would reach listens, and the others reset. An engine that takes another way says "closed", or hears nothing. `connect()`
in the same namespace is asked first, so that the case itself is proved.
"""

import socket
from collections.abc import Callable, Iterable
from errno import errorcode
from threading import Timer
from typing import Any

import pytest

from scanner.core.model import State
from scanner.core.plan.plan import Plan
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.interface import Engine
from scanner.engines.syn.scapy_engine import ScapyEngine
from scanner.engines.syn.scapy_loading import load_scapy
from tests.netlab.lab import Lab, Namespace, addresses
from tests.netlab.sweeping import QUICK, permit, plan_of, sweep, syn_engine

pytestmark = pytest.mark.netlab

PORT = 4000
TARGET, TARGET6 = "10.50.0.1", "fd50::1"
ENGINES: dict[str, Callable[[Plan], Engine]] = {
    "connect": lambda plan: ConnectEngine(ConnectOptions(), UNLIMITED),
    "syn": syn_engine,
    "scapy": lambda plan: _scapy_engine(plan),
}

WRONG = {
    "syn": {
        "rule_for_tcp": "the kernel is asked for the way without the protocol",
        "rule_for_the_port": "the kernel is asked for the way without the port",
        "several_machines": "one way is taken for the whole interval of addresses",
        "late": "it gives up a neighbour before the kernel does",
    },
    "scapy": {
        "rule_for_the_target": "scapy's own routes know no rules",
        "rule_for_tcp": "scapy's own routes know no rules",
        "rule_for_the_port": "scapy's own routes know no rules",
        "rule_as_wireguard_has_it": "scapy's own routes know no rules",
        "rule_for_unmarked": "scapy's own routes know no rules",
        "rule_for_the_user": "scapy's own routes know no rules",
        "next_hop_of_the_other_family": "scapy's own routes know no next hop of the other family",
        "on_link": "scapy's own routes take this for a gateway of 0.0.0.0",
        "version_6": "scapy's own routes know no rules",
        "several_routers": "scapy's own routes know no multipath",
        "several_machines": "scapy's own routes know no multipath",
        "late": "scapy gives up a neighbour before the kernel does",
    },
}
"""What an engine does wrong yet, by case. These tests are expected to fail; one that passes is an error."""

Crossing = tuple[Namespace, Namespace, Namespace]


@pytest.fixture
def crossing(lab: Lab) -> Crossing:
    """A host with links l0 and r0 to two machines that both have the target's addresses; no route yet."""
    host, left, right = lab.namespace(), lab.namespace(), lab.namespace()
    for name, net, there in (("l0", 1, left), ("r0", 2, right)):
        lab.wire(host, there, name, "v0")
        addresses(host, name, f"10.{net}.0.1/24", f"fd0{net}::1/64")
        addresses(there, "v0", f"10.{net}.0.2/24", f"fd0{net}::2/64", f"{TARGET}/32", f"{TARGET6}/128")
        there.ip("route", "add", "default", "via", f"10.{net}.0.1")
        there.ip("-6", "route", "add", "default", "via", f"fd0{net}::1")
    return host, left, right


def _scapy_engine(plan: Plan) -> ScapyEngine:
    """scapy reads links and routes when it is imported; this process has seen other namespaces since."""
    load_scapy()
    from scapy.config import conf

    conf.ifaces.reload()
    conf.route.resync()
    conf.route6.resync()
    conf.netcache.flush()
    return ScapyEngine(QUICK, UNLIMITED, permit(plan))


def route(host: Namespace, *words: str) -> None:
    """Add a route."""
    host.ip("route", "add", *words)


def rule_for_the_target(host: Namespace) -> None:
    route(host, TARGET, "via", "10.1.0.2")
    route(host, TARGET, "via", "10.2.0.2", "table", "77")
    host.ip("rule", "add", "to", TARGET, "lookup", "77")


def rule_for_tcp(host: Namespace) -> None:
    """As `ip rule ... ipproto tcp` sends TCP by a way of its own."""
    route(host, TARGET, "via", "10.1.0.2")
    route(host, TARGET, "via", "10.2.0.2", "table", "77")
    host.ip("rule", "add", "ipproto", "tcp", "lookup", "77")


def rule_for_the_port(host: Namespace) -> None:
    route(host, TARGET, "via", "10.1.0.2")
    route(host, TARGET, "via", "10.2.0.2", "table", "77")
    host.ip("rule", "add", "ipproto", "tcp", "dport", str(PORT), "lookup", "77")


def rule_as_wireguard_has_it(host: Namespace) -> None:
    """wg-quick: what has no mark goes by the tunnel's table; the main table's default route is not used."""
    route(host, "default", "via", "10.1.0.2")
    route(host, "default", "via", "10.2.0.2", "table", "51820")
    host.ip("rule", "add", "not", "fwmark", "0xca6c", "lookup", "51820")
    host.ip("rule", "add", "lookup", "main", "suppress_prefixlength", "0")


def rule_for_unmarked(host: Namespace) -> None:
    route(host, TARGET, "via", "10.1.0.2")
    route(host, TARGET, "via", "10.2.0.2", "table", "77")
    host.ip("rule", "add", "fwmark", "0", "lookup", "77")


def rule_for_the_user(host: Namespace) -> None:
    route(host, TARGET, "via", "10.1.0.2")
    route(host, TARGET, "via", "10.2.0.2", "table", "77")
    host.ip("rule", "add", "uidrange", "0-0", "lookup", "77")


def next_hop_of_the_other_family(host: Namespace) -> None:
    """An IPv4 route by an IPv6 next hop (RFC 8950)."""
    route(host, TARGET, "via", "inet6", "fd02::2", "dev", "r0")


def metric(host: Namespace) -> None:
    route(host, TARGET, "via", "10.1.0.2", "metric", "100")
    route(host, TARGET, "via", "10.2.0.2", "metric", "50")


def source_in_the_route(host: Namespace) -> None:
    host.ip("address", "add", "10.2.0.77/24", "dev", "r0")
    route(host, TARGET, "via", "10.2.0.2", "src", "10.2.0.77")


def on_link(host: Namespace) -> None:
    """No gateway: the target is a neighbour on a link that has no such network."""
    route(host, TARGET, "dev", "r0")


def forwarding(host: Namespace) -> None:
    """A machine that is a router itself."""
    host.sysctl("net.ipv4.ip_forward", 1)
    route(host, TARGET, "via", "10.2.0.2")


def strict_reverse_path(host: Namespace) -> None:
    host.sysctl("net.ipv4.conf.all.rp_filter", 1)
    host.sysctl("net.ipv4.conf.r0.rp_filter", 1)
    route(host, TARGET, "via", "10.2.0.2")


def next_hop_object(host: Namespace) -> None:
    host.ip("nexthop", "add", "id", "5", "via", "10.2.0.2", "dev", "r0")
    route(host, TARGET, "nhid", "5")


CASES = (
    rule_for_the_target,
    rule_for_tcp,
    rule_for_the_port,
    rule_as_wireguard_has_it,
    rule_for_unmarked,
    rule_for_the_user,
    next_hop_of_the_other_family,
    metric,
    source_in_the_route,
    on_link,
    forwarding,
    strict_reverse_path,
    next_hop_object,
)


def engines(case: str) -> pytest.MarkDecorator:
    """Run a test for each engine; an engine that is known to be wrong in this case is expected to fail."""
    return pytest.mark.parametrize("engine", [_param(engine, case) for engine in ENGINES])


def _param(engine: str, case: str, *values: object) -> Any:
    reason = WRONG.get(engine, {}).get(case)
    marks = [pytest.mark.xfail(strict=case != "late", reason=reason)] if reason else []
    return pytest.param(engine, *values, marks=marks, id="-".join([engine, case] if values else [engine]))


def by_connect(host: Namespace, endpoints: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """What one connect() to each says: `open`, or the errno's name."""
    said = {}
    with host.entered():
        for address, port in endpoints:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as each:
                each.settimeout(5)
                number = each.connect_ex((address, port))
            said[address, port] = errorcode[number] if number else "open"
    return said


def states(host: Namespace, name: str, targets: list[str], ports: Iterable[int] = (PORT,)) -> dict[str, list[State]]:
    """What an engine says of one port of each target, sorted."""
    plan = plan_of(targets, ports)
    with host.entered():
        engine = ENGINES[name](plan)
    swept = sweep(host, plan, engine)
    return {target: [swept.states[target, port] for port in sorted(ports)] for target in targets}


@pytest.mark.parametrize(
    ("engine", "case"), [_param(engine, case.__name__, case) for case in CASES for engine in ENGINES]
)
def test_the_way_is_that_of_a_socket(crossing: Crossing, engine: str, case: Callable[[Namespace], None]) -> None:
    host, _, right = crossing
    right.listen([PORT])
    case(host)
    assert by_connect(host, [(TARGET, PORT)]) == {(TARGET, PORT): "open"}
    assert states(host, engine, [TARGET]) == {TARGET: [State.OPEN]}


@engines("version_6")
def test_rules_hold_for_version_6_too(crossing: Crossing, engine: str) -> None:
    host, _, right = crossing
    right.listen([PORT])
    host.ip("-6", "route", "add", TARGET6, "via", "fd01::2")
    host.ip("-6", "route", "add", TARGET6, "via", "fd02::2", "table", "77")
    host.ip("-6", "rule", "add", "to", TARGET6, "lookup", "77")
    assert by_connect(host, [(TARGET6, PORT)]) == {(TARGET6, PORT): "open"}
    assert states(host, engine, [TARGET6]) == {TARGET6: [State.OPEN]}


@engines("several_routers")
@pytest.mark.parametrize("hashed", [0, 1], ids=["by-address", "by-flow"])
def test_several_next_hops_reach_the_same_target(lab: Lab, engine: str, hashed: int) -> None:
    """Two routers to one machine; the sweep may take either, and the answers come back by one of them."""
    host, left, right, target = (lab.namespace() for _ in range(4))
    for name, net, router in (("l0", 1, left), ("r0", 2, right)):
        lab.wire(host, router, name, "v0")
        addresses(host, name, f"10.{net}.0.1/24")
        addresses(router, "v0", f"10.{net}.0.2/24")
        lab.wire(router, target, "v1", name)
        addresses(router, "v1", f"10.{net}0.0.1/24")
        addresses(target, name, f"10.{net}0.0.2/24")
        router.sysctl("net.ipv4.ip_forward", 1)
        router.ip("route", "add", "10.50.0.0/24", "via", f"10.{net}0.0.2")
        target.ip("route", "add", f"10.{net}.0.0/24", "via", f"10.{net}0.0.1")
    target.answer_for("10.50.0.0/24")
    target.listen(range(4000, 4010))
    host.sysctl("net.ipv4.fib_multipath_hash_policy", hashed)
    route(host, "10.50.0.0/24", "nexthop", "via", "10.1.0.2", "nexthop", "via", "10.2.0.2")
    targets = [f"10.50.0.{number}" for number in range(1, 9)]
    assert set(by_connect(host, [(each, 4000) for each in targets]).values()) == {"open"}
    assert states(host, engine, targets, range(4000, 4010)) == {each: [State.OPEN] * 10 for each in targets}


@engines("several_machines")
def test_next_hops_that_lead_to_different_machines_are_taken_as_a_socket_takes_them(
    crossing: Crossing, engine: str
) -> None:
    """By the addresses alone, so that every socket to one target goes the same way."""
    host, left, right = crossing
    for there in (left, right):
        there.answer_for("10.51.0.0/24")
    right.listen([PORT])
    host.sysctl("net.ipv4.fib_multipath_hash_policy", 0)
    host.ip("address", "add", "10.9.9.9/32", "dev", "lo")
    hops = ("nexthop", "via", "10.1.0.2", "nexthop", "via", "10.2.0.2")
    route(host, "10.51.0.0/24", "src", "10.9.9.9", *hops)
    targets = [f"10.51.0.{number}" for number in range(1, 17)]
    truth = by_connect(host, [(each, PORT) for each in targets])
    assert set(truth.values()) == {"open", "ECONNREFUSED"}
    kinds = {"open": [State.OPEN], "ECONNREFUSED": [State.CLOSED]}
    assert states(host, engine, targets) == {target: kinds[said] for (target, _), said in truth.items()}


@engines("late")
def test_a_neighbour_that_is_late_is_waited_for_as_the_kernel_does(crossing: Crossing, engine: str) -> None:
    """Only its third ARP question is answered: the kernel asks three times, a second apart, and then connects."""
    host, _, right = crossing
    right.listen([PORT])
    right.run(
        "nft", "-f", "-", stdin="add table arp late\nadd chain arp late in { type filter hook input priority 0; }"
    )
    truths = []
    for look in (lambda: by_connect(host, [("10.2.0.2", PORT)]), lambda: states(host, engine, ["10.2.0.2"])):
        right.run("nft", "add", "rule", "arp", "late", "in", "drop")
        host.ip("neighbour", "flush", "dev", "r0")
        timer = Timer(1.5, right.run, ["nft", "flush", "chain", "arp", "late", "in"])
        timer.start()
        truths.append(look())
        timer.join()
    assert truths == [{("10.2.0.2", PORT): "open"}, {"10.2.0.2": [State.OPEN]}]


@engines("two_links")
def test_two_links_in_one_network(lab: Lab, engine: str) -> None:
    """Both have an address of 10.4.0.0/24; the first one's route wins, as for a socket."""
    host, left, right = lab.namespace(), lab.namespace(), lab.namespace()
    for name, number, there in (("l0", 1, left), ("r0", 2, right)):
        lab.wire(host, there, name, "v0")
        addresses(host, name, f"10.4.0.{number}/24")
        addresses(there, "v0", "10.4.0.9/24")
    left.listen([PORT])
    assert by_connect(host, [("10.4.0.9", PORT)]) == {("10.4.0.9", PORT): "open"}
    assert states(host, engine, ["10.4.0.9"]) == {"10.4.0.9": [State.OPEN]}
