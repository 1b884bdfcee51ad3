"""The connect engine's parts one by one: the order of turns, the table of outcomes, what the kernel's bytes say."""

import errno
import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from scanner.core.model import State
from scanner.core.plan.reasons import Reason, local_error_code, reason_code, reason_state
from scanner.core.plan.wave import Wave
from scanner.engines.connect import icmp_errors
from scanner.engines.connect.absent_hosts import failed_neighbours
from scanner.engines.connect.hosts import ENOUGH, HostBook
from scanner.engines.connect.icmp_errors import IcmpError
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.outcome import Weight, classify_errno, judge_icmp
from scanner.engines.connect.schedule import UNSETTLED, Schedule
from scanner.engines.connect.socket_budget import socket_budget
from tests.engines.waves import in_pieces, wave

ABSENT = reason_code(Reason.HOST_UNREACHABLE)
RESET = reason_code(Reason.RESET)


class Notebook:
    """A settler that writes down what it was told."""

    def __init__(self) -> None:
        self.unasked: list[tuple[int, int]] = []
        self.finished: list[InFlightWave] = []

    def settle_unasked(self, wave: InFlightWave, place: int, code: int) -> None:
        self.unasked.append((wave.ports[place], code))
        wave.settle(place, code, 0.0)

    def finish(self, wave: InFlightWave) -> None:
        self.finished.append(wave)


def ports(schedule: Schedule, now: float, most: int = 1 << 20) -> list[int]:
    return [wave.ports[place] for wave, place, _ in schedule.turns(now, most)]


def test_turns_follow_the_wave_and_stay_where_they_are_if_not_taken() -> None:
    schedule = Schedule([wave(["10.0.0.1"], [5, 3, 9])], HostBook(None, None), Notebook())
    assert ports(schedule, 0.0, 2) == [5, 3]
    assert next(iter(schedule.turns(0.0, 5)))[1] == 2
    assert ports(schedule, 0.0) == []


def test_what_is_due_again_comes_first() -> None:
    schedule = Schedule([wave(["10.0.0.1"], range(1, 5))], HostBook(None, None), Notebook())
    (begun, place, _), *_ = list(schedule.turns(0.0, 2))
    schedule.again(begun, place, 1.5)
    assert ports(schedule, 1.0, 1) == [3]
    assert ports(schedule, 1.6) == [1, 4]


def test_a_capped_host_does_not_hold_up_another() -> None:
    book = HostBook(1, None)
    schedule = Schedule([wave(["10.0.0.1", "10.0.0.2"], [7, 8, 9])], book, Notebook())
    taken = [(host.text, begun.ports[place]) for begun, place, host in schedule.turns(0.0, 99)]
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
    for _ in range(ENOUGH):
        host.report(ABSENT)
    assert ports(schedule, 0.0) == []
    assert notebook.unasked == [(port, ABSENT) for port in range(5, 21)]


def test_a_host_that_has_answered_is_never_absent() -> None:
    book = HostBook(None, None)
    (host,) = book.of(wave(["10.0.0.1"], [1]))
    host.answered = True
    host.report(ABSENT, weight=ENOUGH)
    assert host.verdict is None


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
    for place in range(60_000):
        next(iter(schedule.active)).settle(place, RESET, 0.0)
    assert len(ports(schedule, 0.0)) == 60_000


def test_an_empty_wave_is_finished_at_once() -> None:
    notebook = Notebook()
    schedule = Schedule([wave(["10.0.0.1"], []), wave(["10.0.0.1"], [1])], HostBook(None, None), notebook)
    assert ports(schedule, 0.0) == [1]
    assert [len(each.wave) for each in notebook.finished] == [0]


def test_the_book_asks_once_for_each_address_and_knows_it_again() -> None:
    asked: list[str] = []
    book = HostBook(None, lambda address: not asked.append(str(address)))
    first = book.of(wave(["10.0.0.1", "fd00::1"], [1, 2]))
    again = book.of(wave(["10.0.0.1"], [3]))
    assert asked == ["10.0.0.1", "fd00::1"]
    assert first[0] is first[1] is again[0]
    assert [host.family for host in first] == [socket.AF_INET] * 2 + [socket.AF_INET6] * 2


def test_a_ledger_keeps_the_first_outcome() -> None:
    book = HostBook(None, None)
    asked = wave(["10.0.0.1"], [1, 2, 3])
    ledger = InFlightWave(asked, book.of(asked))
    assert not ledger.settle(0, RESET, 5.0, 0.25)
    assert not ledger.settle(0, ABSENT, 6.0)
    assert ledger.left == 2
    half = ledger.result(9.0)
    assert not half.complete
    assert half.reasons() == {"reset": 1, "interrupted": 2}
    assert half.at.tolist() == [5.0, 9.0, 9.0]
    assert half.rtt[0] == 0.25
    assert half.rtt[1] != half.rtt[1]


