"""A wave dealt to several workers, and put together again.

Place p of a wave goes to worker p % n. A wave's places are in random order already (the plan's permutation), so
every share has every host and the same load, and a share is an ordinary wave whose columns are strided slices.
What comes back is written into the whole wave's columns at the same stride. A share that never comes back leaves its
places as they were from the start: unknown, because interrupted.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from scanner.core.reasons import Reason, reason_code
from scanner.core.wave import F32, F64, U16, SettledWave, Wave

_INTERRUPTED = reason_code(Reason.INTERRUPTED)


def share(wave: Wave, number: int, *, worker: int, of: int) -> Wave:
    """The places of a wave that worker `worker` (from 0) of so many probes, as a wave of that number."""
    part = slice(worker, None, of)
    return Wave(number, wave.host[part], wave.port[part], wave.version[part], wave.high[part], wave.low[part])


@dataclass(frozen=True, slots=True)
class SettledShare:
    """What a worker sends back: a settled wave without the columns that its reader has already."""

    number: int
    """Number of the share."""
    reason: U16
    """Reason code of each of its places."""
    at: F64
    """When each was settled, seconds since the epoch."""
    rtt: F32
    """Seconds from probe to answer; NaN where nothing answered."""
    sent: int
    """Probes sent."""
    complete: bool
    """False where the share was interrupted."""
    evidence: dict[int, str]
    """Words that back the reason of some places."""
    absent: tuple[int, ...]
    """The hosts found absent, by their indices in the target set."""

    @classmethod
    def of(cls, settled: SettledWave) -> "SettledShare":
        """The share that was probed as this wave."""
        return cls(
            number=settled.wave.number,
            reason=settled.reason,
            at=settled.at,
            rtt=settled.rtt,
            sent=settled.sent,
            complete=settled.complete,
            evidence=dict(settled.evidence),
            absent=settled.absent,
        )


class DealtWave:
    """A wave that workers have, and what came back so far."""

    def __init__(self, wave: Wave, shares: int) -> None:
        size = len(wave)
        self.wave, self._shares = wave, shares
        self.weight = max(1, size)
        """What it counts for while it is under way, so that an empty one counts too."""
        self.left = shares
        """Shares that are not back yet."""
        self._reason = np.full(size, _INTERRUPTED, np.uint16)
        self._at = np.zeros(size)
        self._rtt = np.full(size, np.nan, np.float32)
        self._evidence: dict[int, str] = {}
        self._degraded: dict[str, None] = {}
        self._absent: set[int] = set()
        self._sent, self._complete = 0, True

    def settle(self, worker: int, came: SettledShare) -> None:
        """Worker `worker` is done with its share."""
        part = slice(worker, None, self._shares)
        self._reason[part], self._at[part], self._rtt[part] = came.reason, came.at, came.rtt
        self._evidence |= {worker + self._shares * place: words for place, words in came.evidence.items()}
        self._absent.update(came.absent)
        self._sent += came.sent
        self._complete &= came.complete
        self.left -= 1

    def lose(self, worker: int, now: float, *, sent: int, why: str) -> None:
        """Nothing more will come from a worker; `sent` what it is known to have sent, `why` empty if nobody failed."""
        part = slice(worker, None, self._shares)
        self._at[part] = now
        self._sent += sent
        self._complete = False
        if why:
            self._degraded[why] = None
        self.left -= 1

    def result(self, absent_before: AbstractSet[int]) -> SettledWave:
        """The whole wave; hosts that were counted as absent before are not counted again."""
        absent = tuple(sorted(self._absent - absent_before))
        return SettledWave(
            wave=self.wave,
            reason=self._reason,
            at=self._at,
            rtt=self._rtt,
            sent=self._sent,
            complete=self._complete,
            evidence=self._evidence,
            unreachable_hosts=len(absent),
            degraded=tuple(self._degraded),
            absent=absent,
        )
