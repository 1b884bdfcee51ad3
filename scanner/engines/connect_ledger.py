"""A wave under way: what is known of each of its places so far.

Plain arrays of machine numbers, because the engine writes one place at a time, which `array` does several times
faster than numpy; numpy looks at the same memory when the wave is settled.
"""

from array import array
from math import nan

import numpy as np

from scanner.core.reasons import Reason, reason_code
from scanner.core.wave import SettledWave, Wave
from scanner.engines.connect_hosts import Host

_NOT_PROBED = reason_code(Reason.NOT_PROBED)
_INTERRUPTED = reason_code(Reason.INTERRUPTED)


class OpenWave:
    """The places of one wave."""

    __slots__ = (
        "absent",
        "at",
        "evidence",
        "host_of",
        "left",
        "ports",
        "reason",
        "rtt",
        "sent",
        "strikes",
        "tries",
        "wave",
    )

    def __init__(self, wave: Wave, host_of: list[Host]) -> None:
        """`host_of` the host of each place."""
        size = len(wave)
        self.wave = wave
        self.host_of = host_of
        self.ports: list[int] = wave.port.tolist()
        self.reason = array("H", bytes(2 * size))
        self.at = array("d", bytes(8 * size))
        self.rtt = array("f", bytes(4 * size))
        self.tries = bytearray(size)
        """Probes of each place that went unanswered."""
        self.strikes = bytearray(size)
        """Local failures of each place."""
        self.evidence: dict[int, str] = {}
        self.left = size
        """Places that are not settled yet."""
        self.sent = 0
        self.absent = 0
        """Hosts found absent while this wave was under way."""

    def settle(self, place: int, code: int, at: float, rtt: float = nan) -> bool:
        """Write down the outcome of a place, the first one stands; whether it was the last place of the wave.

        `at` in seconds since the epoch, `rtt` in seconds.
        """
        if self.reason[place] != _NOT_PROBED:
            return False
        self.reason[place] = code
        self.at[place] = at
        self.rtt[place] = rtt
        self.left -= 1
        return not self.left

    def result(self, now: float) -> SettledWave:
        """The wave as far as it came by `now`, seconds since the epoch; places without an outcome were interrupted."""
        reason = np.frombuffer(self.reason, np.uint16)
        at = np.frombuffer(self.at, np.float64)
        rtt = np.frombuffer(self.rtt, np.float32)
        untold = reason == _NOT_PROBED
        complete = not untold.any()
        reason[untold] = _INTERRUPTED
        at[untold] = now
        rtt[untold] = np.nan
        return SettledWave(
            wave=self.wave,
            reason=reason,
            at=at,
            rtt=rtt,
            sent=self.sent,
            complete=complete,
            evidence=self.evidence,
            unreachable_hosts=self.absent,
        )
