"""A wave split into chunks for worker processes, and put together again.

Of n chunks, chunk c has the indices c, c + n, c + 2n, ... A wave's endpoints are in random order already (the plan's
permutation), so every chunk has every host and the same load, and a chunk is an ordinary wave whose columns are strided
slices. What comes back is written into the whole wave's columns at the same stride. A chunk that never comes back
leaves its endpoints as they were from the start: unknown, because interrupted.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F32, F64, U16
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave

CHUNK_ENDPOINTS = 4096
"""Minimum number of endpoints in a chunk of a large wave."""
_INTERRUPTED = reason_code(Reason.INTERRUPTED)


def chunks_for(endpoints: int, workers: int) -> int:
    """Return how many chunks to make of a wave: one per worker at least, and enough that all end at about the same
    time."""
    return max(workers, endpoints // CHUNK_ENDPOINTS)


def chunk(wave: Wave, number: int, position: int, of: int) -> Wave:
    """Return chunk `position` (from 0) of `of` chunks of a wave, as a wave with that number."""
    return wave.part(slice(position, None, of), number)


@dataclass(frozen=True, slots=True)
class SettledChunk:
    """What a worker sends back: a settled wave without the columns that the parent has already."""

    number: int
    """Number of the chunk."""
    reason: U16
    """Reason code of each of its endpoints."""
    at: F64
    """When each was settled, seconds since the epoch."""
    rtt: F32
    """Seconds from probe to answer; NaN where nothing answered."""
    sent: int
    """Probes sent."""
    complete: bool
    """False where the chunk was interrupted."""
    evidence: dict[int, str]
    """Evidence for the reason of some endpoints, by index."""
    absent: tuple[int, ...]
    """The hosts found absent, by their indices in the target set."""

    @classmethod
    def of(cls, settled: SettledWave) -> "SettledChunk":
        """Return the chunk that was probed as this wave."""
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
    """A wave that workers probe, and what came back so far."""

    def __init__(self, wave: Wave, chunks: int) -> None:
        """`chunks`: how many it is split into."""
        size = len(wave)
        self.wave, self.chunks = wave, chunks
        self.weight = max(1, size)
        """What it counts for while it is under way, so that an empty one counts too."""
        self.left = chunks
        """Chunks that are not back yet."""
        self._reason = np.full(size, _INTERRUPTED, np.uint16)
        self._at = np.zeros(size)
        self._rtt = np.full(size, np.nan, np.float32)
        self._evidence: dict[int, str] = {}
        self._degraded: dict[str, None] = {}
        self._absent: set[int] = set()
        self._sent, self._complete = 0, True

    def settle(self, position: int, came: SettledChunk) -> None:
        """Take a chunk that came back."""
        part = slice(position, None, self.chunks)
        self._reason[part], self._at[part], self._rtt[part] = came.reason, came.at, came.rtt
        self._evidence |= {position + self.chunks * index: words for index, words in came.evidence.items()}
        self._absent.update(came.absent)
        self._sent += came.sent
        self._complete &= came.complete
        self.left -= 1

    def lose(self, position: int, now: float, *, sent: int, why: str) -> None:
        """Give up a chunk; `sent`: probes known to have been sent for it; `why`: empty where no worker failed."""
        part = slice(position, None, self.chunks)
        self._at[part] = now
        self._sent += sent
        self._complete = False
        if why:
            self._degraded[why] = None
        self.left -= 1

    def result(self, absent_before: AbstractSet[int]) -> SettledWave:
        """Return the whole wave; hosts that were counted as absent before are not counted again."""
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
