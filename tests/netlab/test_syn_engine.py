"""The SYN engine against real kernels: states, reasons, accounting, limits, links, and what goes wrong."""

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest

from scanner.core.errors import InvalidInput, OutOfScope
from scanner.core.model import State
from scanner.core.plan.wave import SettledWave
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.engines.choose import Wire
from scanner.engines.packets.receive_ring import Receiver
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab, Namespace
from tests.netlab.sweeping import (
    QUICK,
    arrivals,
    interface_packets,
    most_in_a_second,
    permit,
    plan_of,
    sweep,
    syn_engine,
)

pytestmark = pytest.mark.netlab
Pair = tuple[Namespace, Namespace]


def test_every_port_of_a_host_in_both_families(pair: Pair) -> None:
    a, b = pair
    b.listen(range(2000, 2050))
    swept = sweep(a, plan_of(["10.77.0.2", "fd77::2"], range(1, 4001)))
    assert swept.coverage.planned == 8000
    assert swept.coverage.sent == 8000
    assert swept.reasons == {"syn-ack": 100, "reset": 7900}
    found = {port for (_, port), state in swept.states.items() if state is State.OPEN}
    assert found == set(range(2000, 2050))
    assert swept.answers_by_try == (8000, 0)
    assert all(0 <= float(np.nanmax(wave.rtt)) < 5 for wave in swept.waves)
    assert all(abs(float(wave.at.mean()) - time.time()) < 60 for wave in swept.waves)


def test_where_memory_allows_few_waves_they_follow_one_another(pair: Pair) -> None:
    a, b = pair
    b.listen([2000])
    plan = plan_of(["10.77.0.2"], range(1000, 3000), wave_size=256)
    swept = sweep(a, plan, syn_engine(plan, replace(QUICK, in_flight=1)))
    assert swept.reasons == {"syn-ack": 1, "reset": 1999}
    assert len(swept.waves) == plan.waves


def test_small_waves_are_probed_side_by_side(pair: Pair) -> None:
    """As `--discover` leaves them. All have been sent when the first of them has waited for its answers."""
    a, b = pair
    b.nft("add rule inet lab input tcp flags & (syn|ack) == syn drop")
    plan = plan_of(["10.77.0.2"], range(1, 4001), wave_size=10)
    engine, sent = syn_engine(plan, replace(QUICK, attempts=1)), list[int]()
    swept = sweep(a, plan, engine, meanwhile=lambda _: sent.append(engine.progress.sent))
    assert sent[0] == plan.size
    assert swept.reasons == {"silent-host": plan.size}


def test_loopback_and_own_addresses(pair: Pair) -> None:
    a, _ = pair
    a.listen([2000], ["0.0.0.0", "::"])
    swept = sweep(a, plan_of(["127.0.0.1", "127.9.8.7", "::1", "10.77.0.1", "fd77::1"], [1999, 2000]))
    assert swept.reasons == {"syn-ack": 5, "reset": 5}


def test_the_kernel_counted_what_we_say_we_sent(pair: Pair) -> None:
    a, b = pair
    b.counter("syns")
    b.nft("add rule inet lab input tcp flags & (syn|ack) == syn counter name syns")
    b.nft("add rule inet lab input tcp dport 3000-3099 drop")
    b.listen([2000])
    before = interface_packets(a, "v0")
    swept = sweep(a, plan_of(["10.77.0.2"], range(2000, 3100)), table=False)
    canaries = swept.statistics.canaries
    ours = swept.coverage.sent + swept.statistics.neighbour_requests + swept.statistics.resets + canaries
    kernels = 1 + canaries / 2  # the RST that closes the one open port, and those of canaries that are open
    assert swept.coverage.sent == 1100 + 100
    assert 0 < canaries < 10
    assert b.packets("syns") == swept.coverage.sent + canaries
    assert interface_packets(a, "v0") - before == pytest.approx(ours + kernels, abs=4)  # the kernel's own ARP


