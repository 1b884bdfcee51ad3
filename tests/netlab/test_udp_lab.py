"""The UDP engine against real servers and against the limits of a real kernel, by sockets and by frames."""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanner.core.model import Observation, State, Transport
from scanner.core.plan.plan import Plan
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.targets.targets import TargetSet, Word, parse_target
from scanner.engines.choose import Wire
from scanner.engines.udp.engine import UdpEngine, UdpOptions
from scanner.engines.udp.frames import FrameOptions
from tests.netlab.lab import Lab, Namespace, why_not
from tests.netlab.sweeping import permit
from tests.netlab.udp_servers import SERVERS, bound_ports, expected, installed, serving

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
CLOSED = (5, 6, 99)
BY_EACH = pytest.mark.parametrize("wire", [None, Wire.SENDMMSG], ids=["sockets", "frames"])


def udp_plan(targets: str, ports: Iterable[int]) -> Plan:
    """A plan of UDP ports alone."""
    spans = [span for text in targets.split() for span in parse_target(Word(text, "test"))]  # type: ignore[union-attr]
    return Plan(TargetSet(spans), (), 7, udp_ports=tuple(sorted(ports)))


def sweep(
    host: Namespace,
    targets: str,
    ports: Iterable[int],
    *,
    patience: float = 30.0,
    wire: Wire | None = None,
    limits: Limits = UNLIMITED,
    sources: Iterable[str] = (),
) -> dict[tuple[str, int], Observation]:
    """What the UDP engine says of every endpoint, asked through sockets or by frames on a `wire`."""
    plan = udp_plan(targets, ports)
    addresses = tuple(map(ip_address, sources))
    frames = FrameOptions(permit(plan), wire=wire) if wire else None
    engine = UdpEngine(UdpOptions(bytes(16), patience=patience, frames=frames, sources=addresses), limits)

    async def run() -> dict[tuple[str, int], Observation]:
        found = {}
        async for settled in engine.run(map(plan.wave, plan.numbers())):
            assert settled.coverage().balanced
            for state in State:
                for seen in settled.observe(settled.places(state)):
                    assert seen.endpoint.transport is Transport.UDP
                    found[str(seen.endpoint.address), seen.endpoint.port] = seen
        assert len(found) == plan.size
        return found

    with host.entered():
        return asyncio.run(run())


def by_state(found: dict[tuple[str, int], Observation], state: State) -> set[int]:
    return {port for (_, port), seen in found.items() if seen.state is state}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@BY_EACH
@pytest.mark.skipif(shutil.which("ss") is None, reason="needs the command `ss`")
def test_every_real_server_that_can_answer_is_found_and_named_and_no_silent_one_is_called_open(
    lab: Lab, wire: Wire | None
) -> None:
    here, there = lab.pair()
    wanted = {server.port for server in filter(installed, SERVERS)}
    if len(wanted) < 5:
        pytest.skip("fewer than five of the UDP servers' packages are installed")

    def settle() -> None:
        for _ in range(100):
            if wanted <= bound_ports(there):
                return
            time.sleep(0.2)  # there is no event: other programs bind their sockets when they are ready

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with serving(there, Path(folder), settle) as servers:
            answering, silent = expected(servers)
            found = sweep(here, "10.77.0.2", {*answering, *silent, *CLOSED}, wire=wire)
    assert by_state(found, State.OPEN) == set(answering)
    assert by_state(found, State.CLOSED) == set(CLOSED)
    assert by_state(found, State.OPEN_FILTERED) == silent
    named = {port: seen.identity.protocol for (_, port), seen in found.items() if seen.identity}
    assert named == answering


