"""A wave in flight: what is known of each of its endpoints so far."""

from math import nan

import numpy as np

from scanner.core.columns import F64
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.hosts import Host

_NOT_PROBED = reason_code(Reason.NOT_PROBED)
_INTERRUPTED = reason_code(Reason.INTERRUPTED)


class InFlightWave:
    """The state of one wave between its first probe and its result, by index."""

    __slots__ = (
        "absent",
        "at",
        "evidence",
        "finished",
        "host_of",
        "left",
        "local_failures",
        "ports",
        "reason",
        "rtt",
        "sent",
        "unanswered",
        "wave",
    )

    def __init__(self, wave: Wave, host_of: list[Host]) -> None:
        """`host_of`: the host of each endpoint."""
        size = len(wave)
        self.wave = wave
        self.host_of = host_of
        self.ports: list[int] = wave.port.tolist()
        self.reason = np.full(size, _NOT_PROBED, np.uint16)
        self.at = np.zeros(size)
        self.rtt = np.full(size, np.nan, np.float32)
        self.unanswered = bytearray(size)
        """Probes of each index that went unanswered."""
        self.local_failures = bytearray(size)
        """Local failures of each index."""
        self.evidence: dict[int, str] = {}
        self.left = size
        """Places that are not settled yet."""
        self.finished = False
        """Whether it was handed out; what comes in later is lost."""
        self.sent = 0
        self.absent: list[int] = []
        """Hosts found absent while this wave was under way, by their index in the target set."""

    def settle(self, index: int, code: int, at: float, rtt: float = nan) -> bool:
        """Write down the outcome of an endpoint; the first one stands. Returns whether it was the last one of the wave.

        `at` in seconds since the epoch, `rtt` in seconds.
        """
        if self.reason[index] != _NOT_PROBED:
            return False
        self.reason[index] = code
        self.at[index] = at
        self.rtt[index] = rtt
        self.left -= 1
        return not self.left

    def settle_all(self, indices: list[int], code: int, at: float, rtt: F64) -> bool:
        """Settle several endpoints that are not settled yet; `rtt` float64[n], seconds."""
        self.reason[indices] = code
        self.at[indices] = at
        self.rtt[indices] = rtt
        self.left -= len(indices)
        return not self.left

    def result(self, now: float) -> SettledWave:
        """Return the wave as it stands at `now`, seconds since the epoch; endpoints without an outcome were
        interrupted."""
        unsettled = self.reason == _NOT_PROBED
        self.reason[unsettled] = _INTERRUPTED
        self.at[unsettled] = now
        self.finished = True
        return SettledWave(
            wave=self.wave,
            reason=self.reason,
            at=self.at,
            rtt=self.rtt,
            sent=self.sent,
            complete=not unsettled.any(),
            evidence=self.evidence,
            unreachable_hosts=len(self.absent),
            absent=tuple(self.absent),
        )
