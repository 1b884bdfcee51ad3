"""Which endpoints are asked again."""

import numpy as np

from scanner.core.path.canaries import PER_PATH, Canary, HostCanaries, PathCanaries, resets_limited

TWO = np.array([0, 1])


def test_a_host_is_asked_at_what_answered_and_kinds_alternate() -> None:
    book = HostCanaries(2)
    book.note(TWO, np.array([9, 9], np.uint16), is_open=False)
    book.note(TWO[:1], np.array([443], np.uint16), is_open=True)
    assert [each.tolist() for each in book.pick(TWO, 0)] == [[9, 9], [False, False]]
    assert [each.tolist() for each in book.pick(TWO, 1)] == [[443, 9], [True, False]]
    book.forget(TWO)
    assert book.pick(TWO, 0)[0].tolist() == [0, 0]


def test_a_path_is_asked_at_different_hosts_in_turn() -> None:
    path = PathCanaries()
    for host in (1, 2, 2, 3):
        path.note(Canary(host, 80, open=True))
    assert [each.host for each in path.pick(2)] == [1, 2]
    assert [each.host for each in path.pick(2)] == [3, 1]
    path.drop(2)
    assert {each.host for each in path.pick(9)} == {1, 3}


def test_what_was_open_last_time_is_asked_only_while_nothing_answers() -> None:
    path = PathCanaries()
    path.remember(Canary(7, 22, open=True))
    assert [each.host for each in path.pick(3)] == [7]
    assert not path.proven
    path.note(Canary(8, 22, open=False))
    assert [each.host for each in path.pick(3)] == [8]
    assert path.proven


def test_a_path_remembers_so_many_hosts_and_newer_ones_first() -> None:
    path = PathCanaries()
    for host in range(PER_PATH + 5):
        path.note(Canary(host, 80, open=True))
    picked = {each.host for each in path.pick(1000)}
    assert len(picked) == PER_PATH
    assert 0 not in picked
    path.note(Canary(0, 80, open=True))
    assert 0 in {each.host for each in path.pick(1000)}


def test_missing_resets_beside_syn_acks_are_a_limit_and_not_a_loss() -> None:
    assert resets_limited(open_asked=10, open_silent=0, closed_asked=20, closed_silent=14)
    assert not resets_limited(open_asked=10, open_silent=6, closed_asked=20, closed_silent=14)
    assert not resets_limited(open_asked=0, open_silent=0, closed_asked=20, closed_silent=14)
    assert not resets_limited(open_asked=10, open_silent=0, closed_asked=20, closed_silent=2)
    assert not resets_limited(open_asked=1, open_silent=0, closed_asked=20, closed_silent=14)