def test_silence_and_every_icmp_error(routed: tuple[Namespace, Namespace, Namespace]) -> None:
    a, r, b = routed
    b.listen([2000])
    rejects = {
        3000: ("icmp type net-unreachable", "icmp-net-unreachable"),
        3001: ("icmp type host-unreachable", "icmp-host-unreachable"),
        3002: ("icmp type prot-unreachable", "icmp-protocol-unreachable"),
        3003: ("icmp type port-unreachable", "icmp-port-unreachable"),
        3004: ("icmp type net-prohibited", "icmp-net-prohibited"),
        3005: ("icmp type host-prohibited", "icmp-host-prohibited"),
        3006: ("icmp type admin-prohibited", "icmp-admin-prohibited"),
    }
    rejects6 = {
        3100: ("icmpv6 type no-route", "icmp-net-unreachable"),
        3101: ("icmpv6 type admin-prohibited", "icmp-admin-prohibited"),
        3102: ("icmpv6 type addr-unreachable", "icmp-host-unreachable"),
        3103: ("icmpv6 type port-unreachable", "icmp-port-unreachable"),
        3104: ("icmpv6 type policy-fail", "icmp-policy-failed"),
        3105: ("icmpv6 type reject-route", "icmp-reject-route"),
    }
    for port, (words, _) in (rejects | rejects6).items():
        r.nft(f"add rule inet lab forward tcp dport {port} reject with {words}")
    r.nft("add rule inet lab forward tcp dport 4000 drop")
    r.nft("add rule inet lab forward tcp dport 4001 reject with tcp reset")
    r.sysctl("net.ipv4.icmp_ratelimit", 0)
    r.sysctl("net.ipv6.icmp.ratelimit", 0)
    ports4, ports6 = [2000, 2001, 4000, 4001, *rejects], [2000, 2001, 4000, 4001, *rejects6]
    for address, ports, table in (("10.77.2.1", ports4, rejects), ("fd77:2::1", ports6, rejects6)):
        swept = sweep(a, plan_of([address], ports))
        expected = {2000: "syn-ack", 2001: "reset", 4000: "no-response", 4001: "reset"}
        expected |= {port: reason for port, (_, reason) in table.items()}
        assert {port: reason for (_, port), (_, reason) in swept.table.items()} == expected
        wave = swept.waves[0]
        router = "10.77.1.2" if address.startswith("10") else "fd77:1::2"
        told = {int(wave.wave.port[place]): words for place, words in wave.evidence.items()}
        assert told == dict.fromkeys(table, f"from {router}")
        assert swept.coverage.sent == len(ports) + 1


def test_dead_neighbours_are_settled_as_a_whole_and_cost_little(pair: Pair) -> None:
    a, b = pair
    b.listen([80])
    plan = plan_of(["10.77.0.0/24"], range(1, 101))
    began = time.monotonic()
    swept = sweep(a, plan)
    taken = time.monotonic() - began
    per_host: dict[str, set[str]] = defaultdict(set)
    for (host, _), (_, reason) in swept.table.items():
        per_host[host].add(reason)
    assert per_host["10.77.0.2"] == {"syn-ack", "reset"}
    assert per_host["10.77.0.1"] == {"reset"}
    dead = {host for host, reasons in per_host.items() if reasons == {"no-arp-reply"}}
    assert len(dead) == 254
    assert swept.coverage.unreachable_hosts == 254
    assert swept.coverage.filtered == 254 * 100
    assert taken < 12


def test_a_dead_gateway_is_our_problem_and_not_a_state(pair: Pair) -> None:
    a, _ = pair
    a.ip("route", "add", "10.99.0.0/16", "via", "10.77.0.222")
    swept = sweep(a, plan_of(["10.99.1.1", "10.99.1.2", "10.55.0.1"], range(5)))
    assert swept.reasons == {"local-error:EHOSTUNREACH": 10, "no-route": 5}
    assert swept.coverage.unknown == 15


def test_several_interfaces_in_one_sweep(lab: Lab) -> None:
    a, b, c = lab.namespace(), lab.namespace(), lab.namespace()
    lab.wire(a, b, "x0", "v0")
    lab.wire(a, c, "x1", "v0")
    for host, number in ((b, 1), (c, 2)):
        a.ip("address", "add", f"10.{number}.0.1/24", "dev", f"x{number - 1}")
        host.ip("address", "add", f"10.{number}.0.2/24", "dev", "v0")
        host.listen([number])
    swept = sweep(a, plan_of(["10.1.0.2", "10.2.0.2", "127.0.0.1"], [1, 2]))
    found = {endpoint for endpoint, state in swept.states.items() if state is State.OPEN}
    assert found == {("10.1.0.2", 1), ("10.2.0.2", 2)}
    assert swept.coverage.answered == 6


