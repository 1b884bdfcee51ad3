"""`--discover`: silent addresses are asked a few ports only, and said to be silent."""

import asyncio

import numpy as np
import pytest

from scanner.core.model import Coverage, State
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.core.plan.wave import SettledWave
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.discover import DiscoveredEngine, Hosts, discover
from scanner.engines.interface import Engine
from scanner.engines.syn.engine import SynEngine
from tests.netlab.lab import Lab
from tests.netlab.sweeping import plan_of, sweep, syn_engine
from tests.netlab.tun import Tun


@pytest.mark.netlab
@pytest.mark.parametrize("name", ["syn", "connect"])
def test_only_those_who_answer_are_probed_further(lab: Lab, name: str) -> None:
    host = lab.namespace()
    dead = [number for number in range(16) if number not in (3, 9)]
    first, plan = plan_of(["10.88.0.0/28"], [22, 80]), plan_of(["10.88.0.0/28"], range(1, 201), wave_size=100)

    made: list[Engine] = []

    def engine() -> Engine:
        made.append(syn_engine(plan) if name == "syn" else ConnectEngine(ConnectOptions(retries=0), UNLIMITED))
        return made[-1]

    hosts = Hosts(16)
    with Tun(host, open=[80, 150], dead_hosts=dead) as tun:
        with host.entered():
            coverage = asyncio.run(discover(engine(), [first.wave(0)], hosts))
        narrowed: Engine = DiscoveredEngine(engine(), hosts, plan.wave)
        swept = sweep(host, plan, narrowed)
    assert isinstance(coverage, Coverage)
    assert (hosts.alive, hosts.silent) == (2, 14)
    assert swept.reasons == {"silent-host": 14 * 200, "syn-ack": 4, "reset": 396}
    assert swept.coverage.unreachable_hosts == 14
    assert swept.coverage.planned == plan.size
    assert narrowed.notes[-1] == "14 addresses gave no sign of life and were not probed further"
    assert {each for each, state in swept.states.items() if state is State.OPEN} == {
        (f"10.88.0.{number}", port) for number in (3, 9) for port in (80, 150)
    }
    canaries = sum(each.statistics.canaries for each in made if isinstance(each, SynEngine))
    assert tun.report["syns"] == coverage.sent + swept.coverage.sent + canaries


def settled(reasons: list[int]) -> SettledWave:
    plan = plan_of(["10.0.0.0/30"], [80])
    wave = plan.wave(0)
    order = np.argsort(wave.host)
    reason = np.empty(4, np.uint16)
    reason[order] = reasons
    return SettledWave(wave, reason, np.zeros(4), np.zeros(4, np.float32), 4)


def test_what_we_could_not_tell_counts_as_a_sign_of_life() -> None:
    hosts = Hosts(4)
    codes = [reason_code(each) for each in (Reason.NO_RESPONSE, Reason.LINK_DOWN, Reason.ICMP_HOST_UNREACHABLE)]
    hosts.add(settled([*codes, local_error_code(24)]))
    assert hosts.are_alive(np.arange(4, dtype=np.uint64)).tolist() == [False, True, False, True]
    hosts.add(settled([reason_code(Reason.RESET)] + [reason_code(Reason.NO_RESPONSE)] * 3))
    assert hosts.alive == 3


def test_a_silent_address_is_counted_once() -> None:
    hosts = Hosts(4)
    assert hosts.count(np.array([1, 1, 2], np.uint64)) == 2
    assert hosts.count(np.array([2, 3], np.uint64)) == 1
