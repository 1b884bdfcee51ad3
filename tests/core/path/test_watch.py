"""Silence is proved: a watch over paths in virtual time, with hosts and ways that fall silent and come back."""

from dataclasses import dataclass, field

import numpy as np

from scanner.core.path.exchange import Fallen, Gate, Heard
from scanner.core.path.watch import HOST_PATIENCE, PATH_PATIENCE, Watch
from scanner.core.plan.reasons import Reason, reason_text

TRIP = 0.01


def column(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array(values, np.int64)


@dataclass
class Lab:
    """Hosts behind ways out, asked by a watch."""

    watch: Watch = field(default_factory=lambda: Watch(0.0, hosts=64, tickets=64))
    now: float = 0.0
    dead_hosts: set[int] = field(default_factory=set)
    dead_paths: set[int] = field(default_factory=set)
    no_resets: set[int] = field(default_factory=set)
    fallen: list[Fallen] = field(default_factory=list)
    asked: int = 0

    def hear(self, hosts: list[int], *, path: int = 0, port: int = 80, is_open: bool = True) -> None:
        """These hosts answered a probe that left a round trip ago."""
        size = len(hosts)
        heard = Heard(
            host=np.array(hosts, np.uint64),
            path=np.full(size, path),
            version=np.full(size, 4, np.uint8),
            high=np.zeros(size, np.uint64),
            low=np.array(hosts, np.uint64) + np.uint64(0x0A000000),
            port=np.full(size, port, np.uint16),
            open=np.full(size, is_open),
            sent_at=np.full(size, self.now - TRIP),
            tries=np.ones(size, np.int64),
        )
        self.watch.heard(heard, self.now)

    def probe(self, hosts: list[int], *, path: int = 0) -> None:
        """Ordinary probes leave for these hosts, enough of them to be worth asking."""
        self.watch.probed(np.array(hosts, np.uint64), np.full(len(hosts), path), each=100)

    def run(self, seconds: float) -> None:
        """Ask what is due, answer what is alive, let time pass."""
        until = self.now + seconds
        while self.now < until:
            while len(ask := self.watch.due(self.now, 64)):
                self.asked += len(ask)
                self.watch.went(ask, self.now)
                alive = [self.answers(*each) for each in zip(ask.host, ask.path, ask.port, strict=True)]
                self.watch.echo(ask.ticket[alive], ask.port[alive] == 80, self.now + TRIP)
            self.now += 0.05
            if fallen := self.watch.expire(self.now):
                self.fallen.append(fallen)
            self.watch.give_up(self.now)

    def answers(self, host: int, path: int, port: int) -> bool:
        return (
            int(host) not in self.dead_hosts
            and int(path) not in self.dead_paths
            and not (port != 80 and int(host) in self.no_resets)
        )

    def said(self, host: int, sent_at: float, *, path: int = 0) -> str:
        """The reason of an unanswered endpoint that was probed then."""
        return reason_text(int(self.watch.codes(np.array([host], np.uint64), column(path), np.array([sent_at]))[0]))

    def gate(self, host: int, *, path: int = 0) -> Gate:
        return Gate(int(self.watch.gates(np.array([host], np.uint64), column(path))[0]))

    def undecided(self, host: int, sent_at: float, *, path: int = 0) -> bool:
        return bool(self.watch.undecided(np.array([host], np.uint64), column(path), np.array([sent_at]))[0])


def lab(hosts: int = 3) -> Lab:
    made = Lab(now=1.0)
    made.hear(list(range(hosts)))
    return made


def test_silence_of_a_host_that_answers_afterwards_is_its_own() -> None:
    it = lab()
    assert it.undecided(0, 1.5)
    it.now = 1.6
    it.run(0.5)
    assert not it.undecided(0, 1.5)
    assert it.said(0, 1.5) == Reason.NO_RESPONSE


def test_a_host_that_never_answered_is_a_silent_host() -> None:
    it = lab()
    it.undecided(9, 1.5)
    it.now = 1.6
    it.run(0.5)
    assert not it.undecided(9, 1.5)
    assert it.said(9, 1.5) == Reason.SILENT_HOST


def test_where_nothing_answered_at_all_nothing_is_undecided() -> None:
    it = Lab(now=1.0)
    assert not it.undecided(0, 0.5)
    assert it.said(0, 0.5) == Reason.SILENT_HOST


def test_a_host_that_falls_silent_is_lost_and_its_way_is_not() -> None:
    it = lab()
    it.dead_hosts = {1}
    it.probe([0, 1, 2])
    it.run(2.5)
    assert [each.hosts.tolist() for each in it.fallen] == [[1]]
    assert (it.gate(1), it.gate(0)) == (Gate.WAIT, Gate.GO)
    assert it.said(1, 1.5) == Reason.HOST_LOST
    it.probe([0])
    it.run(HOST_PATIENCE + 1)
    assert it.gate(1) is Gate.LOST
    assert it.said(1, 1.5) == Reason.HOST_LOST


def test_a_way_that_falls_silent_takes_the_blame() -> None:
    it = lab()
    it.dead_paths = {0}
    it.probe([0, 1, 2])
    it.run(3)
    assert 0 in {path for each in it.fallen for path in each.paths.tolist()}
    assert it.said(0, 1.5) == it.said(9, 1.5) == Reason.PATH_LOST
    assert it.gate(9) is Gate.WAIT
    assert not it.watch.calm


def test_other_ways_go_on() -> None:
    it = lab()
    it.hear([10, 11], path=1)
    it.dead_paths = {0}
    it.probe([0, 1, 2])
    it.probe([10, 11], path=1)
    it.run(3)
    assert it.gate(10, path=1) is Gate.GO
    assert it.said(10, 1.01, path=1) == Reason.NO_RESPONSE


def test_what_was_asked_in_an_outage_does_not_count() -> None:
    it = lab()
    it.dead_paths = {0}
    it.probe([0, 1, 2])
    it.run(3)
    it.dead_paths = set()
    it.run(9)
    assert it.gate(0) is it.gate(9) is Gate.GO
    tries = np.array([0.5, 1.5, 2.0, it.now])
    voided = it.watch.voided(np.full(4, 9, np.uint64), np.zeros(4, np.int64), tries)
    assert voided.tolist() == [False, True, True, False]


def test_a_way_that_stays_silent_is_given_up_and_its_hosts_are_not_blamed() -> None:
    it = lab()
    it.dead_paths = {0}
    it.probe([0, 1, 2])
    it.run(PATH_PATIENCE + 5)
    assert it.gate(0) is Gate.LOST
    assert not it.undecided(0, 2.0)
    assert it.said(0, 2.0) == Reason.PATH_LOST


def test_the_only_host_known_behind_a_way_is_blamed_itself() -> None:
    it = lab(hosts=1)
    it.dead_hosts = {0}
    it.probe([0])
    it.run(2.5)
    assert it.said(0, 1.5) == Reason.HOST_LOST
    it.run(HOST_PATIENCE)
    assert it.gate(0) is Gate.LOST


def test_a_late_answer_brings_a_host_back() -> None:
    it = lab()
    it.dead_hosts = {1}
    it.probe([0, 1, 2])
    it.run(HOST_PATIENCE + 5)
    assert it.gate(1) is Gate.LOST
    it.hear([1])
    assert it.gate(1) is Gate.GO


def test_a_host_that_limits_its_resets_is_not_silent_and_hides_nothing() -> None:
    it = lab()
    it.hear([0, 1, 2], port=81, is_open=False)
    it.no_resets = {0}
    for _ in range(30):
        it.probe([0, 1, 2])
        it.run(1.1)
    assert it.gate(0) is Gate.GO
    assert it.said(0, 3.0) == Reason.RESET_LIMITED
    assert it.said(1, 3.0) == Reason.NO_RESPONSE


def test_canaries_are_few() -> None:
    it = lab()
    for _ in range(10):
        it.probe([0, 1, 2])
        it.run(1.1)
    assert 30 <= it.asked <= 50  # one for each host and one for the way a second


def test_a_canary_that_could_not_be_sent_is_due_again() -> None:
    it = lab()
    it.probe([0, 1, 2])
    it.now = 3.0
    first = it.watch.due(it.now, 64)
    it.watch.withdraw(first)
    again = it.watch.due(it.now, 64)
    assert len(first) == len(again) > 0


def test_nothing_is_asked_without_room() -> None:
    it = lab()
    it.probe([0, 1, 2])
    assert not len(it.watch.due(3.0, 0))
    assert len(it.watch.due(3.0, 1)) == 1


def test_loss_of_a_way_is_known_by_when() -> None:
    it = lab()
    for _ in range(20):
        it.probe([0, 1, 2])
        it.run(1.1)
    assert it.watch.ledger(0).counts[0] == 0
    assert it.watch.ledger(0).miss(np.array([5.0]))[0] < 0.2
    it.watch.missed(0, np.array([5.0]))
    assert it.watch.ledger(0).counts[0] == 1
