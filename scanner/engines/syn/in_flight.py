"""A wave in flight: which of its endpoints are still to be tried, and what is known of the others.

All bookkeeping is in columns over the wave's places. A try goes over the places once, in plan order, and takes those
of which nothing is known; places that may not go yet (their host had its share, their next hop is being looked up)
wait in front and are looked at again. Until something answers, two bytes a place are all that is kept: when probes left
(`send_log.py`), where an endpoint is found (`endpoint_index.py`) and when something became known are columns that the
first answer brings about. Silent networks, where waves are in flight for longest, never pay for them.

Several answers for one endpoint count once. Where they differ, SYN-ACK beats RST beats ICMP: an open port is
what an auditor must hear of, and a router's word is weaker than the host's own.
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
"""Seconds after which one more SYN-ACK is its sender's repetition and not a duplicate of the first."""

_PENDING = np.uint16(reason_code(Reason.NOT_PROBED))
_OPEN = np.uint16(reason_code(Reason.SYN_ACK))
_CLOSED = np.uint16(reason_code(Reason.RESET))
_RANKS = np.array([-1, 2, 1, 0], np.int8)
"""By reason code: `not-probed`, `syn-ack`, `reset`, and everything above."""
_SHORTEST = np.float32(1e-6)
"""Least round-trip time told, in seconds: two clocks are compared, and on loopback one may overtake the other."""
_SCAN = 4096
"""WaveIndices that are looked over at once."""
_ANSWERED_BYTES = 20
"""What a place costs once something of its wave was answered (index, moment and round-trip time), and four a try."""


