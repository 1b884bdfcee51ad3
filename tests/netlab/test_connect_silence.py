"""The connect engine does not believe silence: hosts and paths that fall silent in mid sweep, and come back or not."""

import asyncio

import pytest

from scanner.core.model import Address
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.limits import Limits
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.ways import WayOut
from tests.engines.waves import covered, in_pieces, reasons, settle, wave
from tests.netlab.lab import Namespace

pytestmark = pytest.mark.netlab

Pair = tuple[Namespace, Namespace]
QUICK = ConnectOptions(timeout=0.3, retries=1, retry_gap=1.0)
OPEN = [5, 105, 205, 305, 405]


async def swept(
    a: Namespace, engine: ConnectEngine, targets: list[str], after: float, act: str, b: Namespace
) -> list[SettledWave]:
    """Sweep 500 ports of hosts that b answers for, and let it act meanwhile."""
    with a.entered():
        asyncio.get_running_loop().call_later(after, b.nft, act)
        return await settle(engine, *in_pieces(in_turn(wave(targets, range(1, 501))), 250))


def in_turn(asked: Wave) -> Wave:
    """The same endpoints, host by host in turn, as a plan would have them."""
    return asked.part(asked.port.argsort(kind="stable"))


@pytest.fixture
def many(pair: Pair) -> list[str]:
    """Eight hosts, all of them on b."""
    a, b = pair
    b.answer_for("10.99.0.0/29")
    a.ip("route", "add", "10.99.0.0/29", "via", "10.77.0.2")
    b.listen(OPEN, ["0.0.0.0"])
    return [f"10.99.0.{number}" for number in range(8)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.core.path.watch.HOST_PATIENCE", 1.5)
    monkeypatch.setattr("scanner.core.path.watch.PATH_PATIENCE", 3.0)


async def test_what_a_cut_path_lost_is_asked_again_when_it_is_back(pair: Pair, many: list[str]) -> None:
    a, b = pair
    engine = ConnectEngine(QUICK, Limits(rate=1000, host_rate=None))
    cut = "add rule inet lab input tcp dport 1-65535 drop"
    with a.entered():
        asyncio.get_running_loop().call_later(2.5, b.run, "nft", "flush", "chain", "inet", "lab", "input")
    settled = await swept(a, engine, many, 1.0, cut, b)
    found = reasons(*settled)
    assert {found[host, port] for host in many for port in OPEN} == {"syn-ack"}
    assert covered(*settled).closed == len(many) * (500 - len(OPEN))


async def test_a_path_that_stays_cut_leaves_endpoints_unknown(pair: Pair, many: list[str]) -> None:
    a, b = pair
    engine = ConnectEngine(QUICK, Limits(rate=1000, host_rate=None))
    settled = await swept(a, engine, many, 1.0, "add rule inet lab input tcp dport 1-65535 drop", b)
    kinds = {reason for each in settled for reason in each.reasons()}
    assert kinds <= {"syn-ack", "reset", "path-lost"}
    assert covered(*settled).unknown > 1000


async def test_a_host_that_bans_us_is_lost_and_the_others_are_not(pair: Pair, many: list[str]) -> None:
    a, b = pair
    engine = ConnectEngine(QUICK, Limits(rate=1000, host_rate=None))
    settled = await swept(a, engine, many, 1.0, "add rule inet lab input ip daddr 10.99.0.3 drop", b)
    found = reasons(*settled)
    assert {reason for (host, _), reason in found.items() if host != "10.99.0.3"} == {"syn-ack", "reset"}
    banned = [reason for (host, _), reason in found.items() if host == "10.99.0.3"]
    assert set(banned) == {"syn-ack", "reset", "host-lost"} or set(banned) == {"reset", "host-lost"}
    assert banned.count("host-lost") > 100


async def test_a_host_that_never_answers_is_silent_and_not_filtered(pair: Pair, many: list[str]) -> None:
    a, b = pair
    b.nft("add rule inet lab input ip daddr 10.99.0.2 drop; add rule inet lab input tcp dport 300-310 drop")
    with a.entered():
        settled = await settle(ConnectEngine(QUICK, Limits()), wave(many[:4], range(290, 320)))
    found = reasons(*settled)
    assert {reason for (host, _), reason in found.items() if host == "10.99.0.2"} == {"silent-host"}
    dropped = {(host, port) for host in many[:4] if host != "10.99.0.2" for port in range(300, 311)}
    assert {found[each] for each in dropped} == {"no-response"}


async def test_each_way_out_has_its_own_silence(pair: Pair, many: list[str]) -> None:
    def way_of(address: Address) -> WayOut:
        return WayOut("even" if int(address) % 2 == 0 else "odd", routed=True)

    a, b = pair
    engine = ConnectEngine(QUICK, Limits(rate=1000, host_rate=None), way_of=way_of)
    odd = "add rule inet lab input ip daddr { 10.99.0.1, 10.99.0.3, 10.99.0.5, 10.99.0.7 } drop"
    settled = await swept(a, engine, many, 1.0, odd, b)
    found = reasons(*settled)
    assert {reason for (host, _), reason in found.items() if int(host[-1]) % 2 == 0} == {"syn-ack", "reset"}
    lost = {reason for (host, _), reason in found.items() if int(host[-1]) % 2}
    assert "path-lost" in lost
    assert lost <= {"syn-ack", "reset", "path-lost"}


async def test_a_fixed_number_of_tries_is_exact_where_nothing_falls_silent(pair: Pair, many: list[str]) -> None:
    a, b = pair
    b.counter("dropped")
    b.nft("add rule inet lab input tcp dport 300-319 counter name dropped drop")
    with a.entered():
        settled = await settle(ConnectEngine(QUICK, Limits()), wave(many[:2], range(290, 320)))
    assert b.packets("dropped") == 2 * 20 * 2
    assert covered(*settled).filtered == 40
