"""The connect engine against firewalls, routers, absent hosts and our own machine's refusals."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from scanner.core.model import State
from scanner.core.plan.wave import Wave
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from tests.engines.waves import covered, evidence, in_pieces, reasons, settle, wave
from tests.netlab.lab import Lab, Namespace

pytestmark = pytest.mark.netlab

Pair = tuple[Namespace, Namespace]
QUICK = ConnectOptions(timeout=0.3, retries=1, retry_gap=1.0)
PORTABLE = ConnectOptions(timeout=0.3, retries=1, retry_gap=1.0, portable=True)
WAYS = [pytest.param(QUICK, id="epoll"), pytest.param(PORTABLE, id="portable")]

REJECTS = {
    "10.77.0.2": {
        "icmp type net-unreachable": "icmp-net-unreachable",
        "icmp type host-unreachable": "icmp-host-unreachable",
        "icmp type prot-unreachable": "icmp-protocol-unreachable",
        "icmp type port-unreachable": "icmp-port-unreachable",
        "icmp type net-prohibited": "icmp-net-prohibited",
        "icmp type host-prohibited": "icmp-host-prohibited",
        "icmp type admin-prohibited": "icmp-admin-prohibited",
        "tcp reset": "reset",
    },
    "fd77::2": {
        "icmpv6 type no-route": "icmp-net-unreachable",
        "icmpv6 type admin-prohibited": "icmp-admin-prohibited",
        "icmpv6 type addr-unreachable": "icmp-host-unreachable",
        "icmpv6 type port-unreachable": "icmp-port-unreachable",
        "icmpv6 type policy-fail": "icmp-policy-failed",
        "icmpv6 type reject-route": "icmp-reject-route",
        "tcp reset": "reset",
    },
}


def no_icmp_limit(host: Namespace) -> None:
    """Let a host send ICMP errors as often as it wants."""
    host.sysctl("net.ipv4.icmp_ratelimit", 0)
    host.sysctl("net.ipv4.icmp_msgs_per_sec", 100_000)
    host.sysctl("net.ipv4.icmp_msgs_burst", 100_000)
    host.sysctl("net.ipv6.icmp.ratelimit", 0)


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("address", ["10.77.0.2", "fd77::2"])
async def test_each_kind_of_rejection_has_its_reason(pair: Pair, options: ConnectOptions, address: str) -> None:
    a, b = pair
    no_icmp_limit(b)
    version = "ipv6" if ":" in address else "ipv4"
    kinds = REJECTS[address]
    for port, kind in enumerate(kinds, 100):
        b.nft(f"add rule inet lab input meta nfproto {version} tcp dport {port} reject with {kind}")
    b.listen([80])
    with a.entered():
        settled = await settle(
            ConnectEngine(options, UNLIMITED), wave([address], [80, 81, *range(100, 100 + len(kinds))])
        )
    expected = {(address, port): reason for port, reason in enumerate(kinds.values(), 100)}
    assert reasons(*settled) == expected | {(address, 80): "syn-ack", (address, 81): "reset"}
    said = evidence(*settled)
    assert said == {where: f"{reason} from {address}" for where, reason in expected.items() if reason != "reset"}
    assert covered(*settled).sent == len(kinds) + 2


async def test_an_icmp_error_of_a_router_is_told_from_the_targets(
    routed: tuple[Namespace, Namespace, Namespace],
) -> None:
    a, r, b = routed
    no_icmp_limit(r)
    r.nft("add rule inet lab forward meta nfproto ipv4 tcp dport 200-299 reject with icmp type host-unreachable")
    r.nft("add rule inet lab forward meta nfproto ipv6 tcp dport 200-299 reject with icmpv6 type addr-unreachable")
    b.listen([22, 300])
    targets = ["10.77.2.1", "fd77:2::1"]
    with a.entered():
        settled = await settle(ConnectEngine(QUICK, UNLIMITED), wave(targets, [22, 300, *range(200, 220)]))
    found = reasons(*settled)
    assert {found[target, port] for target in targets for port in range(200, 220)} == {"icmp-host-unreachable"}
    assert {found[target, port] for target in targets for port in (22, 300)} == {"syn-ack"}
    said = evidence(*settled)
    assert {said["10.77.2.1", port] for port in range(200, 220)} == {"icmp-host-unreachable from 10.77.1.2"}
    assert {said["fd77:2::1", port] for port in range(200, 220)} == {"icmp-host-unreachable from fd77:1::2"}
    assert covered(*settled).unreachable_hosts == 0


@pytest.mark.parametrize("options", WAYS)
async def test_silence_is_filtered_after_every_try(pair: Pair, options: ConnectOptions) -> None:
    a, b = pair
    b.counter("dropped")
    b.nft("add rule inet lab input tcp dport 100-149 counter name dropped drop")
    with a.entered():
        started = time.monotonic()
        settled = await settle(ConnectEngine(options, UNLIMITED), wave(["10.77.0.2"], [99, *range(100, 150)]))
    assert time.monotonic() - started >= options.retry_gap
    found = reasons(*settled)
    assert {found["10.77.0.2", port] for port in range(100, 150)} == {"no-response"}
    assert found["10.77.0.2", 99] == "reset"
    assert b.packets("dropped") == 100  # one packet a probe: the kernel repeated none
    assert covered(*settled).sent >= 101  # canaries included, which prove that the host still answers


async def test_lost_packets_are_asked_for_again(pair: Pair) -> None:
    a, b = pair
    b.listen(range(2000, 2300))
    b.lose(10)
    options = ConnectOptions(timeout=0.3, retries=6, retry_gap=1.0)
    with a.entered():
        settled = await settle(ConnectEngine(options, UNLIMITED), wave(["10.77.0.2"], range(2000, 2300)))
    assert covered(*settled).open == 300
    assert covered(*settled).sent > 310


async def test_absent_hosts_are_settled_as_a_whole(pair: Pair) -> None:
    a, _ = pair
    here = ["10.77.0.2", "fd77::2"]
    absent = [form.format(number) for form in ("10.77.0.{}", "fd77::{}") for number in range(101, 104)]
    asked = wave([*here, *absent], range(1, 400))
    turns = asked.port.argsort(kind="stable")  # host by host in turn, as a plan would
    for column in (asked.host, asked.port, asked.version, asked.high, asked.low):
        column[:] = column[turns]
    with a.entered():
        engine = ConnectEngine(ConnectOptions(parallel=250), UNLIMITED)
        settled = await settle(engine, *in_pieces(asked, 300))
    found = reasons(*settled)
    assert {found[address, port] for address in absent for port in range(390, 400)} == {"host-unreachable"}
    assert {found[address, port] for address in here for port in range(1, 400)} == {"reset"}
    total = covered(*settled)
    assert total.unreachable_hosts == len(absent)
    assert total.sent < total.planned
    assert total.unknown == 0


async def test_an_absent_host_is_known_by_one_port(pair: Pair) -> None:
    with pair[0].entered():
        settled = await settle(ConnectEngine(ConnectOptions(), UNLIMITED), wave(["10.77.0.99"], [80]))
    assert reasons(*settled) == {("10.77.0.99", 80): "host-unreachable"}
    assert settled[0].coverage().filtered == 1


async def test_without_a_route_nothing_is_known(pair: Pair) -> None:
    a, _ = pair
    a.ip("route", "add", "unreachable", "10.89.0.0/24")
    a.ip("route", "add", "prohibit", "10.90.0.0/24")
    targets = ["10.88.0.1", "10.89.0.1", "10.90.0.1"]
    with a.entered():
        settled = await settle(ConnectEngine(QUICK, UNLIMITED), wave(targets, [80]), wave(targets[:1], range(1000)))
    found = reasons(*settled)
    assert found["10.88.0.1", 80] == found["10.89.0.1", 80] == "no-route"
    assert found["10.90.0.1", 80] == "local-error:EACCES"
    assert {found["10.88.0.1", port] for port in range(1000)} == {"no-route"}
    assert covered(*settled).unknown == 1003
    assert covered(*settled).sent == 0


async def test_an_error_of_our_own_firewall_is_no_state_of_the_port(pair: Pair) -> None:
    a, b = pair
    no_icmp_limit(a)
    a.nft("add rule inet lab output tcp dport 100-104 reject with icmpx type port-unreachable")
    b.listen([22])
    with a.entered():
        settled = await settle(ConnectEngine(QUICK, UNLIMITED), wave(["10.77.0.2", "fd77::2"], [22, *range(100, 105)]))
    found = reasons(*settled)
    assert {found[host, 22] for host in ("10.77.0.2", "fd77::2")} == {"syn-ack"}
    rejected = {found[host, port] for host in ("10.77.0.2", "fd77::2") for port in range(100, 105)}
    assert rejected == {"local-error:ECONNREFUSED"}
    assert evidence(*settled)["10.77.0.2", 100] == "icmp-port-unreachable from 10.77.0.1, which is this machine"


async def test_a_target_on_this_machine_may_speak_for_itself(pair: Pair) -> None:
    a, _ = pair
    a.nft("add rule inet lab input tcp dport 100 reject with icmpx type admin-prohibited")
    with a.entered():
        settled = await settle(ConnectEngine(QUICK, UNLIMITED), wave(["10.77.0.1", "127.0.0.1", "::1"], [100, 101]))
    found = reasons(*settled)
    for address in ("10.77.0.1", "127.0.0.1", "::1"):
        assert found[address, 100] == "icmp-admin-prohibited"
        assert found[address, 101] == "reset"


@pytest.mark.parametrize("options", WAYS)
async def test_a_socket_that_meets_itself_is_not_an_open_port(lab: Lab, options: ConnectOptions) -> None:
    alone = lab.namespace()
    alone.sysctl("net.ipv4.ip_local_port_range", "40000 40015")
    alone.listen([40_020])
    met = 0
    with alone.entered():
        for _ in range(8):
            settled = await settle(ConnectEngine(options, UNLIMITED), wave(["127.0.0.1", "::1"], range(40_000, 40_021)))
            found = reasons(*settled)
            assert {where for where, reason in found.items() if reason == "syn-ack"} == {
                ("127.0.0.1", 40_020),
                ("::1", 40_020),
            }
            met += covered(*settled).sent - len(found)
    assert met > 0, "no socket met itself, so this test has shown nothing"


async def test_stopping_keeps_what_was_learnt(pair: Pair) -> None:
    a, b = pair
    b.nft("add rule inet lab input tcp dport 1000-60000 drop")
    engine = ConnectEngine(ConnectOptions(parallel=50), UNLIMITED)
    taken: list[int] = []

    def waves() -> Iterator[Wave]:
        for each in in_pieces(wave(["10.77.0.2"], [*range(1, 11), *range(1000, 60_000)]), 5000):
            taken.append(each.number)
            yield each

    with a.entered():
        loop = asyncio.get_running_loop()
        loop.call_later(0.2, engine.stop)
        started = loop.time()
        settled = [each async for each in engine.run(waves())]
        took = loop.time() - started
    assert took < 0.2 + 0.9 + 0.5
    assert [each.wave.number for each in settled] == taken
    assert not any(each.complete for each in settled)
    assert len(taken) < 12
    assert {reasons(settled[0])["10.77.0.2", port] for port in range(1, 11)} == {"reset"}
    assert settled[0].reasons()["interrupted"] == 4990
    assert all(each.coverage().balanced for each in settled)
    assert engine.progress.sent == sum(each.sent for each in settled) <= 64  # 50 sockets, 10 resets, canaries


async def test_waves_are_settled_while_later_ones_are_sent(pair: Pair) -> None:
    a, b = pair
    b.nft("add rule inet lab input drop")
    asked = list(in_pieces(wave(["10.77.0.2"], range(1, 401)), 100))
    with a.entered():
        loop = asyncio.get_running_loop()
        started = loop.time()
        settled = await settle(ConnectEngine(QUICK, UNLIMITED), *asked)
        took = loop.time() - started
    assert len(settled) == 4
    assert took < 2 * (QUICK.retry_gap + QUICK.timeout)  # and not four times that


async def test_nmap_sees_the_same(pair: Pair) -> None:
    a, b = pair
    no_icmp_limit(b)
    b.listen([*range(1000, 1050), 22])
    b.nft("add rule inet lab input tcp dport 100-109 drop")
    b.nft("add rule inet lab input tcp dport 110-119 reject with icmp type admin-prohibited")
    b.nft("add rule inet lab input tcp dport 120-129 reject with tcp reset")
    ports = [22, *range(90, 140), *range(990, 1060)]
    with a.entered():
        settled = await settle(ConnectEngine(ConnectOptions(), UNLIMITED), wave(["10.77.0.2"], ports))
    ours = {int(settled[0].wave.port[place]): state for state in State for place in settled[0].places(state).tolist()}
    said = a.run(
        "nmap", "-sT", "-Pn", "-n", "-T4", "--max-retries", "2", "-oG", "-", "-d2",
        "-p", ",".join(map(str, ports)), "10.77.0.2",
    ).stdout  # fmt: skip
    line = next(each for each in said.splitlines() if "Ports: " in each).split("Ports: ")[1].split("\t")[0]
    theirs = {int(each.split("/")[0]): each.split("/")[1] for each in line.split(", ")}
    assert theirs == {port: state.value for port, state in ours.items()}
