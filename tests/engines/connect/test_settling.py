"""What follows from outcomes, driven without a socket: a clock by hand, and attempts that never were."""

from errno import ECONNREFUSED, EISCONN, EMFILE, ETIMEDOUT
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.attempt import Attempt
from scanner.engines.connect.hosts import HostBook
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.schedule import Turn
from scanner.engines.connect.settling import Settling
from scanner.engines.socket_budget import Room
from tests.engines.waves import reasons, wave


class Bench:
    """A settling with a clock that a test moves; endpoints answer as `answers` says, others stay silent."""

    def __init__(self, asked: Wave, answers: dict[int, int], tries: int | None = 1) -> None:
        self.now = 100.0
        self.answers = answers
        self.asked: list[int] = []
        self.settling = Settling(
            [asked], HostBook(None, None), tries=tries, retry_gap=1.0, room=Room(100), clock=lambda: self.now
        )

    def step(self) -> None:
        """Send what may go, let it end, and look."""
        launched: list[Turn] = []
        for turn in list(self.settling.noted(self.settling.schedule.turns(self.now, 100, spare=32), launched)):
            self.asked.append(turn[0].ports[turn[1]])
            self.end(turn, self.answers.get(turn[0].ports[turn[1]], ETIMEDOUT))
        self.settling.left(launched)
        self.now += 0.1
        self.settling.looked(self.now)
        self.settling.look(self.now)

    def end(self, turn: Turn, error: int) -> None:
        turn[0].sent += 1
        attempt = SimpleNamespace(
            wave=turn[0],
            index=turn[1],
            host=turn[2],
            started=self.now - 0.01,
            handshake_time=lambda: 0.01,
            met_ourselves=lambda *_, **__: False,
        )
        self.settling.ended(cast(Attempt, attempt), error, None)

    def run(self, seconds: float) -> list[SettledWave]:
        until = self.now + seconds
        while self.now < until and not self.settling.done:
            self.step()
        return [*self.settling.done]


def test_the_last_answer_proves_what_was_silent_before_it() -> None:
    bench = Bench(wave(["10.0.0.1"], [3, 1]), {1: ECONNREFUSED})
    assert [*reasons(*bench.run(5.0)).values()] == ["no-response", "reset"]


def test_silence_is_settled_once_a_canary_has_answered_after_it() -> None:
    bench = Bench(wave(["10.0.0.1"], [1, 2, 3]), {1: ECONNREFUSED, 2: EISCONN})
    settled = bench.run(5.0)
    assert [*reasons(*settled).values()] == ["reset", "syn-ack", "no-response"]


def test_each_try_is_counted_where_it_was_answered() -> None:
    bench = Bench(wave(["10.0.0.1"], [1, 2]), {1: ECONNREFUSED}, tries=3)
    bench.step()
    bench.answers[2] = ECONNREFUSED
    settled = bench.run(5.0)
    assert settled[0].answers_by_try == (1, 1)


def test_a_host_that_falls_silent_is_lost_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.core.path.watch.HOST_PATIENCE", 2.0)
    bench = Bench(wave(["10.0.0.1"], range(1, 200)), dict.fromkeys(range(1, 101), ECONNREFUSED))
    bench.step()
    bench.answers.clear()
    settled = bench.run(30.0)
    kinds = settled[0].reasons()
    assert kinds == {"reset": 100, "host-lost": 99}
    assert bench.settling.statistics.hidden.degraded


def test_what_was_lost_meanwhile_is_asked_again_when_the_host_is_back() -> None:
    bench = Bench(wave(["10.0.0.1"], range(1, 200)), dict.fromkeys(range(1, 101), ECONNREFUSED))
    bench.step()
    bench.answers.clear()
    bench.run(3.0)
    bench.answers.update(dict.fromkeys(range(1, 200), ECONNREFUSED))
    settled = bench.run(20.0)
    assert settled[0].reasons() == {"reset": 199}


def test_without_one_answer_every_host_is_silent() -> None:
    settled = Bench(wave(["10.0.0.1"], [1, 2]), {}).run(5.0)
    assert {*reasons(*settled).values()} == {"silent-host"}


def test_our_own_failure_is_no_loss_and_no_state() -> None:
    bench = Bench(wave(["10.0.0.1"], [1]), {1: EMFILE})
    settled = bench.run(10.0)
    assert settled[0].reasons() == {"local-error:EMFILE": 1}
    flight = cast(Any, bench.settling.schedule)
    assert not flight.active
    assert isinstance(settled[0].sent, int)


def test_a_wave_says_how_many_of_its_endpoints_were_asked() -> None:
    asked = wave(["10.0.0.1"], [1, 2, 3])
    flight = InFlightWave(asked, *HostBook(None, None).distinct(asked))
    flight.note_silence(0, 1.0)
    flight.settle(1, 2, 1.0)
    assert flight.asked == 2
