"""The scapy engine over loopback and in a namespace, and what it does not do."""

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest

from scanner.core.errors import InvalidInput, OutOfScope
from scanner.core.plan.wave import SettledWave
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.engines.syn.options import SynOptions
from scanner.engines.syn.scapy_engine import ScapyEngine
from tests.netlab.lab import Lab, Namespace, why_not
from tests.netlab.sweeping import QUICK, permit, plan_of, sweep

pytestmark = pytest.mark.netlab


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """Two hosts on a wire; b listens on 2000 and drops 3000."""
    if reason := why_not():
        pytest.skip(reason)
    with Lab() as lab:
        a, b = lab.pair()
        for host in (a, b):
            host.listen([2000])
        b.nft("add rule inet lab input tcp dport 3000 drop")
        yield a, b


def test_the_same_words_as_the_fast_engine(pair: tuple[Namespace, Namespace]) -> None:
    targets = ["10.77.0.2", "fd77::2", "127.0.0.1", "::1", "10.77.0.1", "10.77.0.9", "10.9.9.9"]
    plan = plan_of(targets, [1999, 2000, 3000])
    swept = sweep(pair[0], plan, ScapyEngine(QUICK, UNLIMITED, permit(plan)))
    assert swept.reasons == {"syn-ack": 5, "reset": 8, "no-response": 2, "no-arp-reply": 3, "no-route": 3}
    assert swept.coverage.unreachable_hosts == 1
    assert swept.coverage.sent == 15 + 2
    assert swept.answers_by_try == (13, 0)


def test_the_rate_is_kept(pair: tuple[Namespace, Namespace]) -> None:
    plan = plan_of(["10.77.0.2"], range(1, 101))
    engine = ScapyEngine(QUICK, Limits(100.0, 50.0), permit(plan))
    swept = sweep(pair[0], plan, engine)
    (wave,) = swept.waves
    sent_at = wave.at - wave.rtt
    assert 1.9 < sent_at.max() - sent_at.min() < 4
    assert engine.progress.sent == engine.progress.settled == 100


def test_stop_leaves_the_rest_unknown(pair: tuple[Namespace, Namespace]) -> None:
    plan = plan_of(["10.77.0.2"], range(1, 2001), wave_size=1000)
    engine = ScapyEngine(SynOptions(attempts=2), Limits(200.0, None), permit(plan))
    waves: list[SettledWave] = []

    async def both() -> None:
        async def run() -> None:
            async for settled in engine.run(plan.wave(number) for number in plan.numbers()):
                waves.append(settled)

        running = asyncio.ensure_future(run())
        while engine.progress.sent < 50:
            await asyncio.sleep(0.01)
        engine.stop()
        await running

    with pair[0].entered():
        asyncio.run(both())
    (wave,) = waves
    assert not wave.complete
    assert wave.reasons()["interrupted"] > 900
    assert wave.reasons()["reset"] >= 50


def test_scope_is_checked_again(pair: tuple[Namespace, Namespace]) -> None:
    _, b = pair
    b.counter("seen")
    b.nft("insert rule inet lab input counter name seen")
    plan = plan_of(["10.77.0.2"], range(10))
    with pytest.raises(OutOfScope):
        sweep(pair[0], plan, ScapyEngine(QUICK, UNLIMITED, permit(plan_of(["10.77.0.1"], [1]))))
    assert b.packets("seen") == 0


def test_an_interface_cannot_be_forced() -> None:
    with pytest.raises(InvalidInput, match="--engine syn"):
        ScapyEngine(SynOptions(interface="eth0"), UNLIMITED, lambda version, high, low: low == low)


def test_scapy_is_imported_late() -> None:
    code = "import sys, scanner.engines.syn.scapy_engine, scanner.engines.syn.engine; print('scapy' in sys.modules)"
    assert os.popen(f'{sys.executable} -c "{code}"').read() == "False\n"
