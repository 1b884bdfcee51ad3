"""UDP in the history: its plan, its fifth state, and what may be said of silence between two sweeps."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from scanner.core.diff import Change
from scanner.core.model import PROTOCOL, State, Transport
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.history.codec import plan_of, plan_text
from scanner.history.compare import compare
from scanner.history.overlap import overlap
from tests.history.conftest import BEGAN, World

DNS, SNMP = ("10.0.0.1", 53), ("10.0.0.2", 161)
CODE = {each: reason_code(each) for each in Reason}


@dataclass
class UdpWorld(World):
    """`open` and `silent` UDP endpoints; every other one is closed, TCP too."""

    silent: frozenset[tuple[str, int]] = frozenset()

    def settle(self, wave: Wave, began: datetime = BEGAN) -> SettledWave:
        reason = np.full(len(wave), CODE[Reason.RESET], np.uint16)
        for place in np.flatnonzero(wave.transport == PROTOCOL[Transport.UDP]).tolist():
            at = (str(wave.address(place)), int(wave.port[place]))
            silence = Reason.UDP_NO_RESPONSE if at in self.silent else Reason.PORT_UNREACHABLE
            reason[place] = CODE[Reason.UDP_ANSWER if at in self.open else silence]
        rtt, at_time = np.full(len(wave), np.nan, np.float32), np.full(len(wave), began.timestamp())
        return SettledWave(wave=wave, reason=reason, at=at_time, rtt=rtt, sent=len(wave))


def plan(lab: Any) -> Plan:
    made: Plan = lab.plan(ports=(22,), udp_ports=(53, 161))
    return made


async def changes(lab: Any, before: UdpWorld, after: UdpWorld, *, again: bool = True) -> set[tuple[Change, int]]:
    old = await lab.sweep(before, plan(lab))
    new = await lab.sweep(after, plan(lab), again=again)
    found = list(compare(lab.store(), lab.stored(old), lab.stored(new)))
    assert {each.endpoint.transport for each in found} <= {Transport.UDP}
    return {(each.change, each.endpoint.port) for each in found}


async def test_a_plan_of_both_transports_comes_back(lab: Any) -> None:
    both = plan(lab)
    assert plan_of(plan_text(both)) == both
    assert "udp" not in plan_text(lab.plan())


def test_plans_share_a_port_only_of_one_transport(lab: Any) -> None:
    udp = lab.plan(ports=(), udp_ports=(53,))
    assert overlap(lab.plan(ports=(53,)), udp).common == 0
    assert overlap(lab.plan(ports=(22,), udp_ports=(53,)), udp).common == udp.size


async def test_silence_is_counted_and_no_row(lab: Any) -> None:
    number = await lab.sweep(UdpWorld(frozenset({DNS}), silent=frozenset({SNMP})), plan(lab))
    coverage, reasons = lab.store().covered(lab.stored(number))
    assert (coverage.open, coverage.open_filtered) == (1, 1)
    assert coverage.balanced
    assert reasons["udp-no-response"] == 1
    judged = [each.observation for each in lab.store().judged(lab.stored(number))]
    assert [(str(seen.endpoint), seen.state) for seen in judged] == [("10.0.0.1:53/udp", State.OPEN)]


async def test_from_open_to_silence_is_unsure_and_only_port_unreachable_closes(lab: Any) -> None:
    was = UdpWorld(frozenset({DNS, SNMP}))
    assert await changes(lab, was, UdpWorld(frozenset({DNS}), silent=frozenset({SNMP}))) == {(Change.UNSURE, 161)}
    assert (Change.CLOSED, 161) in await changes(lab, was, UdpWorld(frozenset({DNS})))


async def test_silence_without_a_row_does_not_close_either(lab: Any) -> None:
    was = UdpWorld(frozenset({DNS, SNMP}))
    now = UdpWorld(frozenset({DNS}), silent=frozenset({SNMP}))
    assert await changes(lab, was, now, again=False) == {(Change.UNSURE, 161)}


async def test_a_night_of_udp_with_nothing_changed_is_silent(lab: Any) -> None:
    world = UdpWorld(frozenset({DNS}), silent=frozenset({SNMP}))
    assert await changes(lab, world, world) == set()


async def test_one_port_of_two_transports_is_two_endpoints(lab: Any, world: Callable[..., Any]) -> None:
    both = lab.plan(ports=(53,), udp_ports=(53,))
    number = await lab.sweep(UdpWorld(frozenset({DNS})), both)
    judged = [each.observation.endpoint for each in lab.store().judged(lab.stored(number))]
    assert [str(endpoint) for endpoint in judged] == ["10.0.0.1:53/udp"]
