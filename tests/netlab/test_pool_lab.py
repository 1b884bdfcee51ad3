"""A pool of workers against firewalls, absent hosts and our own machine: the same outcomes as the plain engine."""

import asyncio
from dataclasses import replace

import pytest

from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.pool import ConnectPool
from tests.engines.waves import covered, evidence, in_pieces, reasons, settle, wave
from tests.netlab.lab import Lab, Namespace

pytestmark = pytest.mark.netlab

Pair = tuple[Namespace, Namespace]
QUICK = ConnectOptions(timeout=0.3, retries=1, retry_gap=1.0)


async def test_every_kind_of_answer_is_reported_as_by_one_process(pair: Pair) -> None:
    a, b = pair
    for name, value in (("ratelimit", 0), ("msgs_per_sec", 100_000), ("msgs_burst", 100_000)):
        b.sysctl(f"net.ipv4.icmp_{name}", value)
    b.listen(range(1000, 1100))
    b.counter("syns")
    b.nft("insert rule inet lab input tcp flags syn counter name syns")
    b.nft("add rule inet lab input tcp dport 100-149 drop")
    b.nft("add rule inet lab input tcp dport 150-199 reject with icmp type admin-prohibited")
    b.nft("add rule inet lab input tcp dport 200-249 reject with icmp type port-unreachable")
    a.ip("route", "add", "prohibit", "10.90.0.0/24")
    asked = wave(["10.77.0.2", "fd77::2", "10.88.0.1", "10.90.0.1"], [*range(90, 260), *range(990, 1110)])
    with a.entered():
        alone = await settle(ConnectEngine(QUICK, UNLIMITED), *in_pieces(asked, 400))
        seen = b.packets("syns")
        settled = await settle(ConnectPool(QUICK, UNLIMITED, workers=2), *in_pieces(asked, 400))
    assert reasons(*settled) == reasons(*alone)
    assert evidence(*settled) == evidence(*alone)
    assert len(evidence(*settled)) == 100
    assert replace(covered(*settled), sent=0) == replace(covered(*alone), sent=0)  # each worker has its own canaries
    assert (covered(*alone).sent, covered(*settled).sent) == (seen, b.packets("syns") - seen)
    assert len({*reasons(*settled).values()}) == 7


async def test_an_absent_host_is_counted_once_whichever_workers_miss_it(pair: Pair) -> None:
    a, _ = pair
    absent = [f"10.77.0.{number}" for number in range(101, 104)]
    asked = wave(["10.77.0.2", *absent], range(1, 400))
    turns = asked.port.argsort(kind="stable")  # host by host in turn, as a plan would
    for column in (asked.host, asked.port, asked.version, asked.high, asked.low):
        column[:] = column[turns]
    with a.entered():
        engine = ConnectPool(ConnectOptions(parallel=250), UNLIMITED, workers=3)
        settled = await settle(engine, *in_pieces(asked, 300))
    found = reasons(*settled)
    assert {found[address, port] for address in absent for port in range(390, 400)} == {"host-unreachable"}
    assert {found["10.77.0.2", port] for port in range(1, 400)} == {"reset"}
    assert covered(*settled).unreachable_hosts == len(absent)
    assert {host for each in settled for host in each.absent} == {1, 2, 3}


async def test_workers_that_meet_each_other_are_not_an_open_port(lab: Lab) -> None:
    alone = lab.namespace()
    alone.sysctl("net.ipv4.ip_local_port_range", "40000 40015")
    alone.listen([40_020])
    asked = wave(["127.0.0.1", "::1"], range(40_000, 40_021))
    with alone.entered():
        settled = await settle(ConnectPool(ConnectOptions(), UNLIMITED, workers=3), *(asked,) * 20)
    assert {where for each in settled for where, reason in reasons(each).items() if reason == "syn-ack"} == {
        ("127.0.0.1", 40_020),
        ("::1", 40_020),
    }
    assert covered(*settled).open == 40


async def test_the_rate_on_the_wire_is_kept_by_all_together(pair: Pair) -> None:
    a, b = pair
    b.counter("syns")
    b.nft("insert rule inet lab input tcp flags syn counter name syns")
    b.nft("add rule inet lab input drop")
    engine = ConnectPool(QUICK, Limits(rate=300, host_rate=None), workers=2)
    with a.entered():
        loop = asyncio.get_running_loop()
        run = engine.run([wave(["10.77.0.2"], range(1, 2001))])
        loop.call_later(2.5, engine.stop)
        started = loop.time()
        settled = [each async for each in run]
        took = loop.time() - started
    assert 0 < b.packets("syns") <= 300 * took
    assert covered(*settled).sent == b.packets("syns")