@BY_EACH
@pytest.mark.parametrize("address", ["10.77.0.2", "fd77::2"])
def test_silent_ports_are_proven_among_closed_ones_under_a_limit(lab: Lab, wire: Wire | None, address: str) -> None:
    here, there = lab.pair()
    if ":" in address:
        there.sysctl("net.ipv6.icmp.ratelimit", 8)
    else:
        there.sysctl("net.ipv4.icmp_ratelimit", 8)
    ports = range(2100, 2400, 1)
    there.nft("add rule inet lab input udp dport { 2111, 2222, 2333 } drop")
    found = sweep(here, address, ports, wire=wire)
    assert by_state(found, State.OPEN_FILTERED) == {2111, 2222, 2333}
    assert by_state(found, State.CLOSED) == set(ports) - {2111, 2222, 2333}
    assert {seen.reason for seen in found.values()} == {"port-unreachable", "udp-no-response"}


@BY_EACH
def test_a_limited_host_is_said_to_be_limited_when_patience_ends(lab: Lab, wire: Wire | None) -> None:
    here, there = lab.pair()
    there.sysctl("net.ipv4.icmp_ratelimit", 1000)
    found = sweep(here, "10.77.0.2", range(2500, 2600), patience=2.0, wire=wire)
    reasons = {seen.reason for seen in found.values()}
    assert reasons == {"port-unreachable", "udp-no-response-limited"}
    assert 6 <= len(by_state(found, State.CLOSED)) <= 12


@BY_EACH
def test_a_host_that_drops_everything_is_a_silent_host(lab: Lab, wire: Wire | None) -> None:
    here, there = lab.pair()
    there.nft("add rule inet lab input meta l4proto udp drop")
    found = sweep(here, "10.77.0.2", (53, 5000), wire=wire)
    assert {seen.reason for seen in found.values()} == {"udp-silent-host"}
    assert by_state(found, State.OPEN_FILTERED) == {53, 5000}


@BY_EACH
def test_an_absent_neighbour_is_no_silent_host(lab: Lab, wire: Wire | None) -> None:
    here, _ = lab.pair()
    found = sweep(here, "10.77.0.77 fd77::77", (53, 5000), wire=wire)
    assert {seen.reason for seen in found.values()} == {"host-unreachable"}


@BY_EACH
def test_no_route_is_our_failure(lab: Lab, wire: Wire | None) -> None:
    here, _ = lab.pair()
    found = sweep(here, "10.99.0.1", (53, 5000), wire=wire)
    assert {(seen.state, seen.reason) for seen in found.values()} == {(State.UNKNOWN, "no-route")}


@BY_EACH
def test_what_a_router_rejects_is_filtered_and_says_who(lab: Lab, wire: Wire | None) -> None:
    here, router, _ = lab.routed()
    router.sysctl("net.ipv4.icmp_ratelimit", 0)
    router.nft("add rule inet lab forward udp dport 53 reject with icmp port-unreachable")
    router.nft("add rule inet lab forward udp dport 54 reject with icmp admin-prohibited")
    found = sweep(here, "10.77.2.1", (53, 54, 55), wire=wire)
    said = {port: (seen.state, seen.reason, seen.evidence) for (_, port), seen in found.items()}
    assert said[53] == (State.FILTERED, "icmp-port-unreachable", "from 10.77.1.2")
    assert said[54] == (State.FILTERED, "icmp-admin-prohibited", "from 10.77.1.2")
    assert said[55] == (State.CLOSED, "port-unreachable", "")


