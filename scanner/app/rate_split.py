"""Who may use how much of the limits: the engine, and whoever asks open ports beside it.

Both send at the same time, in other threads and processes, so the limits are divided between them once
(`core/rate/limits.py` says why that keeps the promise). Where nobody asks, the engine keeps everything.

How much the questions get. The test of a suspect costs `CANARIES` connections at most and its plan has P probes of
each host, so one in P / `CANARIES` would do if every host were a suspect: but not less than a hundredth, to have an
answer soon, nor more than a tenth, because suspects are rare. `--identify` gets a tenth: an open port takes one to
three connections, so that is enough where up to one port in thirty is open.
"""

from dataclasses import dataclass

from scanner.core.errors import InvalidInput
from scanner.core.rate.limits import Limits
from scanner.core.whole_host import CANARIES, suspected

_LEAST, _MOST = 100, 10


@dataclass(frozen=True, slots=True)
class RateSplit:
    """The limits of a sweep, divided."""

    probes: Limits
    """For the engine."""
    questions: Limits | None = None
    """For all who ask open ports together; None where nobody may."""
    untested: bool = False
    """Whether hosts that answer on every port cannot be told, because the limits leave no room for the test."""


def split_rate(limits: Limits, ports: int, *, identify: bool) -> RateSplit:
    """The parts for a plan of so many ports of each address.

    Raises:
        InvalidInput: `--identify`, and a limit that cannot be divided.
    """
    testable = suspected(ports, ports)
    if not (identify or testable):
        return RateSplit(limits)
    try:
        return RateSplit(*limits.divided(_MOST if identify else max(_MOST, min(_LEAST, ports // CANARIES))))
    except ValueError as error:
        if identify:
            cure = "allow more than 1, or leave out --identify"
            raise InvalidInput(f"{error} among probes and questions", where="--rate/--host-rate", cure=cure) from error
        return RateSplit(limits, untested=True)


UNTESTED = "hosts that answer on every port were not looked for: at 1 probe a second or less there is no room for it"
"""What is said where `RateSplit.untested` holds."""
