"""Who of a wave is asked next: passes over its endpoints.

A pass goes over the wave's indices once, in plan order, and takes those of which nothing is known. Indices that may not
go yet (their host had its share of the rate, their next hop is being looked up, their way is silent) wait in front and
are looked at again. A pass may be for some of the indices only: those that were asked enough are left out from then on.
"""

import numpy as np

from scanner.core.columns import F32, F64, U16, Mask, WaveIndices
from scanner.core.plan.reasons import Reason, reason_code
from scanner.engines.syn.index_columns import SendLog

PENDING_CODE = np.uint16(reason_code(Reason.NOT_PROBED))
_SCAN = 4096
"""Number of indices that are looked over at once."""


class Passes:
    """The passes over one wave. Moments in seconds since the wave was born."""

    def __init__(self, reason: U16) -> None:
        """`reason`: reason code of each index, not a copy."""
        self.number = 0
        """The pass under way, from 0."""
        self.sent = 0
        """Probes sent so far."""
        self._reason = reason
        self._enough: Mask | None = None  # of each index, whether it was asked enough
        self._waiting: WaveIndices = _none()
        self._next = self._reached = 0  # the first index not yet taken in this pass, and the one after all looked at
        self._log = SendLog(len(reason))

    @property
    def sending(self) -> bool:
        """Whether the pass may have probes left to send."""
        return self._next < len(self._reason) or len(self._waiting) > 0

    def look(self, most: int) -> WaveIndices:
        """The next `most` indices of which nothing is known; before them all those that waited."""
        waiting = self._waiting
        if len(waiting):
            waiting = waiting[self._reason[waiting] == PENDING_CODE]
        fresh, self._reached = self._scan(most - len(waiting))
        return np.concatenate([waiting, fresh]) if len(waiting) else fresh

    def take(self, later: WaveIndices) -> None:
        """What `look` gave is dealt with, except for the indices `later`, which must wait."""
        self._next = self._reached
        self._waiting = later

    def mark_sent(self, indices: WaveIndices, moment: float) -> None:
        """These indices were probed at `moment`."""
        self._log.note(self.number, indices, moment)
        self.sent += len(indices)

    def begin(self, chosen: WaveIndices | None = None) -> None:
        """Begin the next pass, over all of which nothing is known, or over some of them."""
        self.number += 1
        self._next, self._waiting = 0, _none()
        if chosen is None:
            self._enough = None
        else:
            self._enough = np.ones(len(self._reason), np.bool_)
            self._enough[chosen] = False

    def moments(self, number: int) -> F32:
        """When each endpoint was probed in a pass, NaN where it was not."""
        return self._log.moments(number)

    def tries_before(self, number: int, indices: WaveIndices) -> F64:
        """The moments of all tries at these indices in earlier passes than that one."""
        found = [self.moments(each)[indices] for each in range(number)]
        moments = np.concatenate(found).astype(np.float64) if found else np.zeros(0)
        return moments[~np.isnan(moments)]

    def last(self, indices: WaveIndices) -> F64:
        """When these indices were probed last; -inf where they never were."""
        found = np.full(len(indices), -np.inf)
        for each in range(self.number + 1):
            found = np.fmax(found, self.moments(each)[indices])
        return found

    def _scan(self, wanted: int) -> tuple[WaveIndices, int]:
        """`wanted` indices of which nothing is known, from `_next` on, and where they end."""
        found, at, size = np.zeros(0, np.intp), self._next, len(self._reason)
        while len(found) < wanted and at < size:
            wants = self._reason[at : at + _SCAN] == PENDING_CODE
            if self._enough is not None:
                wants &= ~self._enough[at : at + _SCAN]
            found, at = np.concatenate([found, np.flatnonzero(wants) + at]), at + _SCAN
        if len(found) > wanted > 0:
            found, at = found[:wanted], int(found[wanted - 1]) + 1
        return found.astype(np.int32), min(at, size)


def _none() -> WaveIndices:
    return np.zeros(0, np.int32)
