"""The order of turns: waves, retries, and hosts at their cap."""

from collections.abc import Iterator
from ipaddress import ip_address

from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import Wave
from scanner.engines.connect.hosts import HOST_REPORTS, Host, HostBook
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.schedule import UNSETTLED, Schedule
from tests.engines.waves import in_pieces, wave

ABSENT = reason_code(Reason.HOST_UNREACHABLE)
RESET = reason_code(Reason.RESET)


class Notebook:
    """A settler that writes down its calls."""

    def __init__(self) -> None:
        self.unasked: list[tuple[int, int]] = []
        self.finished: list[InFlightWave] = []

    def begin(self, hosts: list[Host]) -> None:
        pass

    def settle_unasked(self, wave: InFlightWave, index: int, code: int) -> None:
        self.unasked.append((wave.ports[index], code))
        wave.settle(index, code, 0.0)

    def finish(self, wave: InFlightWave) -> None:
        self.finished.append(wave)


def ports(schedule: Schedule, now: float, most: int = 1 << 20) -> list[int]:
    return [wave.ports[index] for wave, index, _ in schedule.turns(now, most)]


def test_turns_follow_the_wave_and_stay_where_they_are_if_not_taken() -> None:
    schedule = Schedule([wave(["10.0.0.1"], [5, 3, 9])], HostBook(None, None), Notebook())
    assert ports(schedule, 0.0, 2) == [5, 3]
    assert next(iter(schedule.turns(0.0, 5)))[1] == 2
    assert ports(schedule, 0.0) == []


def test_what_is_due_again_comes_first() -> None:
    schedule = Schedule([wave(["10.0.0.1"], range(1, 5))], HostBook(None, None), Notebook())
    (begun, index, _), *_ = list(schedule.turns(0.0, 2))
    assert isinstance(begun, InFlightWave)
    schedule.again(begun, index, 1.5)
    assert ports(schedule, 1.0, 1) == [3]
    assert ports(schedule, 1.6) == [1, 4]


def test_a_capped_host_does_not_hold_up_another() -> None:
    book = HostBook(1, None)
    schedule = Schedule([wave(["10.0.0.1", "10.0.0.2"], [7, 8, 9])], book, Notebook())
    taken = [(host.text, begun.ports[index]) for begun, index, host in schedule.turns(0.0, 99)]
    assert taken == [("10.0.0.1", 7), ("10.0.0.2", 7)]
    assert ports(schedule, 0.9) == []
    assert ports(schedule, 1.001) == [8, 8]
    assert ports(schedule, 60.0) == [9, 9]


def test_a_pause_is_not_caught_up_with() -> None:
    schedule = Schedule([wave(["10.0.0.1"], range(1, 5000))], HostBook(100, None), Notebook())
    ports(schedule, 0.0)
    assert len(ports(schedule, 3600.0)) == 2


def test_an_absent_host_is_asked_nothing_more_in_any_wave() -> None:
    notebook, book = Notebook(), HostBook(None, None)
    schedule = Schedule(in_pieces(wave(["10.0.0.1"], range(1, 21)), 10), book, notebook)
    assert ports(schedule, 0.0, 4) == [1, 2, 3, 4]
    host = book.find(ip_address("10.0.0.1"))
    assert host is not None
    for _ in range(HOST_REPORTS):
        host.report(ABSENT)
    assert ports(schedule, 0.0) == []
    assert notebook.unasked == [(port, ABSENT) for port in range(5, 21)]


def test_waves_are_begun_as_there_is_room_and_no_further() -> None:
    begun: list[int] = []

    def endless() -> Iterator[Wave]:
        whole = wave(["10.0.0.1"], range(1, 60_001))
        while True:
            begun.append(len(begun))
            yield whole

    schedule = Schedule(endless(), HostBook(None, None), Notebook())
    assert len(ports(schedule, 0.0)) == 240_000
    assert len(begun) == UNSETTLED // 60_000
    for index in range(60_000):
        next(iter(schedule.active)).settle(index, RESET, 0.0)
    assert len(ports(schedule, 0.0)) == 60_000


def test_an_empty_wave_is_finished_at_once() -> None:
    notebook = Notebook()
    schedule = Schedule([wave(["10.0.0.1"], []), wave(["10.0.0.1"], [1])], HostBook(None, None), notebook)
    assert ports(schedule, 0.0) == [1]
    assert [len(each.wave) for each in notebook.finished] == [0]


def test_what_waits_for_a_cap_is_settled_by_the_verdict_of_its_host() -> None:
    notebook, book = Notebook(), HostBook(1, None)
    schedule = Schedule([wave(["10.0.0.1"], [7, 8, 9])], book, notebook)
    assert ports(schedule, 0.0) == [7]
    host = book.find(ip_address("10.0.0.1"))
    assert host is not None
    host.report(ABSENT, weight=HOST_REPORTS)
    assert ports(schedule, 60.0) == []
    assert notebook.unasked == [(8, ABSENT), (9, ABSENT)]
    assert schedule.opens == float("inf")
