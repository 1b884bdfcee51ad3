"""A wave dealt in shares, and put together again.

Of n chunks, chunk t has the places t, t + n, t + 2n, ... A wave's places are in random order already (the plan's
permutation), so every chunk has every host and the same load, and a chunk is an ordinary wave whose columns are
strided slices. What comes back is written into the whole wave's columns at the same stride. A chunk that never comes
back leaves its places as they were from the start: unknown, because interrupted.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F32, F64, U16
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave

SHARE = 4096
"""Endpoints in a chunk of a large wave, at least."""
_INTERRUPTED = reason_code(Reason.INTERRUPTED)


def chunks_for(endpoints: int, workers: int) -> int:
    """How many shares to make of a wave: one a worker at least, and enough that nobody ends long after the rest."""
    return max(workers, endpoints // SHARE)


def chunk(wave: Wave, number: int, turn: int, of: int) -> Wave:
    """Share `turn` (from 0) of so many of a wave, as a wave of that number."""
    return wave.part(slice(turn, None, of), number)


@dataclass(frozen=True, slots=True)
class SettledChunk:
    """What a worker sends back: a settled wave without the columns that its reader has already."""

    number: int
    """Number of the chunk."""
    reason: U16
    """Reason code of each of its places."""
    at: F64
    """When each was settled, seconds since the epoch."""
    rtt: F32
    """Seconds from probe to answer; NaN where nothing answered."""
    sent: int
    """Probes sent."""
    complete: bool
    """False where the chunk was interrupted."""
    evidence: dict[int, str]
    """Words that back the reason of some places."""
    absent: tuple[int, ...]
    """The hosts found absent, by their indices in the target set."""

    @classmethod
    def of(cls, settled: SettledWave) -> "SettledChunk":
        """The chunk that was probed as this wave."""
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


class DispatchedWave:
    """A wave that workers have, and what came back so far."""

    def __init__(self, wave: Wave, shares: int) -> None:
        """`shares` how many are made of it."""
        size = len(wave)
        self.wave, self.shares = wave, shares
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

    def settle(self, turn: int, came: SettledChunk) -> None:
        """A chunk came back."""
        part = slice(turn, None, self.shares)
        self._reason[part], self._at[part], self._rtt[part] = came.reason, came.at, came.rtt
        self._evidence |= {turn + self.shares * place: words for place, words in came.evidence.items()}
        self._absent.update(came.absent)
        self._sent += came.sent
        self._complete &= came.complete
        self.left -= 1

    def lose(self, turn: int, now: float, *, sent: int, why: str) -> None:
        """A chunk will not come back; `sent` what is known to have been sent for it, `why` empty if nobody failed."""
        part = slice(turn, None, self.shares)
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
