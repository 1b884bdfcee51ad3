"""A wave under way: what is known of each of its places so far."""

from math import nan

import numpy as np

from scanner.core.columns import F64
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.hosts import Host

_NOT_PROBED = reason_code(Reason.NOT_PROBED)
_INTERRUPTED = reason_code(Reason.INTERRUPTED)


class InFlightWave:
    """The places of one wave."""

    __slots__ = (
        "absent",
        "at",
        "evidence",
        "finished",
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
        self.reason = np.full(size, _NOT_PROBED, np.uint16)
        self.at = np.zeros(size)
        self.rtt = np.full(size, np.nan, np.float32)
        self.tries = bytearray(size)
        """Probes of each place that went unanswered."""
        self.strikes = bytearray(size)
        """Local failures of each place."""
        self.evidence: dict[int, str] = {}
        self.left = size
        """Places that are not settled yet."""
        self.finished = False
        """Whether it was handed out; what comes in later is lost."""
        self.sent = 0
        self.absent: list[int] = []
        """Hosts found absent while this wave was under way, by their index in the target set."""

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

    def settle_all(self, places: list[int], code: int, at: float, rtt: F64) -> bool:
        """The same for several places that are not settled yet; `rtt` float64[n], seconds."""
        self.reason[places] = code
        self.at[places] = at
        self.rtt[places] = rtt
        self.left -= len(places)
        return not self.left

    def result(self, now: float) -> SettledWave:
        """The wave as far as it came by `now`, seconds since the epoch; places without an outcome were interrupted."""
        untold = self.reason == _NOT_PROBED
        self.reason[untold] = _INTERRUPTED
        self.at[untold] = now
        self.finished = True
        return SettledWave(
            wave=self.wave,
            reason=self.reason,
            at=self.at,
            rtt=self.rtt,
            sent=self.sent,
            complete=not untold.any(),
            evidence=self.evidence,
            unreachable_hosts=len(self.absent),
            absent=tuple(self.absent),
        )
