"""A wave in flight: which of its endpoints are still to be probed, and what is known of the others.

All bookkeeping is in columns over the wave's indices. An attempt goes over the indices once, in plan order, and takes
those of which nothing is known; indices that may not go yet (their host had its share of the rate, their next hop is
being looked up) wait in front and are looked at again. Until something answers, two bytes per index are all that is
kept: when probes left (`index_columns.py`), at which index an endpoint is (`wave_lookups.py`) and when something became
known are columns that the first answer brings about. Silent networks, where waves are in flight for longest, never pay
for them.

Several answers for one endpoint count once. Where they differ, SYN-ACK beats RST beats ICMP: an auditor must learn of
an open port, and a router's report is weaker than the host's own.
"""

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F32, F64, I32, U8, U16, U64, Indices, WaveIndices
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.targets.address_columns import ranges_held
from scanner.engines.syn.index_columns import SendLog
from scanner.engines.syn.validate import AcceptedAnswers
from scanner.engines.syn.wave_lookups import EndpointIndex, Evidence

REPEATED = 0.5
"""Seconds after which another SYN-ACK is a retransmission by its sender and not a duplicate of the first."""

_PENDING = np.uint16(reason_code(Reason.NOT_PROBED))
_OPEN = np.uint16(reason_code(Reason.SYN_ACK))
_CLOSED = np.uint16(reason_code(Reason.RESET))
_RANKS = np.array([-1, 2, 1, 0], np.int8)
"""By reason code: `not-probed`, `syn-ack`, `reset`, and everything above."""
_SHORTEST = np.float32(1e-6)
"""Minimum round-trip time reported, in seconds: two clocks are compared, and on loopback one may overtake the other."""
_SCAN = 4096
"""Number of indices that are looked over at once."""
_ANSWERED_BYTES = 20
"""What an index costs once something of its wave was answered (look-up, moment and round-trip time); four more per
attempt."""


