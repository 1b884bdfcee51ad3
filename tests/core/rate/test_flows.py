"""The controller on paths made of arithmetic: it finds what they bear, and is not fooled by what is not theirs."""

from dataclasses import fields, replace

import numpy as np
import pytest

from scanner.core.rate.flow_state import Field, Held
from scanner.core.rate.flows import Flows, sentence
from tests.bench.simulate_paths import KINDS, Outcome, Paths, simulate

ROW = np.array([0])


def path(kind: str = "policer", **told: float) -> dict[str, float]:
    given = {
        "kind": KINDS.index(kind),
        "capacity": 1e7,
        "bucket": 20.0,
        "trip": 0.01,
        "loss": 0.0,
        "hits": 0.5,
        "ceiling": 5000.0,
        "resets": np.inf,
        "cut": np.inf,
        "outage": 2.0,
        "competitor": np.inf,
        "history": 1,
    }
    return given | told


def outcomes(*paths: dict[str, float], seed: int = 7) -> Outcome:
    """What comes of these paths, each eight times."""
    columns = {
        field.name: np.repeat(np.array([each[field.name] for each in paths], np.float64), 8) for field in fields(Paths)
    }
    drawn = Paths(**columns)  # type: ignore[arg-type]
    return simulate(replace(drawn, kind=drawn.kind.astype(np.int64), history=drawn.history.astype(np.int64)), seed=seed)


def test_a_policer_is_found_and_kept_to() -> None:
    found = outcomes(*(path(capacity=rate, ceiling=1e6, bucket=rate / 50 + 5) for rate in (300, 3000, 30_000)))
    assert found.share.min() > 0.7
    assert 0.9 < np.median(found.share) < 1.1
    assert np.median(found.late) < 0.06


def test_without_loss_the_ceiling_is_reached() -> None:
    assert outcomes(path(), path(hits=0.0), path(trip=0.2)).share.min() > 0.97


def test_loss_at_random_is_no_reason_to_be_slow() -> None:
    found = outcomes(path(loss=0.05), path(loss=0.05, hits=0.0), path(loss=0.01))
    assert np.median(found.share) > 0.95
    assert found.share.min() > 0.5


def test_a_cut_is_survived() -> None:
    found = outcomes(path("cut", cut=2.0, outage=2.0), path("cut", cut=2.0, outage=2.0, hits=0.0))
    assert found.share.min() > 0.6
    assert np.median(found.share) > 0.9


def test_limited_resets_do_not_slow_what_is_open() -> None:
    found = outcomes(path("resets", resets=200.0, hits=1.0), path("resets", resets=500.0, hits=1.0, trip=0.001))
    assert np.median(found.share) > 0.5


def test_a_competitor_is_given_way() -> None:
    found = outcomes(path("competitor", capacity=2000, bucket=40, competitor=4.0))
    assert found.share.min() > 0.7
    assert np.median(found.share) < 1.1
    assert np.median(found.late) < 0.08


def test_a_queue_that_overflows_is_found_like_a_policer() -> None:
    found = outcomes(path("queue", capacity=2000, bucket=200))
    assert found.share.min() > 0.6
    assert np.median(found.share) > 0.9
    assert np.median(found.late) < 0.15


def test_retries_find_what_was_lost() -> None:
    found = outcomes(path(capacity=300, bucket=10), path(loss=0.05), path(capacity=3000, bucket=3000, ceiling=1e6))
    assert found.recall.min() > 0.999


def begun(**told: float) -> Flows:
    flows = Flows(1)
    flows.begin(ROW, 0.0, **({"ceiling": 5000.0, "start": 200.0, "tender": False} | told))  # type: ignore[arg-type]
    return flows


def one_round(flows: Flows, now: float, *, probes: int, canaries: int, answers: int, trip: float) -> None:
    """A round of a tenth of a second, and the answers to its canaries."""
    flows.decide(now)
    flows.sent(ROW, probes=probes, canaries=canaries)
    flows.decide(now + 0.1)
    if answers:
        flows.heard(ROW, np.array([now]), now + 0.1 + trip, probes=0, canaries=answers)
    flows.decide(now + 2.0)


