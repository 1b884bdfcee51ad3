"""What silence means: the table, the deadlines, and who is blamed."""

import numpy as np
import pytest

from scanner.core.path.silence import (
    EVERY,
    LAST_BACK_OFF,
    ROUND,
    TABLE,
    Cause,
    Event,
    Silence,
    SilenceBook,
    causes,
    meaning,
)

ONE = np.array([0])


def at(moment: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([moment])


def fallen(book: SilenceBook, now: float) -> float:
    """Lose canaries until the one subject is silent; when it was."""
    while book.state[0] != Silence.SILENT and now < 20:
        rows, counts = book.due(now)
        book.asked(rows, counts, now)
        for _ in range(int(counts.sum())):
            book.lost(ONE, at(now), now + 0.1)
        now += 0.1
    return now


def alive(patience: float = 10.0) -> SilenceBook:
    book = SilenceBook(1, patience=patience)
    book.answered(ONE, at(1.0))
    book.sent(ONE)
    return book


def test_the_table_knows_every_state_and_event() -> None:
    assert TABLE.shape == (len(Silence), len(Event))
    assert (TABLE[:, Event.ANSWERED] == Silence.ALIVE).all()
    assert (TABLE[Silence.UNPROVEN, 1:] == Silence.UNPROVEN).all()


@pytest.mark.parametrize("state", list(Silence))
def test_every_state_has_a_meaning(state: Silence) -> None:
    said = meaning(state)
    assert said.complete == (state in (Silence.UNPROVEN, Silence.ALIVE))
    assert said.probes == (state not in (Silence.SILENT, Silence.GIVEN_UP))


def test_who_is_sent_to_is_asked_about_every_second() -> None:
    book = alive()
    rows, counts = book.due(2.0)
    assert (rows.tolist(), counts.tolist()) == ([0], [1])
    book.asked(rows, counts, 2.0)
    book.answered(ONE, at(2.0))
    assert not len(book.due(2.5)[0])
    book.sent(ONE)
    assert not len(book.due(2.5)[0])
    assert len(book.due(2.5, ending=True)[0])
    assert len(book.due(2.0 + EVERY)[0])


def test_canaries_are_a_thousandth_of_the_traffic() -> None:
    book = alive()
    book.sent(np.zeros(7500, np.intp))
    assert book.due(9.0)[1].tolist() == [7]
    book.sent(np.zeros(100_000, np.intp))
    assert book.due(9.0)[1].tolist() == [16]


def test_one_lost_canary_is_a_doubt_and_a_round_of_them_is_silence() -> None:
    book = alive()
    rows, counts = book.due(2.0)
    book.asked(rows, counts, 2.0)
    assert not len(book.lost(ONE, at(2.0), 2.1))
    assert book.state[0] == Silence.DOUBTED
    rows, counts = book.due(2.1)
    assert counts.tolist() == [ROUND - 1]
    book.asked(rows, counts, 2.1)
    for each in range(ROUND - 1):
        gone = book.lost(ONE, at(2.1), 2.2)
        assert len(gone) == (each == ROUND - 2)
    assert book.state[0] == Silence.SILENT
    assert book.last_good[0] == 1.0


def test_an_answer_in_the_round_ends_the_doubt() -> None:
    book = alive()
    rows, counts = book.due(2.0)
    book.asked(rows, counts, 2.0)
    book.lost(ONE, at(2.0), 2.1)
    book.answered(ONE, at(2.05))
    assert book.state[0] == Silence.ALIVE
    assert not len(book.lost(ONE, at(2.0), 2.2))
    assert book.state[0] == Silence.ALIVE


def test_silence_is_asked_at_growing_distances_and_given_up() -> None:
    book = alive(patience=60.0)
    now = began = fallen(book, 2.0)
    asked = []
    while book.state[0] == Silence.SILENT and now < began + 90:
        rows, counts = book.due(now)
        if len(rows):
            asked.append(now)
            book.asked(rows, counts, now)
        book.give_up(now)
        now += 0.1
    assert book.state[0] == Silence.GIVEN_UP
    assert 59 < now - began < 62
    assert np.diff(asked).max() == pytest.approx(LAST_BACK_OFF, abs=0.2)
    assert len(asked) < 15
    book.answered(ONE, at(now))
    assert book.state[0] == Silence.ALIVE


def test_what_never_answered_is_not_called_silent() -> None:
    book = SilenceBook(1, patience=10.0)
    book.sent(ONE)
    for now in range(20):
        rows, counts = book.due(float(now))
        book.asked(rows, counts, float(now))
        book.lost(ONE, at(float(now)), now + 0.5)
    assert book.state[0] == Silence.UNPROVEN


def test_a_row_is_forgotten_whole() -> None:
    book = alive()
    fallen(book, 2.0)
    book.forget(ONE)
    assert book.state[0] == Silence.UNPROVEN
    assert book.last_good[0] == -np.inf


def test_a_host_is_not_blamed_for_its_path() -> None:
    hosts, paths = SilenceBook(3, patience=10.0), SilenceBook(2, patience=30.0)
    hosts.answered(np.array([0, 1]), np.array([5.0, 5.0]))
    paths.answered(np.array([0, 1]), np.array([5.0, 9.0]))
    hosts.state[1], paths.state[0] = Silence.SILENT, Silence.SILENT
    sent, host = np.array([4.0, 6.0, 4.0, 6.0, 6.0, 6.0]), np.array([0, 0, 1, 1, 1, 2])
    found = causes(sent, host, np.array([0, 0, 0, 0, 1, 1]), hosts, paths)
    assert [Cause(each) for each in found.tolist()] == [
        Cause.PROVED,
        Cause.PATH_LOST,
        Cause.PROVED,
        Cause.PATH_LOST,
        Cause.HOST_LOST,
        Cause.UNPROVEN,
    ]
