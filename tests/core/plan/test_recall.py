"""The removal estimator, held against populations whose loss we chose ourselves."""

import numpy as np
import pytest

from scanner.core.plan.recall import HiddenOpen, add_up, estimate


def answers(population: int, loss: float, tries: int, seed: int) -> tuple[int, ...]:
    """How many of a population answer first at each try, with this loss each way."""
    success = np.random.default_rng(seed).geometric((1 - loss) ** 2, population)
    return tuple(int(np.count_nonzero(success == each)) for each in range(1, tries + 1))


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.10, 0.25])
@pytest.mark.parametrize("tries", [2, 3, 4, 5])
def test_finds_the_truth_that_it_was_not_told(loss: float, tries: int) -> None:
    for seed in range(5):
        seen = answers(65_536, loss, tries, seed)
        found = estimate(seen)
        assert found is not None
        assert abs(found.found - (1 - (1 - (1 - loss) ** 2) ** tries)) < 5 * found.error
        if tries >= 3 and loss <= 0.10:
            assert abs(found.found - sum(seen) / 65_536) < 0.002


def test_its_error_is_the_spread_of_its_estimates() -> None:
    found = [estimate(answers(2_000, 0.2, 3, seed)) for seed in range(300)]
    spread = float(np.std([each.found for each in found if each]))
    claimed = float(np.mean([each.error for each in found if each]))
    assert spread == pytest.approx(claimed, rel=0.2)


def test_without_loss_nothing_is_missed() -> None:
    found = estimate((500, 0, 0))
    assert found is not None
    assert found.found == 1.0
    assert found.error == 0.0
    assert found.answers == 500
    assert found.words() == "no endpoint that answered had to be asked twice: no sign of loss on the way"


def test_nothing_is_called_a_whole_by_rounding() -> None:
    found = estimate((10**9, 100, 0))
    assert found is not None
    assert found.words() == "by when the answers came, more than 99.99% of what would answer was found"


def test_a_figure_comes_with_its_margin() -> None:
    found = estimate((900, 80, 10))
    assert found is not None
    assert found.words().startswith("by when the answers came, about 99.9")
    assert "give or take 0.0" in found.words()


@pytest.mark.parametrize("seen", [(), (7,), (0, 0, 0), (5, 5, 5), (1, 2, 30)])
def test_says_nothing_where_the_answers_do_not_tell(seen: tuple[int, ...]) -> None:
    assert estimate(seen) is None


def test_waves_add_up() -> None:
    assert add_up([(3, 2, 1), (), (1, 1)]) == (4, 3, 1)
    assert add_up([]) == ()


@pytest.mark.parametrize(
    ("hidden", "degraded", "words"),
    [
        (HiddenOpen(96, 0.004), False, "no open port is expected to have been missed"),
        (HiddenOpen(5, 0.009), False, "no open port is expected to have been missed"),
        (HiddenOpen(96, 0.3), True, "an open port may have been missed; 96 were found"),
        (HiddenOpen(4000, 3.1), False, "up to 4 open ports may have been missed; 4,000 were found"),
        (HiddenOpen(96, 74.2), True, "up to 80 open ports may have been missed; 96 were found"),
        (HiddenOpen(0, 0.5), True, "an open port may have been missed; 0 were found"),
        (
            HiddenOpen(96, 0.0, unproven=1200),
            True,
            "endpoints whose silence proves nothing, as nothing answered at the time: 1,200",
        ),
    ],
)
def test_what_may_be_hidden_is_said_without_false_precision(hidden: HiddenOpen, degraded: bool, words: str) -> None:
    assert hidden.degraded is degraded
    assert hidden.words() == words


def test_recall_is_a_bound() -> None:
    assert HiddenOpen(90, 10.0).recall == pytest.approx(0.9)
    assert HiddenOpen(0, 0.001).recall == 1.0
    assert HiddenOpen(0, 2.0).recall == 0.0