def test_a_wrong_plan_sends_nothing(pair: Pair) -> None:
    """Nothing of ours, that is: the kernels speak IPv6 to each other whenever they like."""
    a, b = pair
    b.counter("probes")
    b.nft("add rule inet lab input meta l4proto tcp counter name probes")
    plan, permitted = plan_of(["10.77.0.0/29"], range(100)), plan_of(["10.77.0.0/30"], [1])
    engine = SynEngine(QUICK, UNLIMITED, permit(permitted))
    with pytest.raises(OutOfScope, match="not permitted"):
        sweep(a, plan, engine)
    assert b.packets("probes") == 0
    assert engine.statistics.neighbour_requests == 0


def test_nothing_is_framed_for_a_place_that_is_not_permitted(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check where frames are filled holds on its own, without the one when a wave begins."""
    a, b = pair
    b.counter("to-three")
    b.nft("add rule inet lab input ip daddr 10.77.0.3 counter name to-three")
    b.ip("address", "add", "10.77.0.3/24", "dev", "v0")
    asked: list[int] = []

    def permitted(version: np.ndarray, high: np.ndarray, low: np.ndarray) -> np.ndarray:
        asked.append(len(low))
        return np.ones(len(low), bool) if len(asked) == 1 else low != int(ip_address("10.77.0.3"))

    with pytest.raises(OutOfScope, match=r"10\.77\.0\.3"):
        sweep(a, plan_of(["10.77.0.2", "10.77.0.3"], range(1, 50)), SynEngine(QUICK, UNLIMITED, permitted))
    assert b.packets("to-three") == 0


def test_open_connections_are_closed_by_the_kernel(pair: Pair) -> None:
    a, b = pair
    b.listen([80], accept=False)
    b.counter("resets")
    b.nft("add rule inet lab input tcp flags & rst == rst counter name resets")
    sweep(a, plan_of(["10.77.0.2"], [80]))
    assert b.packets("resets") == 1
    assert "SYN-RECV" not in b.run("ss", "-tan").stdout


def test_or_by_us_where_a_firewall_keeps_the_answer_from_the_kernel(pair: Pair) -> None:
    a, b = pair
    b.listen([80], accept=False)
    a.nft("add rule inet lab input tcp flags & (syn|ack) == (syn|ack) drop")
    b.counter("resets")
    b.nft("add rule inet lab input tcp flags & rst == rst counter name resets")
    b.nft("add rule inet lab input tcp dport 9999 drop")
    swept = sweep(a, plan_of(["10.77.0.2"], [80, 81, 9999]))
    assert swept.states[("10.77.0.2", 80)] is State.OPEN
    assert swept.statistics.resets == 1
    assert b.packets("resets") == 1
    assert "SYN-RECV" not in b.run("ss", "-tan").stdout


def test_without_the_right_nothing_happens(pair: Pair) -> None:
    a, b = pair
    b.counter("any")
    b.nft("add rule inet lab input counter name any")
    script = (
        "import asyncio\n"
        "from scanner.core.errors import NotPermitted\n"
        "from tests.netlab.sweeping import plan_of, syn_engine\n"
        "plan = plan_of(['10.77.0.2'], [80])\n"
        "async def main():\n"
        "    async for _ in syn_engine(plan).run([plan.wave(0)]): print('settled')\n"
        "try: asyncio.run(main())\n"
        "except NotPermitted as error: print(error)\n"
    )
    drop = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    said = a.run(*drop, sys.executable, "-c", script).stdout
    assert said.count("\n") == 1
    assert said.startswith("--engine syn: no permission to open a raw socket; run it with sudo")
    assert "CAP_NET_RAW" in said
    assert b.packets("any") == 0


@pytest.mark.parametrize("limits", [Limits(1000.0, None), Limits(None, 200.0)])
def test_the_rate_holds_in_every_rolling_second(pair: Pair, limits: Limits) -> None:
    a, b = pair
    b.answer_for("10.99.0.0/16")
    a.ip("route", "add", "10.99.0.0/16", "via", "10.77.0.2")
    rate = limits.rate or 200.0 * 4
    plan = plan_of(["10.99.0.0-10.99.0.3"], range(1, int(rate * 2.5 / 4)))
    engine = syn_engine(plan, limits=limits)
    seen = arrivals(b, lambda: sweep(a, plan, engine))
    assert len(seen) == plan.size + engine.statistics.canaries
    each_host = {target: [at for at, to, _ in seen if to == target] for target in {each.address for each in seen}}
    for times in each_host.values() if limits.host_rate else [[each.at for each in seen]]:
        allowed = limits.host_rate or limits.rate or 0
        assert most_in_a_second(times) <= allowed


def test_no_burst_after_the_process_was_stopped(pair: Pair) -> None:
    a, b = pair
    script = (
        "import asyncio\n"
        "from scanner.core.rate.limits import Limits\n"
        "from tests.netlab.sweeping import plan_of, syn_engine\n"
        "plan = plan_of(['10.77.0.2'], range(1, 4001))\n"
        "async def main():\n"
        "    engine = syn_engine(plan, limits=Limits(1000.0, None))\n"
        "    async for settled in engine.run([plan.wave(0)]): print(settled.reasons())\n"
        "asyncio.run(main())\n"
    )
    b.counter("syns")
    b.nft("add rule inet lab input tcp flags & (syn|ack) == syn counter name syns")

    def stop_for_a_while() -> None:
        process = a.start(sys.executable, "-c", script)
        while b.packets("syns") < 1000:
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        time.sleep(10)
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        assert process.stdout.readline() == "{'reset': 4000}\n"

    seen = arrivals(b, stop_for_a_while)
    assert 4000 <= len(seen) < 4050  # canaries besides
    times = sorted(each.at for each in seen)
    assert max(after - before for before, after in itertools.pairwise(times)) > 9.5
    assert most_in_a_second(times) <= 1000


def test_answers_that_came_while_the_process_was_stopped_are_heard(pair: Pair) -> None:
    """They lie in the ring, and the cool-down is long over when the process goes on."""
    a, b = pair
    script = (
        "import asyncio\n"
        "from scanner.core.rate.limits import UNLIMITED\n"
        "from scanner.engines.syn.options import SynOptions\n"
        "from tests.netlab.sweeping import plan_of, syn_engine\n"
        "plan = plan_of(['10.77.0.2'], range(1, 2001))\n"
        "async def main():\n"
        "    engine = syn_engine(plan, SynOptions(attempts=1))\n"
        "    async for settled in engine.run([plan.wave(0)]): print(settled.reasons())\n"
        "print('ready', flush=True)\n"
        "input()\n"
        "asyncio.run(main())\n"
    )
    for _ in range(2):
        b.nft("flush chain inet lab input")
        b.nft("add counter inet lab syns")
        b.nft("add rule inet lab input tcp flags & (syn|ack) == syn counter name syns")
        before = b.packets("syns")
        process = a.start(sys.executable, "-c", script)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        print(file=process.stdin, flush=True)
        while b.packets("syns") == before:
            pass
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.3)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "{'reset': 2000}\n"


def test_lost_answers_make_a_wave_degraded(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of 4,096 slots that nobody empties while 12,000 answers come."""
    a, _ = pair

    def small(version: int, *, first_port: int, last_port: int) -> Receiver:
        return Receiver(version, first_port=first_port, last_port=last_port, slots=4096)

    monkeypatch.setattr("scanner.engines.syn.listener.Receiver", small)
    monkeypatch.setattr("scanner.engines.syn.listener._GATHER", 2.0)
    plan = plan_of(["10.77.0.2"], range(1, 12_001))
    swept = sweep(a, plan, syn_engine(plan, SynOptions(attempts=1)), table=False)
    assert swept.statistics.dropped > 1000
    (wave,) = swept.waves
    assert wave.degraded == ("answers were lost because the receive buffer was full",)
    assert (
        f"answers dropped because the receive buffer was full: {swept.statistics.dropped:,}" in swept.statistics.notes()
    )
    assert swept.coverage.answered + swept.statistics.dropped == plan.size


def test_stop_keeps_what_is_known(pair: Pair) -> None:
    a, b = pair
    b.nft("add rule inet lab input tcp dport 3000-3999 drop")
    plan = plan_of(["10.77.0.2"], [*range(1000, 2000), *range(3000, 4000)], wave_size=250)
    engine = syn_engine(plan, limits=Limits(500.0, None))
    waves: list[SettledWave] = []

    async def run() -> None:
        async for settled in engine.run(plan.wave(number) for number in plan.numbers()):
            waves.append(settled)

    async def stop_later() -> None:
        while engine.progress.sent < 700:
            await asyncio.sleep(0.01)
        engine.stop()

    async def both() -> None:
        await asyncio.gather(run(), stop_later())

    with a.entered():
        asyncio.run(both())
    assert 2 <= len(waves) <= plan.waves
    incomplete = [wave for wave in waves if not wave.complete]
    assert incomplete
    for wave in incomplete:
        assert wave.reasons().get("interrupted", 0) > 0
        assert set(wave.reasons()) <= {"interrupted", "reset"}
    assert sum(wave.sent for wave in waves) == engine.progress.sent < 1200


def test_a_link_that_goes_down_makes_nothing_filtered(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = pair
    monkeypatch.setattr("scanner.engines.routing.link_states.LINK_PATIENCE", 0.5)
    plan = plan_of(["10.77.0.2"], range(1, 3001), wave_size=500)
    cut: list[float] = []

    def meanwhile(settled: SettledWave) -> None:
        if not cut:
            cut.append(time.monotonic())
            b.ip("link", "set", "v0", "down")

    swept = sweep(a, plan, syn_engine(plan, limits=Limits(1000.0, None)), meanwhile=meanwhile)
    assert set(swept.reasons) <= {"reset", "link-down", "local-error:EHOSTUNREACH"}
    assert swept.reasons["reset"] >= 500
    assert swept.reasons["link-down"] > 1000
    assert swept.coverage.filtered == 0
    assert swept.coverage.planned == 3000


def test_a_link_that_comes_back_is_waited_for(pair: Pair) -> None:
    a, _ = pair
    plan = plan_of(["10.77.0.2"], range(1, 2001), wave_size=500)
    done: list[int] = []

    def meanwhile(settled: SettledWave) -> None:
        done.append(len(settled.wave))
        if len(done) == 1:
            a.ip("link", "set", "v0", "down")
            a.ip("link", "set", "v0", "up")

    swept = sweep(a, plan, syn_engine(plan, limits=Limits(1000.0, None)), meanwhile=meanwhile)
    assert set(swept.reasons) <= {"reset", "link-down"}
    assert swept.reasons["reset"] > 1200
    assert swept.coverage.filtered == 0


def test_the_capture_holds_the_accepted_answers(pair: Pair, tmp_path: Path) -> None:
    a, b = pair
    b.listen([80])
    plan = plan_of(["10.77.0.2", "fd77::2", "127.0.0.1"], [80, 81])
    file = tmp_path / "answers.pcap"
    sweep(a, plan, syn_engine(plan, SynOptions(attempts=1, pcap=file)))
    said = subprocess.run(["tcpdump", "-nn", "-r", file], capture_output=True, text=True, check=True).stdout
    ends = [(words[2], words[6]) for words in map(str.split, said.splitlines())]
    assert sorted(ends) == [
        ("10.77.0.2.80", "[S.],"),
        ("10.77.0.2.81", "[R.],"),
        ("127.0.0.1.80", "[R.],"),
        ("127.0.0.1.81", "[R.],"),
        ("fd77::2.80", "[S.],"),
        ("fd77::2.81", "[R.],"),
    ]


def test_a_wire_that_cannot_be_is_one_line(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(interface: str, wire: Wire) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("scanner.engines.syn.route_output.open_sender", refuse)
    a, _ = pair
    plan = plan_of(["10.77.0.2"], [80])
    with pytest.raises(
        InvalidInput, match=r"interface v0 cannot be used for SYNs \(Operation not supported\); try --wire"
    ):
        sweep(a, plan, syn_engine(plan, SynOptions(wire=Wire.AF_XDP)))


@pytest.mark.parametrize("wire", [Wire.SENDMMSG, Wire.AF_XDP])
def test_either_wire_gives_the_same_table(pair: Pair, wire: Wire) -> None:
    a, b = pair
    b.listen([80])
    plan = plan_of(["10.77.0.2", "fd77::2"], range(70, 90))
    swept = sweep(a, plan, syn_engine(plan, SynOptions(attempts=2, wire=wire)))
    assert swept.reasons == {"syn-ack": 2, "reset": 38}
    assert swept.statistics.wires == (wire.value,)
