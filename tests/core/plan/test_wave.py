"""A settled wave: the state follows from the reason, and the counts always balance."""

import errno
from ipaddress import ip_address
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.model import Coverage, State
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import (
    ANSWERS,
    UDP_SILENCE,
    Reason,
    icmp_reason,
    known_codes,
    local_error_code,
    reason_code,
    reason_state,
    reason_text,
)
from scanner.core.plan.wave import SettledWave, unsettled
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet


def settled(codes: list[int], **more: Any) -> SettledWave:
    wave = Plan(TargetSet([Span(4, 1, len(codes))]), (80,), 0).wave(0)
    size = len(codes)
    columns: dict[str, Any] = {"at": np.full(size, 1.5e9), "rtt": np.full(size, np.nan, np.float32)}
    return SettledWave(wave=wave, reason=np.array(codes, np.uint16), sent=size, **columns | more)


CODES = st.one_of(st.sampled_from(list(known_codes())), st.integers(1, 133).map(local_error_code))


@given(st.lists(CODES, min_size=1, max_size=60))
def test_planned_is_the_sum_of_the_states(codes: list[int]) -> None:
    wave = settled(codes)
    coverage = wave.coverage()
    assert coverage.balanced
    assert coverage.planned == len(codes)
    assert coverage.answered == sum(reason_text(code) in {answer.value for answer in ANSWERS} for code in codes)
    for state in State:
        places = wave.places(state).tolist()
        assert places == [place for place, code in enumerate(codes) if reason_state(code) is state]
    assert sum(wave.reasons().values()) == len(codes)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM, errno.EPERM])
def test_a_local_failure_is_never_a_port_state(number: int) -> None:
    assert reason_state(local_error_code(number)) is State.UNKNOWN
    assert reason_text(local_error_code(number)) == f"local-error:{errno.errorcode[number]}"


def test_every_reason_has_a_state_and_its_own_code() -> None:
    codes = [reason_code(reason) for reason in Reason]
    assert codes == list(known_codes())
    assert [reason_text(code) for code in codes] == [reason.value for reason in Reason]
    assert {reason_state(code) for code in codes} == set(State)


@pytest.mark.parametrize(
    ("version", "kind", "code", "reason"),
    [
        (4, 3, 3, Reason.ICMP_PORT_UNREACHABLE),
        (4, 3, 13, Reason.ICMP_ADMIN_PROHIBITED),
        (6, 1, 4, Reason.ICMP_PORT_UNREACHABLE),
        (6, 1, 1, Reason.ICMP_ADMIN_PROHIBITED),
        (6, 3, 13, Reason.ICMP_OTHER),
    ],
)
def test_icmp_by_type_and_code(version: int, kind: int, code: int, reason: Reason) -> None:
    assert icmp_reason(version, kind, code) is reason
    assert reason_state(reason_code(reason)) is State.FILTERED


def test_observations_are_made_only_where_asked() -> None:
    wave = settled(
        [reason_code(Reason.RESET), reason_code(Reason.SYN_ACK)],
        evidence={1: "router 10.0.0.1"},
        rtt=np.array([np.nan, 0.25], np.float32),
    )
    (observation,) = wave.observe(wave.places(State.OPEN))
    assert observation.endpoint.address == wave.wave.address(1) in (ip_address("0.0.0.1"), ip_address("0.0.0.2"))
    assert (observation.state, observation.reason, observation.rtt) == (State.OPEN, "syn-ack", 0.25)
    assert observation.evidence == "router 10.0.0.1"
    assert observation.at.tzinfo is not None


def test_a_wave_that_was_never_probed_is_unknown() -> None:
    wave = unsettled(settled([1, 2]).wave, 0.0)
    assert not wave.complete
    assert wave.coverage() == Coverage(planned=2, unknown=2)


def test_udp_closes_by_a_reason_of_its_own_and_its_silence_is_neither_open_nor_filtered() -> None:
    assert reason_state(reason_code(Reason.PORT_UNREACHABLE)) is State.CLOSED
    assert reason_state(reason_code(Reason.ICMP_PORT_UNREACHABLE)) is State.FILTERED
    assert {reason_state(reason_code(reason)) for reason in UDP_SILENCE} == {State.OPEN_FILTERED}
    assert not UDP_SILENCE & ANSWERS
