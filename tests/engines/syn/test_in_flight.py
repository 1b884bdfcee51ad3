"""A wave in flight: its queue, its attempts, and what answers do to its endpoints."""

from ipaddress import ip_address

import numpy as np
import pytest

from scanner.core.model import State
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.validate import AcceptedAnswers
from tests.engines.waves import wave

OPEN, CLOSED = reason_code(Reason.SYN_ACK), reason_code(Reason.RESET)
PROHIBITED = reason_code(Reason.ICMP_ADMIN_PROHIBITED)


def flight(ports: int = 4) -> InFlightWave:
    made = wave(["10.0.0.1", "10.0.0.2", "fd00::1", "fd00:0:0:1::1"], list(range(80, 80 + ports)))
    return InFlightWave(made, np.zeros(len(made), np.int32), born=100.0)


def answers(
    subject: InFlightWave, indices: list[int], codes: list[int], at: float = 101.0, router: str = ""
) -> AcceptedAnswers:
    chosen = np.array(indices)
    made = subject.wave
    return AcceptedAnswers(
        made.version[chosen],
        made.high[chosen],
        made.low[chosen],
        made.port[chosen],
        np.zeros(len(indices), np.uint16),
        np.array(codes, np.uint16),
        np.full(len(indices), at),
        np.zeros(len(indices), np.uint64),
        np.full(len(indices), int(ip_address(router)) if router else 0, np.uint64),
    )


def add(subject: InFlightWave, answered: AcceptedAnswers, attempt: int = 0) -> tuple[int, list[int]]:
    """How many endpoints were news, and the rows of retransmitted SYN-ACKs."""
    before = subject.left
    indices = subject.find(answered.version, answered.high, answered.low, answered.port)
    first, again = subject.add_answers(answered, indices, np.full(len(answered), attempt))
    assert (answered.reason[first] <= CLOSED).all()
    assert subject.left == len(subject.unanswered)
    return before - subject.left, again.tolist()


def test_places_go_in_order_and_those_that_must_wait_come_first_next_time() -> None:
    subject = flight()
    first = subject.passes.look(5)
    assert first.tolist() == [0, 1, 2, 3, 4]
    subject.passes.take(first[[1, 3]])
    second = subject.passes.look(5)
    assert second.tolist() == [1, 3, 5, 6, 7]
    subject.passes.take(second[:0])
    third = subject.passes.look(100)
    assert third.tolist() == list(range(8, 16))
    subject.passes.take(third[:0])
    assert not subject.sending


def test_only_the_unanswered_are_tried_again() -> None:
    subject = flight()
    assert len(subject.passes.look(16)) == 16
    subject.passes.take(np.zeros(0, np.int32))
    subject.mark_sent(np.arange(16, dtype=np.int32), 100.5)
    add(subject, answers(subject, [0, 5, 9], [OPEN, CLOSED, PROHIBITED]))
    subject.next_pass()
    assert subject.passes.look(99).tolist() == [1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15]


def test_finds_every_endpoint_and_no_other() -> None:
    subject = flight()
    made = subject.wave
    assert subject.find(made.version, made.high, made.low, made.port).tolist() == list(range(16))
    strangers = wave(["10.0.0.3", "fd00::2"], [80, 9]), wave(["10.0.0.1", "fd00::1"], [79, 84, 0, 65535])
    for other in strangers:
        assert (subject.find(other.version, other.high, other.low, other.port) == -1).all()
    swapped = subject.find(np.array([6], np.uint8), made.high[:1], made.low[:1], made.port[:1])
    assert swapped.tolist() == [-1]


def test_duplicates_count_once_and_a_second_syn_ack_is_told() -> None:
    subject = flight()
    subject.mark_sent(np.arange(16, dtype=np.int32), 100.5)
    assert add(subject, answers(subject, [3, 3, 3, 4], [OPEN, OPEN, OPEN, CLOSED])) == (2, [])
    assert add(subject, answers(subject, [3, 4], [OPEN, CLOSED], at=101.2)) == (0, [])
    assert add(subject, answers(subject, [3, 4, 3], [OPEN, CLOSED, OPEN], at=102.0)) == (0, [0, 2])
    settled = subject.finish(105.0, 1005.0, silence=reason_code(Reason.NO_RESPONSE), tries=3)
    assert settled.answers_by_try == (2, 0, 0)
    assert settled.coverage().open == 1
    assert settled.coverage().closed == 1
    assert settled.rtt[3] == pytest.approx(0.5)
    assert settled.at[3] == pytest.approx(1001.0)


@pytest.mark.parametrize("order", [(OPEN, CLOSED, PROHIBITED), (PROHIBITED, CLOSED, OPEN), (CLOSED, OPEN, PROHIBITED)])
def test_the_strongest_answer_wins_in_whatever_order(order: tuple[int, ...]) -> None:
    together, apart = flight(), flight()
    add(together, answers(together, [7] * 3, list(order)))
    for code in order:
        add(apart, answers(apart, [7], [code]))
    for subject in (together, apart):
        assert subject.reason[7] == OPEN
        assert sum(subject.finish(105.0, 0.0, silence=reason_code(Reason.NO_RESPONSE)).answers_by_try) == 1