class InFlightWave:
    """One wave between its first probe and its settling."""

    def __init__(self, wave: Wave, hop: I32, *, tries: int, born: float) -> None:
        """`hop`: next-hop number of each place, negative where there is no way; `born` on the monotonic clock."""
        self.wave = wave
        self.hop = hop
        self.born = born
        self.attempt = 0
        """The try under way, from 0."""
        self.sent = 0
        """Probes sent so far."""
        self.last_sent = born
        """When the latest probe left."""
        self.left = len(wave)
        """WaveIndices of which nothing is known yet."""
        self.open = 0
        """WaveIndices found open."""
        self.reason: U16 = np.full(len(wave), _PENDING, np.uint16)
        self._waiting: WaveIndices = _no_places()
        self._next = self._reached = 0  # the first place not yet taken in this try, and the one after all looked at
        self._log = SendLog(len(wave))
        self._answers = [0] * tries
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
    def last_try(self) -> bool:
        """Whether there is no try after the one under way."""
        return self.attempt + 1 == len(self._answers)

    @property
    def sending(self) -> bool:
        """Whether the try under way may have places left to send."""
        return self._next < len(self.reason) or len(self._waiting) > 0

    @property
    def unanswered(self) -> WaveIndices:
        """The places of which nothing is known yet, in plan order."""
        return np.flatnonzero(self.reason == _PENDING).astype(np.int32)

    def look(self, most: int) -> WaveIndices:
        """The next `most` places of the try under way of which nothing is known; before them all those that waited."""
        waiting = self._waiting
        if len(waiting):
            waiting = waiting[self.reason[waiting] == _PENDING]
        fresh, self._reached = self._scan(most - len(waiting))
        return np.concatenate([waiting, fresh]) if len(waiting) else fresh

    def _scan(self, wanted: int) -> tuple[WaveIndices, int]:
        """So many places of which nothing is known, from `_next` on, and where they end."""
        found, at = np.zeros(0, np.intp), self._next
        while len(found) < wanted and at < len(self):
            pending = np.flatnonzero(self.reason[at : at + _SCAN] == _PENDING)
            found, at = np.concatenate([found, pending + at]), at + _SCAN
        if len(found) > wanted > 0:
            found, at = found[:wanted], int(found[wanted - 1]) + 1
        return found.astype(np.int32), min(at, len(self))

    def take(self, later: WaveIndices) -> None:
        """Of what `look` gave, the places `later` must wait; the others are dealt with."""
        self._next = self._reached
        self._waiting = later

    def mark_sent(self, places: WaveIndices, now: float) -> None:
        """These places were probed just now."""
        self._log.note(self.attempt, places, now - self.born)
        self.sent += len(places)
        self.last_sent = now

    def settle(self, places: WaveIndices, code: int, now: float) -> None:
        """Give places a reason that no answer gave: no route, an absent neighbour, a failed send."""
        pending = places[self.reason[places] == _PENDING]
        if not len(pending):
            return
        self.reason[pending] = code
        self.left -= len(pending)
        self._times()[pending] = now - self.born

    def next_try(self) -> bool:
        """Begin the next try with what has not answered; False where there is none."""
        if self.last_try or not self.left:
            return False
        self.attempt += 1
        self._next, self._waiting = 0, _no_places()
        return True

    def find(self, version: U8, high: U64, low: U64, port: U16) -> WaveIndices:
        """The place of each endpoint, -1 where this wave does not hold it."""
        if self._index is None:
            self._index = EndpointIndex(self.wave)
        return self._index.find(version, high, low, port)

    def hear(self, answers: AcceptedAnswers, place: WaveIndices, attempt: Indices) -> Indices:
        """Take in answers for places (`find`) to given tries; the rows with a SYN-ACK that came once more."""
        late = answers.at - self.born - self._times()[place] > REPEATED
        again = np.flatnonzero((answers.reason == _OPEN) & (self.reason[place] == _OPEN) & late)
        rank = _rank(answers.reason)
        for each in np.unique(rank)[::-1].tolist():
            rows = np.flatnonzero((rank == each) & (_rank(self.reason[place]) < each))
            self._accept(answers, place, attempt, rows[self._one_each(place[rows])])
        return again

    def finish(
        self, now: float, wall: float, *, reason: Reason, degraded: tuple[str, ...] = (), absent: int = 0
    ) -> SettledWave:
        """The settled wave; places without an answer get `reason`. `wall` is the epoch time of `now`.

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
        """When each place was settled, seconds since the epoch; `pending` are those settled just now."""
        if self._at is None:
            return np.broadcast_to(np.float64(wall), len(self))
        return np.where(pending, wall, self._at.astype(np.float64) + born)

    def _times(self) -> F32:
        """When something became known of each place, in seconds since the wave was born."""
        if self._at is None:
            self._at = np.zeros(len(self), np.float32)
        return self._at

    def _one_each(self, places: WaveIndices) -> Indices:
        """One row for each place that occurs: the last to write its number there. No sorting."""
        rows = np.arange(len(places), dtype=np.int32)
        writer = np.empty(len(self.wave), np.int32)
        writer[places] = rows
        return np.flatnonzero(writer[places] == rows)

    def _accept(self, answers: AcceptedAnswers, place: WaveIndices, attempt: Indices, rows: Indices) -> None:
        """Write some answers into their places."""
        where, tries = place[rows], attempt[rows]
        tcp_before = (self.reason[where] == _OPEN) | (self.reason[where] == _CLOSED)
        tcp_now = _rank(answers.reason[rows]) > 0
        counts = np.bincount(tries[tcp_now & ~tcp_before], minlength=len(self._answers))
        self._answers = [old + new for old, new in zip(self._answers, counts.tolist(), strict=True)]
        self.left -= int(np.count_nonzero(self.reason[where] == _PENDING))
        self.open += int(np.count_nonzero(answers.reason[rows] == _OPEN))
        self.reason[where] = answers.reason[rows]
        times = self._times()
        times[where] = answers.at[rows] - self.born
        if self._rtt is None:
            self._rtt = np.zeros(len(self), np.float32)
        for each in np.unique(tries).tolist():
            chosen = where[tries == each]
            self._rtt[chosen] = np.maximum(times[chosen] - self._log.moments(each)[chosen], _SHORTEST)
        icmp = ~tcp_now
        if icmp.any():
            said = answers.rows(rows[icmp])
            self._evidence.add(where[icmp], said.version, said.router_high, said.router_low)


def _rank(reasons: U16) -> npt.NDArray[np.int8]:
    """How much a reason weighs: nothing yet -1, anything but TCP 0, closed 1, open 2."""
    return _RANKS[np.minimum(reasons, _CLOSED + 1)]


def _no_places() -> WaveIndices:
    return np.zeros(0, np.int32)
