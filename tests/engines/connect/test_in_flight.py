"""A wave in flight keeps the first outcome of each endpoint."""

from scanner.core.plan.reasons import Reason, reason_code
from scanner.engines.connect.hosts import HostBook
from scanner.engines.connect.in_flight import InFlightWave
from tests.engines.waves import wave

ABSENT = reason_code(Reason.HOST_UNREACHABLE)
RESET = reason_code(Reason.RESET)


def test_a_wave_keeps_the_first_outcome() -> None:
    book = HostBook(None, None)
    asked = wave(["10.0.0.1"], [1, 2, 3])
    flight = InFlightWave(asked, *book.distinct(asked))
    assert not flight.settle(0, RESET, 5.0, 0.25)
    assert not flight.settle(0, ABSENT, 6.0)
    assert flight.left == 2
    half = flight.result(9.0)
    assert not half.complete
    assert half.reasons() == {"reset": 1, "interrupted": 2}
    assert half.at.tolist() == [5.0, 9.0, 9.0]
    assert half.rtt[0] == 0.25
    assert half.rtt[1] != half.rtt[1]