def test_nothing_that_answers_is_no_reason_to_go_faster_than_blindly() -> None:
    flows = begun(blind=500.0)
    for tick in range(2000):
        now = tick * 0.01
        flows.decide(now)
        flows.sent(ROW, probes=int(flows.rate[0] / 100))
    assert flows.rate[0] == 500
    assert flows.held(0) is Held.BLIND


def test_our_own_fault_is_not_the_paths() -> None:
    flows = begun()
    flows.sent(ROW, probes=10, canaries=20)
    flows.decide(0.2)
    flows.trouble(ROW, 0.3)
    flows.decide(5.0)
    assert flows.rate[0] == 200
    assert flows.held(0) is Held.OURSELVES


def test_canaries_that_do_not_come_back_are_acted_on_after_a_round_trip() -> None:
    flows = begun()
    for each in range(3):
        one_round(flows, 3.0 * each, probes=20, canaries=20, answers=20, trip=0.02)
    before = flows.rate[0]
    flows.decide(20.0)
    flows.sent(ROW, probes=60, canaries=20)
    flows.decide(20.1)
    assert flows.rate[0] == before
    assert flows.decide(20.1 + flows.deadline[0]).tolist() == [0]
    assert flows.deadline[0] < 0.2
    assert flows.rate[0] < before / 4
    assert flows.held(0) is Held.SILENT


def test_answers_to_an_older_rate_do_not_count() -> None:
    flows = begun()
    flows.decide(1.0)
    flows.sent(ROW, canaries=20, probes=0)
    flows.trouble(ROW, 1.5)
    flows.heard(ROW, np.array([1.0]), 1.6, canaries=20, probes=0)
    assert flows.columns[Field.ANSWERED, 0] == 0


def test_a_host_that_answers_ever_more_slowly_is_let_go() -> None:
    flows = begun(tender=True)
    one_round(flows, 0.0, probes=20, canaries=20, answers=20, trip=0.002)
    one_round(flows, 3.0, probes=20, canaries=20, answers=20, trip=1.5)
    assert flows.rate[0] == 1.0
    assert flows.what_holds(0, "10.0.0.7") == "10.0.0.7 was let go: it answered ever more slowly"


def test_a_rate_that_is_not_used_does_not_grow() -> None:
    flows = begun()
    for each in range(4):
        one_round(flows, 3.0 * each, probes=0, canaries=9, answers=9, trip=0.01)
    assert flows.rate[0] <= 400
    assert flows.held(0) is Held.UNUSED


def test_no_more_canaries_are_wanted_than_a_share() -> None:
    flows = begun()
    assert flows.wanted(ROW, 0.0).tolist() == [1]
    assert flows.wanted(ROW, 0.1).tolist() == [6]
    flows.sent(ROW, canaries=6)
    assert flows.wanted(ROW, 0.1).tolist() == [0]


def test_only_the_rows_that_are_named_are_judged() -> None:
    flows, both = Flows(2), np.array([0, 1])
    flows.begin(both, 0.0, ceiling=5000.0, start=200.0, tender=False)
    for now in (0.0, 0.1):
        flows.sent(both, probes=20, canaries=20)
        flows.heard(both, np.array([now, now]), now + 0.01, probes=0, canaries=20)
        changed = flows.decide(now + 0.05, np.array([1])).tolist()
    assert changed == [1]
    assert flows.rate.tolist() == [200, 400]


def test_a_row_that_was_not_begun_may_send_nothing() -> None:
    flows = Flows(3)
    assert flows.rate.tolist() == [0, 0, 0]
    assert flows.decide(9.0).tolist() == []


@pytest.mark.parametrize("held", list(Held))
def test_everything_that_holds_has_a_sentence(held: Held) -> None:
    said = sentence(held, "10.0.0.7", wall=3100.4, rate=2900.0)
    assert "10.0.0.7" in said


def test_the_sentence_names_the_wall() -> None:
    assert sentence(Held.LOSS, "the path", wall=3100.4, rate=2900.0) == "the path loses above 3,100/s"
