"""The connect engine finds its own speed: behind limits of routers, beside the ceilings of users, and on the link."""

import asyncio
import random
import time

import numpy as np
import pytest

from scanner.core.rate.limits import Limits
from scanner.core.rate.pacing import Pacing
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.ways import WayOut
from tests.engines.waves import covered, reasons, settle
from tests.netlab.lab import Namespace
from tests.netlab.sweeping import arrivals, most_in_a_second, plan_of

pytestmark = pytest.mark.netlab

Pair = tuple[Namespace, Namespace]
Routed = tuple[Namespace, Namespace, Namespace]


def engine(pacing: Pacing, planned: int, *, routed: bool) -> ConnectEngine:
    return ConnectEngine(
        ConnectOptions(retries=None, planned=planned), pacing, way_of=lambda _: WayOut("the way", routed=routed)
    )


def behind(routed: Routed, ports: list[int]) -> Namespace:
    """Hosts 10.99.0.0 to .7 behind the router, all of them on b; where the sweep is to come from."""
    a, r, b = routed
    b.answer_for("10.99.0.0/29")
    r.ip("route", "add", "10.99.0.0/29", "via", "10.77.2.1")
    b.listen(ports, ["0.0.0.0"])
    return a


@pytest.mark.parametrize(
    "rule",
    [
        "tcp flags & (syn|ack) == syn limit rate over 500/second burst 50 packets drop",
        "limit rate over 900/second burst 50 packets drop",
    ],
    ids=["new connections", "packets"],
)
async def test_everything_open_is_found_behind_a_router_that_lets_little_through(routed: Routed, rule: str) -> None:
    a, r, _ = routed
    ports = random.Random(3).sample(range(1, 301), 12)
    a = behind(routed, ports)
    r.nft(f"add rule inet lab forward {rule}")
    plan = plan_of(["10.99.0.0/29"], range(1, 301))
    with a.entered():
        settled = await settle(engine(Pacing(), plan.size, routed=True), *(plan.wave(each) for each in plan.numbers()))
    assert covered(*settled).open == 8 * len(ports)
    assert covered(*settled).unknown == 0
    assert covered(*settled).sent < 4 * plan.size


async def test_ceilings_hold_in_every_second_where_the_rate_is_found(pair: Pair) -> None:
    a, b = pair
    plan = plan_of(["10.77.0.2"], range(1, 1001))
    sweep = engine(Pacing(limits=Limits(rate=400, host_rate=300)), plan.size, routed=False)

    async def run() -> None:
        await settle(sweep, *(plan.wave(each) for each in plan.numbers()))

    def act() -> None:
        with a.entered():
            asyncio.run(run())

    seen = await asyncio.to_thread(arrivals, b, act)
    times = [each.at for each in seen]
    assert len(times) >= 1000
    assert most_in_a_second(times) <= 300
    assert np.ptp(times) < 1000 / 300 * 2.5  # and they are made use of


async def test_hosts_on_the_link_are_not_held_to_a_ceiling(pair: Pair) -> None:
    a, b = pair
    b.listen([1000, 20_000, 60_000])
    plan = plan_of(["10.77.0.2"], range(1, 65_536))
    sweep = engine(Pacing(), plan.size, routed=False)
    with a.entered():
        started = time.process_time()
        settled = await settle(sweep, *(plan.wave(each) for each in plan.numbers()))
        assert time.process_time() - started < 10
    assert covered(*settled).open == 3
    assert covered(*settled).closed == 65_532
    assert sweep.found_rates[0].rate > 5_000


async def test_descriptors_that_run_out_are_our_trouble_and_no_loss(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    monkeypatch.setattr("scanner.engines.connect.engine.socket_budget", lambda _: 8)
    b.nft("add rule inet lab input tcp dport 100-119 drop")
    plan = plan_of(["10.77.0.2"], range(1, 400))
    sweep = engine(Pacing(), plan.size, routed=False)
    with a.entered():
        settled = await settle(sweep, *(plan.wave(each) for each in plan.numbers()))
    kinds = set(reasons(*settled).values())
    assert kinds == {"reset", "no-response"}
