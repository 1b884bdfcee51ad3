"""When a wave is done: passes, proofs and codes, driven by numbers alone."""

from dataclasses import dataclass, field

import numpy as np

from scanner.core.path.effort import Effort
from scanner.core.plan.reasons import Reason, reason_text
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.settling import Step, WaveSettler
from scanner.engines.syn.slots import Slots
from tests.core.path.test_watch import Lab
from tests.engines.waves import wave


@dataclass
class Case:
    """A wave of two hosts, 0 and 1, of which 0 may have answered before."""

    attempts: int | None = 2
    answered: bool = True
    lab: Lab = field(default_factory=lambda: Lab(now=100.0))

    def __post_init__(self) -> None:
        made = wave(["10.0.0.1", "10.0.0.2"], [80, 81])
        self.flight = InFlightWave(made, np.zeros(4, np.int32), born=100.0)
        if self.answered:
            for _ in range(100):
                self.lab.hear([0])
        self.effort = Effort(self.lab.watch, attempts=self.attempts)
        self.evidence: dict[int, int] = {}
        self.settler = WaveSettler(
            self.lab.watch,
            self.effort,
            spacing=1.0,
            cooldown=1.0,
            path_of=lambda hop: np.zeros(len(hop), np.int64),
            evidence=self.evidence,
        )

    def send(self, now: float) -> int:
        """Send what the pass under way has; how many that were."""
        indices = self.flight.passes.look(100)
        self.flight.passes.take(indices[:0])
        self.flight.mark_sent(indices, now)
        return len(indices)

    def step(self, now: float) -> Step:
        return self.settler.step(self.flight, now)

    def said(self) -> set[str]:
        codes = np.broadcast_to(np.asarray(self.settler.codes(self.flight)), self.flight.left)
        return {reason_text(int(code)) for code in codes}


def test_as_many_passes_as_were_named_and_then_a_cooling_down() -> None:
    case = Case(answered=False)
    assert case.send(100.0) == 4
    assert case.step(100.9) is Step.WAIT
    assert case.step(101.0) is Step.PASS
    assert case.send(101.0) == 4
    assert case.step(101.9) is Step.WAIT
    assert case.step(102.0) is Step.DONE
    assert case.said() == {Reason.SILENT_HOST}


def test_a_pass_that_is_not_over_is_waited_for() -> None:
    case = Case()
    assert case.step(200.0) is Step.WAIT


def test_it_is_done_when_nothing_is_left() -> None:
    case = Case()
    case.flight.left = 0
    assert case.step(100.0) is Step.DONE


def test_silence_waits_for_its_proof() -> None:
    case = Case(attempts=1)
    case.send(100.1)
    assert case.step(101.2) is Step.WAIT
    case.lab.now = 101.2
    case.lab.run(0.3)
    assert case.step(101.5) is Step.DONE
    assert case.said() == {Reason.NO_RESPONSE, Reason.SILENT_HOST}


def test_a_host_that_does_not_prove_it_is_lost_once_it_is_given_up() -> None:
    case = Case(attempts=1)
    case.lab.dead_hosts = {0}
    case.send(100.1)
    case.step(101.2)
    case.lab.now = 101.2
    case.lab.run(48.0)
    assert case.step(150.0) is Step.DONE
    assert Reason.HOST_LOST in case.said()


def test_by_need_a_host_that_never_answered_is_asked_thrice_and_others_as_often_as_it_takes() -> None:
    case = Case(attempts=None)
    asked, now = [case.send(100.0)], 100.0
    for _ in range(20):
        now += 1.1
        if case.step(now) is Step.PASS:
            asked.append(case.send(now))
            case.lab.now = now
            case.lab.hear([0])
    host_one = [
        sum(not np.isnan(case.flight.passes.moments(number)[index]) for number in range(len(asked)))
        for index in np.flatnonzero(case.flight.wave.host == 1).tolist()
    ]
    assert host_one == [3, 3]
    assert asked[0] == 4


def test_little_evidence_asks_for_canaries_once() -> None:
    case = Case(answered=False, attempts=1)
    case.lab.hear([0])
    case.send(100.1)
    assert case.step(101.2) is Step.WAIT
    assert case.evidence == {0: 31}
    case.evidence.clear()
    case.step(105.0)
    assert case.evidence == {}


def test_slots_are_taken_again_last() -> None:
    slots = Slots(2)
    first, second = Case().flight, Case().flight
    slots.begin(first, 0)
    taken = next(iter(slots))
    assert slots.get(taken.number) is first
    slots.end(taken)
    slots.begin(second, 3)
    assert [each.number for each in slots] == [1]
    assert next(iter(slots)).dropped_before == 3
    slots.refresh()
    assert [each.flight for each in slots.sending] == [second]
    assert slots.held == second.memory
    assert slots.free == 1
