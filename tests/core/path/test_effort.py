"""Who is asked again: tries that count, tries in vain, and what may have been missed."""

import numpy as np
import pytest

from scanner.core.path.effort import Effort, Unanswered
from tests.core.path.test_watch import Lab, lab


def unanswered(hosts: list[int], *tries: float) -> Unanswered:
    size = len(hosts)
    return Unanswered(np.array(hosts, np.uint64), np.zeros(size, np.int64), [np.full(size, moment) for moment in tries])


def evidence(answers: int = 200) -> Lab:
    """Hosts 0 to 2 answered, and everything that was asked was answered."""
    it = lab()
    for _ in range(answers // 3):
        it.hear([0, 1, 2])
    return it


def test_a_fixed_number_of_tries_is_exact() -> None:
    effort = Effort(evidence().watch, attempts=3)
    assert effort.again(effort.of(unanswered([0, 9], 0.99, 0.995))).tolist() == [True, True]
    assert effort.again(effort.of(unanswered([0, 9], 0.98, 0.99, 0.995))).tolist() == [False, False]


@pytest.mark.parametrize("attempts", [2, None])
def test_tries_in_an_outage_do_not_count(attempts: int | None) -> None:
    it = evidence()
    it.dead_paths = {0}
    it.probe([0, 1, 2])
    it.run(3)
    it.dead_paths = set()
    it.run(9)
    effort = Effort(it.watch, attempts=attempts)
    assert effort.of(unanswered([0], 1.5, 2.0)).made.tolist() == [0]
    assert effort.again(effort.of(unanswered([0], 1.5, 2.0))).all()


def test_where_nothing_is_lost_few_tries_are_enough() -> None:
    effort = Effort(evidence().watch, attempts=None)
    once, twice = effort.of(unanswered([0], 0.99)), effort.of(unanswered([0], 0.99, 0.995))
    assert effort.again(once).all()
    assert not effort.again(twice).any()


def test_where_much_is_lost_more_are_needed() -> None:
    it = evidence(60)
    it.watch.missed(0, np.full(60, 0.99))
    effort = Effort(it.watch, attempts=None)
    tries = [0.99] * 4
    assert effort.again(effort.of(unanswered([0], *tries))).all()
    assert not effort.again(effort.of(unanswered([0], *tries, *tries, *tries))).any()


def test_a_host_that_never_answered_is_asked_three_times() -> None:
    effort = Effort(evidence().watch, attempts=None)
    assert effort.again(effort.of(unanswered([9], 0.99, 0.995))).all()
    assert not effort.again(effort.of(unanswered([9], 0.98, 0.99, 0.995))).any()


def test_endpoints_not_asked_in_a_pass_have_no_try_there() -> None:
    effort = Effort(evidence().watch, attempts=None)
    made = effort.of(unanswered([0], 0.99, np.nan, 0.995)).made
    assert made.tolist() == [2]


def test_what_may_have_been_missed_adds_up() -> None:
    effort = Effort(evidence().watch, attempts=None)
    effort.open = 20
    effort.add(effort.of(unanswered([0, 1, 9], 0.99, 0.995)), np.ones(3, np.bool_))
    assert not effort.hidden().degraded
    effort.add(effort.of(unanswered([0] * 50, np.nan)), np.zeros(50, np.bool_))
    assert not effort.hidden().degraded
    effort.add(effort.of(unanswered([0] * 50, np.nan)), np.ones(50, np.bool_))
    assert effort.hidden().degraded
    assert effort.hidden().recall < 0.1


def test_silence_that_is_not_proved_degrades() -> None:
    effort = Effort(evidence().watch, attempts=3)
    effort.unproven += 1
    assert effort.hidden().degraded


def test_a_fixed_number_is_not_called_too_few_for_want_of_evidence() -> None:
    it = lab()
    for _ in range(10):
        it.hear([0])
    exact, automatic = (Effort(it.watch, attempts=each) for each in (3, None))
    for effort in (exact, automatic):
        effort.open = 2
        effort.add(effort.of(unanswered([0], 0.98, 0.99, 0.995)), np.ones(1, np.bool_))
    assert not exact.hidden().degraded
    assert exact.hidden().hidden < automatic.hidden().hidden


def test_evidence_is_asked_for_where_there_is_little() -> None:
    assert Effort(evidence().watch, attempts=None).lacks_evidence(np.array([0])).tolist() == [0]
    assert Effort(lab().watch, attempts=None).lacks_evidence(np.array([0])).tolist() == [29]