class InFlightWave:
    """One wave between its first probe and its settling."""

    def __init__(self, wave: Wave, hop: I32, *, attempts: int, born: float) -> None:
        """`hop`: next-hop number of each index, negative where there is no route; `born` on the monotonic clock."""
        self.wave = wave
        self.hop = hop
        self.born = born
        self.attempt = 0
        """The attempt under way, from 0."""
        self.sent = 0
        """Probes sent so far."""
        self.last_sent = born
        """When the latest probe left."""
        self.left = len(wave)
        """Number of endpoints of which nothing is known yet."""
        self.open = 0
        """Number of endpoints found open."""
        self.reason: U16 = np.full(len(wave), _PENDING, np.uint16)
        self._waiting: WaveIndices = _no_indices()
        self._next = self._reached = 0  # the first index not yet taken in this attempt, and the one after all looked at
        self._log = SendLog(len(wave))
        self._answers = [0] * attempts
        self._evidence = Evidence(len(wave))
        self._index: EndpointIndex | None = None
        self._at: F32 | None = None
        self._rtt: F32 | None = None
        self._bytes = ranges_held(wave.host, wave.port, wave.version, wave.high, wave.low, hop, self.reason)

    def __len__(self) -> int:
        return len(self.wave)

    @property
    def memory(self) -> int:
        """Bytes that it holds, about."""
        answered = 0 if self._index is None else _ANSWERED_BYTES + 4 * len(self._answers)
        return self._bytes + answered * len(self)

    @property
    def last_attempt(self) -> bool:
        """Whether there is no attempt after the one under way."""
        return self.attempt + 1 == len(self._answers)

    @property
    def sending(self) -> bool:
        """Whether the attempt under way may have probes left to send."""
        return self._next < len(self.reason) or len(self._waiting) > 0

    @property
    def unanswered(self) -> WaveIndices:
        """The indices of which nothing is known yet, in plan order."""
        return np.flatnonzero(self.reason == _PENDING).astype(np.int32)

    def look(self, most: int) -> WaveIndices:
        """Return the next `most` indices of the attempt under way of which nothing is known; before them all those that
        waited."""
        waiting = self._waiting
        if len(waiting):
            waiting = waiting[self.reason[waiting] == _PENDING]
        fresh, self._reached = self._scan(most - len(waiting))
        return np.concatenate([waiting, fresh]) if len(waiting) else fresh

    def _scan(self, wanted: int) -> tuple[WaveIndices, int]:
        """Return `wanted` indices of which nothing is known, from `_next` on, and where they end."""
        found, at = np.zeros(0, np.intp), self._next
        while len(found) < wanted and at < len(self):
            pending = np.flatnonzero(self.reason[at : at + _SCAN] == _PENDING)
            found, at = np.concatenate([found, pending + at]), at + _SCAN
        if len(found) > wanted > 0:
            found, at = found[:wanted], int(found[wanted - 1]) + 1
        return found.astype(np.int32), min(at, len(self))

    def take(self, later: WaveIndices) -> None:
        """Take what `look` gave as dealt with, except for the indices `later`, which must wait."""
        self._next = self._reached
        self._waiting = later

    def mark_sent(self, indices: WaveIndices, now: float) -> None:
        """Note that these indices were probed just now."""
        self._log.note(self.attempt, indices, now - self.born)
        self.sent += len(indices)
        self.last_sent = now

    def settle(self, indices: WaveIndices, code: int, now: float) -> None:
        """Give indices a reason that no answer gave: no route, an absent neighbour, a failed send."""
        pending = indices[self.reason[indices] == _PENDING]
        if not len(pending):
            return
        self.reason[pending] = code
        self.left -= len(pending)
        self._times()[pending] = now - self.born

    def next_attempt(self) -> bool:
        """Begin the next attempt with what has not answered; return False where there is none."""
        if self.last_attempt or not self.left:
            return False
        self.attempt += 1
        self._next, self._waiting = 0, _no_indices()
        return True

    def find(self, version: U8, high: U64, low: U64, port: U16) -> WaveIndices:
        """Return the index of each endpoint, -1 where this wave does not hold it."""
        if self._index is None:
            self._index = EndpointIndex(self.wave)
        return self._index.find(version, high, low, port)

    def add_answers(self, answers: AcceptedAnswers, indices: WaveIndices, attempt: Indices) -> Indices:
        """Take in answers for indices (`find`) to given attempts; return the rows with a retransmitted SYN-ACK."""
        late = answers.at - self.born - self._times()[indices] > REPEATED
        again = np.flatnonzero((answers.reason == _OPEN) & (self.reason[indices] == _OPEN) & late)
        rank = _rank(answers.reason)
        for each in np.unique(rank)[::-1].tolist():
            rows = np.flatnonzero((rank == each) & (_rank(self.reason[indices]) < each))
            self._accept(answers, indices, attempt, rows[self._one_each(indices[rows])])
        return again

    def finish(
        self, now: float, wall: float, *, reason: Reason, degraded: tuple[str, ...] = (), absent: int = 0
    ) -> SettledWave:
        """Return the settled wave; endpoints without an answer get `reason`. `wall` is the epoch time of `now`.

        `absent`: addresses found to be absent meanwhile.
        """
        pending = self.reason == _PENDING
        left = int(np.count_nonzero(pending))
        np.putmask(self.reason, pending, reason_code(reason))
        self.left = 0
        nothing = np.broadcast_to(np.float32(np.nan), len(self))
        return SettledWave(
            wave=self.wave,
            reason=self.reason,
            at=self._settled_at(pending, wall, wall - now + self.born),
            rtt=nothing if self._rtt is None else np.where(self._rtt > 0, self._rtt, np.float32(np.nan)),
            sent=self.sent,
            complete=reason is not Reason.INTERRUPTED or not left,
            evidence=self._evidence,
            unreachable_hosts=absent,
            degraded=degraded if left else (),
            answers_by_try=tuple(self._answers),
        )

    def _settled_at(self, pending: npt.NDArray[np.bool_], wall: float, born: float) -> F64:
        """Return when each endpoint was settled, seconds since the epoch; `pending` are those settled just now."""
        if self._at is None:
            return np.broadcast_to(np.float64(wall), len(self))
        return np.where(pending, wall, self._at.astype(np.float64) + born)

    def _times(self) -> F32:
        """Return when something became known of each endpoint, in seconds since the wave was born."""
        if self._at is None:
            self._at = np.zeros(len(self), np.float32)
        return self._at

    def _one_each(self, indices: WaveIndices) -> Indices:
        """Return one row for each index that occurs: the last to write its number there. No sorting."""
        rows = np.arange(len(indices), dtype=np.int32)
        writer = np.empty(len(self.wave), np.int32)
        writer[indices] = rows
        return np.flatnonzero(writer[indices] == rows)

    def _accept(self, answers: AcceptedAnswers, indices: WaveIndices, attempt: Indices, rows: Indices) -> None:
        """Write some answers to their indices."""
        where, attempts = indices[rows], attempt[rows]
        tcp_before = (self.reason[where] == _OPEN) | (self.reason[where] == _CLOSED)
        tcp_now = _rank(answers.reason[rows]) > 0
        counts = np.bincount(attempts[tcp_now & ~tcp_before], minlength=len(self._answers))
        self._answers = [old + new for old, new in zip(self._answers, counts.tolist(), strict=True)]
        self.left -= int(np.count_nonzero(self.reason[where] == _PENDING))
        self.open += int(np.count_nonzero(answers.reason[rows] == _OPEN))
        self.reason[where] = answers.reason[rows]
        times = self._times()
        times[where] = answers.at[rows] - self.born
        if self._rtt is None:
            self._rtt = np.zeros(len(self), np.float32)
        for each in np.unique(attempts).tolist():
            chosen = where[attempts == each]
            self._rtt[chosen] = np.maximum(times[chosen] - self._log.moments(each)[chosen], _SHORTEST)
        icmp = ~tcp_now
        if icmp.any():
            errors = answers.rows(rows[icmp])
            self._evidence.add(where[icmp], errors.version, errors.router_high, errors.router_low)


def _rank(reasons: U16) -> npt.NDArray[np.int8]:
    """Return how much a reason weighs: nothing yet -1, anything but TCP 0, closed 1, open 2."""
    return _RANKS[np.minimum(reasons, _CLOSED + 1)]


def _no_indices() -> WaveIndices:
    return np.zeros(0, np.int32)