@pytest.mark.parametrize(
    ("error", "at_once", "weight", "reason"),
    [
        (0, False, Weight.FINAL, Reason.SYN_ACK),
        (errno.EISCONN, False, Weight.FINAL, Reason.SYN_ACK),
        (errno.ECONNRESET, False, Weight.FINAL, Reason.SYN_ACK),
        (errno.ECONNREFUSED, True, Weight.FINAL, Reason.RESET),
        (errno.ETIMEDOUT, False, Weight.SILENCE, Reason.NO_RESPONSE),
        (errno.EHOSTUNREACH, False, Weight.HOST, Reason.HOST_UNREACHABLE),
        (errno.EHOSTUNREACH, True, Weight.NO_WAY, Reason.NO_ROUTE),
        (errno.ENETUNREACH, True, Weight.NO_WAY, Reason.NO_ROUTE),
        (errno.ENETDOWN, True, Weight.LOCAL, Reason.LINK_DOWN),
    ],
)
def test_what_connect_says(error: int, at_once: bool, weight: Weight, reason: Reason) -> None:
    outcome = classify_errno(error, at_once=at_once)
    assert (outcome.weight, outcome.code) == (weight, reason_code(reason))


NETWORKS_WORDS = {
    0,
    errno.EISCONN,
    errno.ECONNRESET,
    errno.EPIPE,
    errno.ECONNREFUSED,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
}


@pytest.mark.parametrize("error", sorted(set(errno.errorcode) - NETWORKS_WORDS))
@pytest.mark.parametrize("at_once", [True, False])
def test_every_other_errno_is_unknown_and_never_a_state(error: int, at_once: bool) -> None:
    outcome = classify_errno(error, at_once=at_once)
    assert outcome.weight in (Weight.LOCAL, Weight.NO_WAY)
    assert reason_state(outcome.code) is State.UNKNOWN


def test_an_icmp_error_of_our_own_is_our_failure() -> None:
    here = ip_address("10.0.0.7")
    ours = judge_icmp(IcmpError(Reason.ICMP_ADMIN_PROHIBITED, here, errno.EHOSTUNREACH), sent_by_us=True)
    assert (ours.weight, ours.code) == (Weight.LOCAL, local_error_code(errno.EHOSTUNREACH))
    arp = judge_icmp(IcmpError(Reason.ICMP_HOST_UNREACHABLE, here, errno.EHOSTUNREACH), sent_by_us=True)
    assert (arp.weight, arp.code) == (Weight.HOST, ABSENT)
    theirs = judge_icmp(IcmpError(Reason.ICMP_HOST_UNREACHABLE, here, errno.EHOSTUNREACH), sent_by_us=False)
    assert (theirs.weight, theirs.evidence) == (Weight.FINAL, "icmp-host-unreachable from 10.0.0.7")


class Queue:
    """A socket with nothing but an error queue."""

    def __init__(self, *entries: tuple[tuple[str, int], bytes]) -> None:
        self._entries = list(entries)

    def getsockopt(self, *_: int) -> bytes:
        return (832 * len(self._entries)).to_bytes(4, "little")

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, tuple[str, int]]:
        if not self._entries:
            raise BlockingIOError
        target, data = self._entries.pop(0)
        return b"", [(socket.SOL_IP, 11, data)], 0, target


def entry(icmp_type: int, icmp_code: int, sender: str, origin: int = 2) -> bytes:
    head = struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, icmp_type, icmp_code, 0, 0, 0)
    return head + struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(sender))


def test_an_old_entry_is_not_the_answer_to_a_later_probe() -> None:
    queue = Queue((("10.0.0.1", 80), entry(3, 13, "10.0.0.9")), (("10.0.0.1", 81), entry(3, 1, "10.0.0.8")))
    assert icmp_errors.read_icmp_error(queue, ("10.0.0.1", 81)) == IcmpError(
        Reason.ICMP_HOST_UNREACHABLE, ip_address("10.0.0.8"), errno.EHOSTUNREACH
    )
    queue = Queue((("10.0.0.1", 80), entry(3, 13, "10.0.0.9")))
    assert icmp_errors.read_icmp_error(queue, ("10.0.0.1", 81)) is None
    assert icmp_errors.read_icmp_error(queue, ("10.0.0.1", 80)) is None  # and it is gone


def test_an_entry_of_local_origin_is_no_icmp_error() -> None:
    queue = Queue((("10.0.0.1", 80), entry(0, 0, "0.0.0.0", origin=1)))
    assert icmp_errors.read_icmp_error(queue, ("10.0.0.1", 80)) is None


def neighbour(address: str, state: int, kind: int = 28) -> bytes:
    packed = ip_address(address).packed
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    body = struct.pack("=BxxxiHBB", family, 2, state, 0, 1) + struct.pack("=HH", 4 + len(packed), 1) + packed
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_only_failed_neighbours_are_absent() -> None:
    data = neighbour("10.0.0.1", 0x02) + neighbour("10.0.0.2", 0x20) + neighbour("fd00::3", 0x20)
    assert [*map(str, failed_neighbours(data))] == ["10.0.0.2", "fd00::3"]
    assert not [*failed_neighbours(neighbour("10.0.0.2", 0x20, kind=29))]


def test_truncated_news_is_no_news() -> None:
    whole = neighbour("10.0.0.2", 0x20)
    for size in range(len(whole)):
        assert [*failed_neighbours(whole[:size])] == []


def test_the_budget_leaves_room_for_everything_else() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert socket_budget(400) == 400
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 400 + 32
        assert 1 <= socket_budget(1 << 30) < hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
