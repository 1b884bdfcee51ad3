"""Loss by time of sending."""

import numpy as np
import pytest

from scanner.core.path.loss import LossLedger
from scanner.core.path.retries import upper_loss


def seconds(*moments: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array(moments, np.float64)


def noted(until: int, lost_from: int = 10**9, lost_to: int = 0) -> LossLedger:
    """Four questions a second; all are lost in between."""
    ledger = LossLedger(100.0)
    sent = 100.0 + np.arange(until * 4) / 4
    ledger.note(sent, (sent >= 100.0 + lost_from) & (sent < 100.0 + lost_to))
    return ledger


def test_good_seconds_are_taken_together() -> None:
    ledger = noted(100)
    assert ledger.usual() == pytest.approx(upper_loss(0, 400))
    assert ledger.miss(seconds(100.0, 150.0, 199.9)) == pytest.approx(ledger.usual())
    assert ledger.counts == (0, 400)


def test_a_cut_stands_for_itself_and_spoils_nothing_else() -> None:
    ledger = noted(100, 40, 45)
    assert ledger.miss(seconds(142.0)).tolist() == [1.0]
    assert ledger.miss(seconds(130.0, 160.0)).max() < 0.01


def test_where_nothing_is_known_everything_may_be_lost() -> None:
    ledger = noted(50)
    assert ledger.miss(seconds(170.0, 1e6)).tolist() == [1.0, 1.0]
    assert LossLedger(0.0).miss(seconds(3.0)).tolist() == [1.0]
    assert LossLedger(0.0).usual() == 1.0


def test_a_second_without_questions_between_good_ones_is_believed() -> None:
    ledger = LossLedger(0.0)
    ledger.note(np.repeat(seconds(0.5, 2.5, 9.5), 50), np.zeros(150, np.bool_))
    found = ledger.miss(seconds(1.5, 5.5))
    assert found[0] < 0.05
    assert found[1] == 1.0


def test_loss_at_random_is_found_in_all_seconds() -> None:
    ledger, random = LossLedger(0.0), np.random.default_rng(5)
    sent = random.uniform(0, 300, 6000)
    ledger.note(sent, random.random(6000) < 0.05)
    assert 0.04 < ledger.usual() < 0.07


def test_late_answers_tell_of_earlier_tries() -> None:
    ledger = LossLedger(0.0)
    for _ in range(100):
        ledger.note_answers(seconds(1.0, 5.0))
    assert ledger.counts == (100, 200)
    assert ledger.miss(seconds(1.0)).tolist() == [1.0]
    assert ledger.miss(seconds(5.0))[0] == pytest.approx(upper_loss(0, 100))


def test_a_long_sweep_takes_no_more_room() -> None:
    ledger = LossLedger(0.0)
    for hour in range(48):
        ledger.note(hour * 3600.0 + np.arange(3600.0), np.zeros(3600, np.bool_))
    assert ledger.counts == (0, 48 * 3600)
    assert ledger.miss(seconds(0.0, 100_000.0)).max() == pytest.approx(ledger.usual())
