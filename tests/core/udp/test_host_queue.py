"""The strategy against hosts with the limits that systems have, on a virtual clock: how fast, and never wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.plan.reasons import UDP_SILENCE, Reason
from scanner.core.udp.host_queue import HostQueue, Rank
from tests.core.udp.hosts import Run, SimulatedHost, Tokens, drive, full

FOREVER = 1e9
LINUX4, LINUX6, FREEBSD, HOST_WIDE = [(1.0, 6.0)], [(10.0, 6.0)], [(125.0, 6.0)], [(1000.0, 50.0)]
SILENT = frozenset(range(100, 1000, 90))


def swept(limits: list[tuple[float, float]], ports: int, *, silent: frozenset[int] = SILENT, **more: float) -> Run:
    seed = int(more.pop("seed", 1))
    host = SimulatedHost([Tokens(*each) for each in limits], silent=silent, **more)  # type: ignore[arg-type]
    return drive(full(range(1, ports + 1), FOREVER), host, seed=seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rtt", [0.001, 0.08])
@pytest.mark.parametrize(("limits", "ports"), [(LINUX4, 200), (LINUX6, 1000), (FREEBSD, 1000)])
def test_closed_ports_are_told_of_in_little_more_than_the_limit_allows(
    limits: list[tuple[float, float]], ports: int, rtt: float, seed: int
) -> None:
    rate, burst = limits[0]
    run = swept(limits, ports, silent=frozenset(), rtt=rtt, seed=seed)
    assert run.closed == set(range(1, ports + 1))
    assert run.seconds <= 1.15 * (ports - burst) / rate + 16 * rtt


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_a_thousand_ports_under_a_limit_of_the_whole_host_take_less_than_four_seconds(loss: float) -> None:
    assert swept(HOST_WIDE, 1000, loss=loss).seconds < 4


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("loss", [0.0, 0.05])
@pytest.mark.parametrize("limits", [LINUX6, FREEBSD, HOST_WIDE, []])
def test_ten_silent_ports_among_a_thousand_are_found_and_none_is_invented(
    limits: list[tuple[float, float]], loss: float, seed: int
) -> None:
    run = swept(limits, 1000, loss=loss, seed=seed)
    assert run.of(Reason.UDP_NO_RESPONSE) == SILENT
    assert run.closed == set(range(1, 1001)) - SILENT


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)), st.sampled_from([LINUX6, FREEBSD, []]), st.booleans())
def test_every_port_is_settled_once_and_rightly(
    open_: set[int], silent: set[int], limits: list[tuple[float, float]], mute: bool
) -> None:
    silent -= open_
    host = SimulatedHost([Tokens(*each) for each in limits], frozenset(open_), frozenset(silent), mute=mute)
    run = drive(full(range(1, 61), FOREVER, frozenset(open_)), host)
    assert run.open == open_
    assert len(run.open) + len(run.closed) + len(run.reasons) == 60
    assert run.open | run.closed | set(run.reasons) == set(range(1, 61))
    told = set() if mute else set(range(1, 61)) - open_ - silent
    assert run.closed == told
    assert set(run.reasons.values()) <= {Reason.UDP_NO_RESPONSE if told else Reason.UDP_SILENT_HOST}


def test_patience_ends_it_and_says_that_the_limit_left_no_room() -> None:
    host = SimulatedHost([Tokens(1, 6)], open=frozenset({53}))
    run = drive(full(range(1, 1001), 10.0, frozenset({53})), host)
    assert run.open == {53}
    assert 12 <= len(run.closed) <= 20
    assert set(run.reasons.values()) == {Reason.UDP_NO_RESPONSE_LIMITED}
    assert run.seconds < 12.5


def test_every_port_is_asked_though_patience_is_over() -> None:
    host = SimulatedHost([Tokens(1, 6)], open=frozenset({5000}))
    assert drive(full(range(1, 5001), 0.5), host).open == {5000}


def test_a_question_is_asked_three_times_of_a_host_that_tells_nothing_and_no_longer_waited_for() -> None:
    run = drive(full(range(1, 4), 60.0, frozenset({1, 2, 3})), SimulatedHost(mute=True))
    assert run.of(Reason.UDP_SILENT_HOST) == {1, 2, 3}
    assert run.sent == 9
    assert run.seconds < 3.5


def test_ports_with_a_question_go_first_then_required_ones() -> None:
    queue = HostQueue(60.0)
    for port, rank in ((1, Rank.REST), (2, Rank.REQUIRED), (3, Rank.QUESTION)):
        queue.add(port, rank)
    taken = []
    for turn in range(100):
        if (asked := queue.take(turn / 1000)) is not None:
            taken.append(asked)
    assert taken[:3] == [3, 2, 1]


def test_a_host_that_is_asked_for_one_port_and_says_nothing_proves_nothing() -> None:
    run = drive(full(range(1, 2), 60.0), SimulatedHost(silent=frozenset({1})))
    assert run.reasons == {1: Reason.UDP_SILENT_HOST}


def test_an_error_about_a_port_that_was_not_asked_is_nothing() -> None:
    queue = full(range(1, 3), 60.0)
    assert queue.told(99, 0.0) is None
    assert not queue.tells
    assert queue.answered(99, 0.0) is None


def test_ports_added_later_are_asked_too() -> None:
    queue, host = full(range(1, 30), 60.0), SimulatedHost([Tokens(10, 6)])
    first = drive(queue, host)
    for port in range(30, 60):
        queue.add(port, Rank.REST)
    second = drive(queue, host, start=first.seconds)
    assert first.closed | second.closed == set(range(1, 60))


def test_whatever_is_given_up_is_told() -> None:
    queue = full(range(1, 5), 60.0)
    queue.drop(2)
    assert queue.give_up() == [1, 3, 4]
    assert len(queue) == 0
    assert {Reason.UDP_NO_RESPONSE, Reason.UDP_SILENT_HOST} < UDP_SILENCE
