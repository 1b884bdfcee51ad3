"""What is remembered of each address."""

import socket

from scanner.core.plan.reasons import Reason, reason_code
from scanner.engines.connect.hosts import HOST_REPORTS, HostBook
from tests.engines.waves import wave

ABSENT = reason_code(Reason.HOST_UNREACHABLE)


def test_a_host_that_has_answered_is_never_absent() -> None:
    book = HostBook(None, None)
    (host,) = book.of(wave(["10.0.0.1"], [1]))
    host.answered = True
    host.report(ABSENT, weight=HOST_REPORTS)
    assert host.verdict is None


def test_the_book_asks_once_for_each_address_and_knows_it_again() -> None:
    asked: list[str] = []

    def permits(address: object) -> bool:
        asked.append(str(address))
        return True

    book = HostBook(None, permits)
    first = book.of(wave(["10.0.0.1", "fd00::1"], [1, 2]))
    again = book.of(wave(["10.0.0.1"], [3]))
    assert asked == ["10.0.0.1", "fd00::1"]
    assert first[0] is first[1] is again[0]
    assert [host.family for host in first] == [socket.AF_INET] * 2 + [socket.AF_INET6] * 2
