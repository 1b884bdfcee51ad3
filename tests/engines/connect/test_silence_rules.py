"""What follows for endpoints that stayed silent, without a socket and without a clock."""

import numpy as np

from scanner.core.path.effort import Effort, Unanswered
from scanner.core.path.exchange import Heard
from scanner.core.path.watch import Watch
from scanner.core.plan.reasons import Reason, reason_code
from scanner.engines.connect.silence_rules import Next, judge


def heard(watch: Watch, sent_at: float, host: int = 1, port: int = 80) -> None:
    """A host answered what left then."""
    watch.heard(
        Heard(
            host=np.array([host], np.uint64),
            path=np.zeros(1, np.int64),
            version=np.array([4], np.uint8),
            high=np.zeros(1, np.uint64),
            low=np.array([host], np.uint64),
            port=np.array([port], np.uint16),
            open=np.array([False]),
            sent_at=np.array([sent_at]),
            tries=np.ones(1, np.int64),
        ),
        sent_at + 0.01,
    )


def silent(*tries: float, host: int = 1) -> tuple[Unanswered, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    """One endpoint that was asked at these moments."""
    columns = [np.array([each]) for each in tries]
    return Unanswered(np.array([host], np.uint64), np.zeros(1, np.int64), columns), np.array([len(tries)])


def said(watch: Watch, *tries: float, attempts: int | None, now: float, host: int = 1) -> tuple[Next, int]:
    these, count = silent(*tries, host=host)
    judgement = judge(these, count, watch, Effort(watch, attempts=attempts), now)
    return Next(int(judgement.next[0])), int(judgement.code[0])


def test_silence_waits_for_a_later_answer_of_its_host_and_is_then_its_own() -> None:
    watch = Watch(0.0, hosts=64)
    heard(watch, 1.0)
    assert said(watch, 2.0, attempts=1, now=3.0)[0] is Next.WAIT
    heard(watch, 2.5)
    assert said(watch, 2.0, attempts=1, now=3.0) == (Next.SETTLE, reason_code(Reason.NO_RESPONSE))


def test_a_host_that_never_answered_is_silent_and_not_filtered() -> None:
    watch = Watch(0.0, hosts=64)
    heard(watch, 5.0)
    assert said(watch, 2.0, attempts=1, now=6.0, host=9) == (Next.SETTLE, reason_code(Reason.SILENT_HOST))


def test_as_many_tries_as_it_takes_are_more_where_nothing_is_known_of_loss() -> None:
    unsure, sure = Watch(0.0, hosts=64), Watch(0.0, hosts=64)
    heard(unsure, 2.5)
    for _ in range(2000):
        heard(sure, 2.5)
    assert said(unsure, 2.4, attempts=None, now=4.0)[0] is Next.AGAIN
    assert said(sure, 2.3, 2.4, attempts=None, now=4.0)[0] is Next.SETTLE


def test_a_host_that_never_answered_is_asked_three_times() -> None:
    watch = Watch(0.0, hosts=64)
    heard(watch, 5.0)
    assert said(watch, 1.0, 2.0, attempts=None, now=6.0, host=9)[0] is Next.AGAIN
    assert said(watch, 1.0, 2.0, 3.0, attempts=None, now=6.0, host=9)[0] is Next.SETTLE


def test_tries_in_an_outage_do_not_count() -> None:
    watch = Watch(0.0, hosts=64)
    heard(watch, 1.0)
    watch.path_outages.begin(0, 1.0)
    watch.path_outages.end(0, 4.0)
    watch.host_outages.begin(int(watch.rows(np.array([1], np.uint64))[0]), 1.0)
    watch.host_outages.end(int(watch.rows(np.array([1], np.uint64))[0]), 4.0)
    heard(watch, 4.0)
    assert said(watch, 2.0, attempts=1, now=5.0)[0] is Next.AGAIN
    assert said(watch, 0.5, attempts=1, now=5.0)[0] is Next.SETTLE


def test_proof_is_not_waited_for_without_end() -> None:
    watch = Watch(0.0, hosts=64)
    heard(watch, 1.0)
    assert said(watch, 2.0, attempts=1, now=30.0)[0] is Next.WAIT
    assert said(watch, 2.0, attempts=1, now=60.0)[0] is Next.SETTLE
