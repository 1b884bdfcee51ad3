"""Hosts that answer on everything, in the laboratory: a SYN proxy, a tarpit, and one that only looks like it."""

import asyncio
import csv
import io
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanner.core.model import Address, Endpoint, Observation, State, Transport
from scanner.core.rate.limits import UNLIMITED
from scanner.core.recognise.identity import Conduct
from scanner.engines.identify.answers_everywhere import AnswersEverywhereScreen
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.conversation import Patience
from scanner.engines.identify.identifier import ServiceIdentifier
from tests.netlab.lab import Lab, Namespace
from tests.netlab.tun import Tun

pytestmark = pytest.mark.netlab

SYNPROXY = """
add table ip proxy
add chain ip proxy raw { type filter hook prerouting priority raw; policy accept; }
add chain ip proxy forward { type filter hook forward priority 0; policy accept; }
add rule ip proxy raw iifname v1 tcp flags & (fin|syn|rst|ack) == syn notrack
add rule ip proxy forward iifname v1 ct state invalid,untracked tcp flags { syn, ack } \\
    synproxy mss 1460 wscale 7 timestamp sack-perm
add rule ip proxy forward ct state invalid drop
"""


def opened(address: Address, ports: range | list[int]) -> list[Observation]:
    return [
        Observation(Endpoint(address, Transport.TCP, port), State.OPEN, "syn-ack", datetime.now(UTC)) for port in ports
    ]


def screen(ports_per_address: int) -> AnswersEverywhereScreen:
    return AnswersEverywhereScreen(
        permitted=lambda _: True,
        limiter=ConnectionLimiter(UNLIMITED),
        ports_per_address=ports_per_address,
        secret=b"0123456789abcdef",
        patience=Patience(connect=1.0),
    )


def screened(observations: list[Observation], asked: int) -> list[Observation]:
    return list(asyncio.run(screen(asked).screen(observations)))


def proxied(routed: tuple[Namespace, Namespace, Namespace]) -> Namespace:
    a, r, b = routed
    r.sysctl("net.ipv4.tcp_syncookies", 1)
    r.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
    r.nft(SYNPROXY)
    b.listen([22])
    return a


def test_a_syn_proxy_is_condemned_and_its_ports_are_one_observation(
    routed: tuple[Namespace, Namespace, Namespace],
) -> None:
    a = proxied(routed)
    address = ip_address("10.77.2.1")
    other = opened(ip_address("10.77.1.2"), [80])
    with a.entered():
        kept = screened([*opened(address, range(1, 400)), *other], 400)
    assert kept[:-1] == other
    assert kept[-1].whole_host
    assert kept[-1].endpoint == Endpoint(address, Transport.TCP, 0)


def test_a_tarpit_is_condemned_once_a_sweep(lab: Lab) -> None:
    host = lab.namespace()
    address = ip_address("10.88.0.7")
    with Tun(host, all_open=True), host.entered():
        watcher = screen(400)

        async def two_waves() -> tuple[list[Observation], list[Observation]]:
            first = await watcher.screen(opened(address, range(1, 100)))
            return list(first), list(await watcher.screen(opened(address, range(100, 200))))

        first, second = asyncio.run(two_waves())
    assert [each.whole_host for each in first] == [True]
    assert second == []
    assert watcher.condemned == {address}


def test_a_real_host_with_500_services_is_not(pair: tuple[Namespace, Namespace]) -> None:
    a, b = pair
    ports = range(20000, 20500)
    b.listen(ports)
    observations = opened(ip_address("10.77.0.2"), ports)
    with a.entered():
        assert screened(observations, 65535) == observations


def test_few_open_ports_are_not_even_tested(lab: Lab) -> None:
    host = lab.namespace()
    observations = opened(ip_address("10.88.0.7"), range(1, 8))
    with Tun(host, all_open=True) as tun:
        with host.entered():
            assert screened(observations, 1000) == observations
        assert tun.end()["syns"] == 0


def test_who_never_acknowledges_data_is_told_apart_from_who_is_silent(lab: Lab) -> None:
    host = lab.namespace()
    patience = Patience(connect=1, greeting=0.2, answer=0.6, tls=0.4, small_answer=0.2, late=0.3, total=12)
    asker = ServiceIdentifier(permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED), patience=patience)
    with Tun(host, all_open=True), host.entered():
        [tarpit] = asyncio.run(asker.identify(opened(ip_address("10.88.0.7"), [80])))
    assert tarpit.identity is not None
    assert tarpit.identity.conduct is Conduct.UNACKNOWLEDGED
    assert tarpit.identity.asked == ("http", "tls")


def test_a_listener_that_never_reads_still_acknowledges(pair: tuple[Namespace, Namespace]) -> None:
    a, b = pair
    b.listen([80], accept=False)
    patience = Patience(connect=1, greeting=0.1, answer=0.3, tls=0.2, small_answer=0.05, late=0.2, total=12)
    asker = ServiceIdentifier(permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED), patience=patience)
    with a.entered():
        [hung] = asyncio.run(asker.identify(opened(ip_address("10.77.0.2"), [80])))
    assert hung.identity is not None
    assert hung.identity.conduct is Conduct.SILENT


@pytest.mark.parametrize("engine", ["connect", "syn"])
def test_a_scan_of_a_tarpit_is_one_finding(lab: Lab, engine: str) -> None:
    host = lab.namespace()
    with Tun(host, all_open=True):
        words = ("scan", "10.88.0.7", "-p", "1-3000", "--engine", engine, "--rate", "0", "--host-rate", "0")
        done = host.python("-m", "scanner", *words, "--csv", "--no-history", check=False)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert "3,000 open" in done.stderr
    assert [(row["address"], row["port"], row["rule"]) for row in rows] == [
        ("10.88.0.7", "0", "host-answers-everywhere")
    ]
    assert done.returncode == 1


def test_a_host_that_begins_to_answer_everywhere_is_told_by_the_diff_as_one(lab: Lab, tmp_path: Path) -> None:
    host = lab.namespace()
    history = ("--history", str(tmp_path / "h.db"))
    scan = ("-m", "scanner", "scan", "10.88.0.7", "-p", "1-400", "-q", "--rate", "0", "--host-rate", "0", *history)
    for wish in ({"open": [22, 80, 81]}, {"all_open": True}):
        with Tun(host, **wish):
            host.python(*scan, check=False)
    done = host.python("-m", "scanner", "diff", "--csv", *history)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["change"], row["port"], row["rule"]) for row in rows] == [
        ("opened", "0", ""),
        ("new-finding", "0", "host-answers-everywhere"),
    ]