@BY_EACH
def test_a_forged_error_about_something_that_was_never_sent_is_not_believed(lab: Lab, wire: Wire | None) -> None:
    here, there = lab.pair()
    there.nft("add rule inet lab input meta l4proto udp drop")
    with suppress(ImportError):
        from scapy.layers.inet import ICMP, IP, UDP
        from scapy.packet import Raw

        quoted = IP(src="10.77.0.1", dst="10.77.0.2") / UDP(sport=40_000, dport=53) / Raw(b"never sent")
        forged = bytes(ICMP(type=3, code=3) / quoted)
        there.start(
            "python3",
            "-c",
            "import socket,time,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_RAW,1)\n"
            f"d=bytearray({forged!r})\n"
            "for turn in range(3):\n"
            "  for port in range(32768,61000):\n"
            "    d[28:30]=port.to_bytes(2,'big'); d[2:4]=b'\\0\\0'\n"
            "    n=sum(int.from_bytes(d[i:i+2].ljust(2,b'\\0'),'big') for i in range(0,len(d),2))\n"
            "    n=(n&65535)+(n>>16); n=(n&65535)+(n>>16); d[2:4]=(n^65535).to_bytes(2,'big')\n"
            "    s.sendto(d,('10.77.0.1',0))\n",
        )
    found = sweep(here, "10.77.0.2", (53,), wire=wire)
    assert {seen.reason for seen in found.values()} == {"udp-silent-host"}


@BY_EACH
def test_hosts_wait_independently(lab: Lab, wire: Wire | None) -> None:
    here, there = lab.pair()
    there.sysctl("net.ipv4.icmp_ratelimit", 0)
    there.answer_for("10.88.0.0/26")
    here.ip("route", "add", "10.88.0.0/26", "via", "10.77.0.2")
    with suppress(OSError):
        there.sysctl("net.ipv4.icmp_msgs_per_sec", 100_000)
    found = sweep(here, "10.88.0.0/26", (53, 123, 5000), wire=wire)
    assert by_state(found, State.CLOSED) == {53, 123, 5000}
    assert len(found) == 64 * 3


@BY_EACH
def test_several_sources_are_told_of_several_times_as_many_ports(lab: Lab, wire: Wire | None) -> None:
    """One address would be told of 30 ports within the patience; silence is proven to each by itself."""
    here, there = lab.pair()
    there.sysctl("net.ipv4.icmp_ratelimit", 250)
    there.nft("add rule inet lab input udp dport { 2555 } drop")
    sources = [f"10.77.0.{number}" for number in range(100, 108)]
    for source in sources:
        here.ip("address", "add", f"{source}/24", "dev", "v0")
    found = sweep(here, "10.77.0.2", range(2500, 2600), patience=6.0, sources=sources, wire=wire)
    assert by_state(found, State.CLOSED) == set(range(2500, 2600)) - {2555}
    assert found["10.77.0.2", 2555].reason in {"udp-no-response", "udp-no-response-limited"}
    few = sweep(here, "10.77.0.2", range(3000, 3100), patience=3.0, sources=sources[:1], wire=wire)
    assert len(by_state(few, State.CLOSED)) < 40


def test_a_silent_service_is_a_finding_until_the_policy_expects_it(lab: Lab, tmp_path: Path) -> None:
    """The whole command: a port that is bound and mute among closed ones, as WireGuard is."""
    here, there = lab.pair()
    there.sysctl("net.ipv4.icmp_ratelimit", 8)
    mute = there.start(
        sys.executable,
        "-c",
        "import socket,time;s=socket.socket(2,2);s.bind(('',51820));print(1,flush=True);time.sleep(99)",
    )
    assert mute.stdout is not None
    mute.stdout.readline()
    policy = tmp_path / "policy.toml"
    policy.write_text('[[expect]]\nnetworks = ["10.77.0.2"]\nrequired = ["U:51820"]\nsilent = true\nowner = "lab"\n')
    words = ("-m", "scanner", "scan", "10.77.0.2", "-p", "U:2000-2060,U:51820", "--no-history", "--json")

    def rules(*more: str) -> list[tuple[str, int]]:
        said = here.run(sys.executable, *words, *more, check=False).stdout
        found = [json.loads(line) for line in said.splitlines()]
        return [(each["rule"], each["port"]) for each in found if each["type"] not in ("sweep", "summary")]

    assert rules() == [("udp-silent-among-closed", 51820)]
    assert rules("--policy", str(policy)) == [("policy-expected", 51820)]
    mute.kill()