def test_an_answer_beats_a_local_failure() -> None:
    subject = flight()
    subject.settle(np.array([2], np.int32), local_error_code(105), 100.1)
    add(subject, answers(subject, [2], [OPEN]))
    assert subject.reason[2] == OPEN


def test_settled_once_is_settled() -> None:
    subject = flight()
    add(subject, answers(subject, [2], [OPEN]))
    subject.settle(np.array([2, 3], np.int32), reason_code(Reason.NO_ROUTE), 103.0)
    assert subject.reason[[2, 3]].tolist() == [OPEN, reason_code(Reason.NO_ROUTE)]


def test_the_router_is_the_evidence_and_the_try_is_told() -> None:
    subject = flight()
    subject.mark_sent(np.arange(16, dtype=np.int32), 100.2)
    subject.next_pass()
    subject.mark_sent(np.arange(16, dtype=np.int32), 101.2)
    add(subject, answers(subject, [1, 6], [OPEN, PROHIBITED], at=101.5, router="10.0.0.254"), attempt=1)
    settled = subject.finish(105.0, 1005.0, silence=reason_code(Reason.NO_RESPONSE), tries=3)
    assert settled.evidence == {6: "from 10.0.0.254"}
    assert settled.answers_by_try == (0, 1, 0)
    assert settled.rtt[1] == pytest.approx(0.3, abs=1e-4)
    assert settled.sent == 32
    assert settled.coverage().filtered == 15
    assert settled.complete


def test_an_interrupted_wave_says_so() -> None:
    subject = flight()
    add(subject, answers(subject, [1], [OPEN]))
    settled = subject.finish(
        105.0, 1005.0, silence=reason_code(Reason.INTERRUPTED), interrupted=True, degraded=("drops",)
    )
    assert not settled.complete
    assert len(settled.places(State.UNKNOWN)) == 15
    assert settled.degraded == ("drops",)


def test_lost_answers_do_not_matter_where_everything_was_answered() -> None:
    subject = flight()
    add(subject, answers(subject, list(range(16)), [CLOSED] * 16))
    settled = subject.finish(
        105.0, 1005.0, silence=reason_code(Reason.INTERRUPTED), interrupted=True, degraded=("drops",)
    )
    assert settled.complete
    assert settled.degraded == ()


def many(size: int) -> InFlightWave:
    """A wave of one address, for what only large waves show."""
    return InFlightWave(wave(["10.0.0.1"], list(range(size))), np.zeros(size, np.int32), born=100.0)


def test_a_try_takes_each_unanswered_place_once_whatever_was_asked_for_at_a_time() -> None:
    size, generator = 20_000, np.random.default_rng(5)
    subject = many(size)
    gone = generator.choice(size, 19_700, replace=False).astype(np.int32)
    subject.settle(gone, reason_code(Reason.LINK_DOWN), 100.1)
    left, taken, waited = np.setdiff1d(np.arange(size), gone), [], 0
    while subject.sending:
        looked = subject.passes.look(int(generator.integers(1, 50)))
        assert (np.diff(looked) > 0).all()
        later = looked[generator.random(len(looked)) < 0.3]
        waited += len(later)
        subject.passes.take(later)
        taken.append(np.setdiff1d(looked, later))
    assert waited > 0
    assert np.sort(np.concatenate(taken)).tolist() == left.tolist()


def test_a_wave_that_nobody_answers_takes_two_bytes_a_place_beyond_its_endpoints() -> None:
    subject = many(10_000)
    columns = 8 + 2 + 1 + 8 + 8 + 4  # host, port, version, address, next hop
    assert subject.memory == 10_000 * (columns + 2)
    subject.mark_sent(np.arange(10_000, dtype=np.int32), 100.5)
    assert subject.memory == 10_000 * (columns + 2)
    add(subject, answers(subject, [7], [OPEN]))
    assert subject.memory == 10_000 * (columns + 2 + 12 + 8 + 4)


def test_each_try_has_its_own_moment_even_where_batches_are_not_runs() -> None:
    subject = flight()
    subject.mark_sent(np.array([0, 1, 2, 3], np.int32), 100.1)
    subject.mark_sent(np.array([5, 9], np.int32), 100.2)
    add(subject, answers(subject, [5], [OPEN], at=100.5))
    subject.next_pass()
    subject.mark_sent(np.array([0, 9], np.int32), 102.0)
    add(subject, answers(subject, [9], [OPEN], at=102.5), attempt=0)
    add(subject, answers(subject, [0], [OPEN], at=102.5), attempt=1)
    settled = subject.finish(105.0, 1005.0, silence=reason_code(Reason.NO_RESPONSE), tries=3)
    assert settled.rtt[[5, 9, 0]].tolist() == pytest.approx([0.3, 2.3, 0.5], abs=1e-4)
    assert np.isnan(settled.rtt[[1, 4]]).all()
    assert settled.at[[5, 9, 4]].tolist() == pytest.approx([1000.5, 1002.5, 1005.0], abs=1e-4)
