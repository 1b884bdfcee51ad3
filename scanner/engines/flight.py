"""A wave in flight: which of its endpoints are still to be tried, and what is known of the others.

All bookkeeping is in columns over the wave's places, about 40 bytes a place. A try is a queue of places in plan
order: places that may not go yet (their host had its share, their next hop is being looked up) wait in front and
are looked at again. The next try holds only what has not answered. An answer finds its place by binary search in
the sorted endpoints; the sorting is put off until the first answer comes, so silent networks never pay for it.

Several answers for one endpoint count once. Where they differ, SYN-ACK beats RST beats ICMP: an open port is
what an auditor must hear of, and a router's word is weaker than the host's own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanner.core.reasons import Reason, reason_code
from scanner.core.wave import F32, F64, U8, U16, U64, SettledWave, Wave
from scanner.engines.evidence import Evidence

I32 = npt.NDArray[np.int32]
Places = npt.NDArray[np.int32]
"""Places in a wave, int32[n]."""
Rows = npt.NDArray[np.intp]
"""Rows of a batch of answers, intp[n]."""

REPEATED = 0.5
"""Seconds after which one more SYN-ACK is its sender's repetition and not a duplicate of the first."""

_PENDING = np.uint16(reason_code(Reason.NOT_PROBED))
_OPEN = np.uint16(reason_code(Reason.SYN_ACK))
_CLOSED = np.uint16(reason_code(Reason.RESET))
_RANKS = np.array([-1, 2, 1, 0], np.int8)
"""By reason code: `not-probed`, `syn-ack`, `reset`, and everything above."""
_SHORTEST = np.float32(1e-6)
"""Least round-trip time told, in seconds: two clocks are compared, and on loopback one may overtake the other."""
_NOBODY = np.int32(-1)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Answers that passed the cookie check, as columns; all of one length."""

    version: U8
    """IP version of the probed endpoint."""
    high: U64
    """Upper half of its address."""
    low: U64
    """Lower half of its address."""
    port: U16
    """Its port."""
    source_port: U16
    """The port of ours that the probe came from: it names the wave's slot and the try."""
    reason: U16
    """Reason code that the answer means."""
    at: F64
    """When it came, seconds on the monotonic clock."""
    router_high: U64
    """Upper half of the address of the router that sent an ICMP error."""
    router_low: U64
    """Lower half of it; 0 for TCP answers."""

    def __len__(self) -> int:
        return len(self.port)

    def rows(self, chosen: Rows) -> "Heard":
        """Some of them."""
        return Heard(
            self.version[chosen],
            self.high[chosen],
            self.low[chosen],
            self.port[chosen],
            self.source_port[chosen],
            self.reason[chosen],
            self.at[chosen],
            self.router_high[chosen],
            self.router_low[chosen],
        )


class Flight:
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
        """Places of which nothing is known yet."""
        self.open = 0
        """Places found open."""
        self.reason: U16 = np.full(len(wave), _PENDING, np.uint16)
        self._at: F32 = np.zeros(len(wave), np.float32)  # zeros cost no memory until they are written to
        self._rtt: F32 = np.zeros(len(wave), np.float32)
        self._sent_at: list[F32] = []
        self._answers = [0] * tries
        self._evidence = Evidence(len(wave))
        self._keys: U64 | None = None
        self._order: Places = np.zeros(0, np.int32)
        self._waiting: Places = np.zeros(0, np.int32)
        self._rest: Places = np.zeros(0, np.int32)
        self._begin(np.arange(len(wave), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.wave)

    @property
    def last_try(self) -> bool:
        """Whether there is no try after the one under way."""
        return self.attempt + 1 == len(self._answers)

    @property
    def sending(self) -> bool:
        """Whether the try under way has places left to send."""
        return bool(len(self._waiting) or len(self._rest))

    @property
    def unanswered(self) -> Places:
        """The places of which nothing is known yet, in plan order."""
        return np.flatnonzero(self.reason == _PENDING).astype(np.int32)

    def pending(self, places: Places) -> npt.NDArray[np.bool_]:
        """Of which of these places nothing is known yet."""
        pending: npt.NDArray[np.bool_] = self.reason[places] == _PENDING
        return pending

    def look(self, most: int) -> Places:
        """The next `most` places of the try under way."""
        fresh = self._rest[: max(0, most - len(self._waiting))]
        return np.concatenate([self._waiting, fresh]) if len(self._waiting) else fresh

    def take(self, looked: Places, later: Places) -> None:
        """Of what `look` gave, the places `later` must wait; the others are dealt with."""
        self._rest = self._rest[len(looked) - len(self._waiting) :]
        self._waiting = later

    def mark_sent(self, places: Places, now: float) -> None:
        """These places were probed just now."""
        self._sent_at[-1][places] = now - self.born
        self.sent += len(places)
        self.last_sent = now

    def settle(self, places: Places, code: int, now: float) -> None:
        """Give places a reason that no answer gave: no route, an absent neighbour, a failed send."""
        pending = places[self.reason[places] == _PENDING]
        self.reason[pending] = code
        self.left -= len(pending)
        self._at[pending] = now - self.born

    def next_try(self) -> bool:
        """Begin the next try with what has not answered; False where there is none."""
        if self.last_try or not self.left:
            return False
        self.attempt += 1
        self._begin(self.unanswered)
        return True

    def find(self, version: U8, high: U64, low: U64, port: U16) -> Places:
        """The place of each endpoint, -1 where this wave does not hold it."""
        if not len(self.wave):
            return np.full(len(port), _NOBODY, np.int32)
        if self._keys is None:
            keys = _keys(self.wave.version, self.wave.high, self.wave.low, self.wave.port)
            self._order = np.argsort(keys).astype(np.int32)
            self._keys = keys[self._order]
        nearest = np.searchsorted(self._keys, _keys(version, high, low, port))
        place = self._order[np.minimum(nearest, len(self._keys) - 1)]
        wave = self.wave
        same = (wave.port[place] == port) & (wave.low[place] == low)
        same &= (wave.high[place] == high) & (wave.version[place] == version)
        return np.where(same, place, _NOBODY)

    def hear(self, answers: Heard, attempt: Rows) -> Rows:
        """Take answers to given tries in; the rows where a SYN-ACK came once more, for its sender to be told.

        Rows for endpoints that are not in this wave must have been left out (`find`).
        """
        place = self.find(answers.version, answers.high, answers.low, answers.port)
        late = answers.at - self.born - self._at[place] > REPEATED
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
        left = self.unanswered
        complete = reason is not Reason.INTERRUPTED or not len(left)
        self.settle(left, reason_code(reason), now)
        return SettledWave(
            wave=self.wave,
            reason=self.reason,
            at=self._at.astype(np.float64) + (wall - now + self.born),
            rtt=np.where(self._rtt > 0, self._rtt, np.float32(np.nan)),
            sent=self.sent,
            complete=complete,
            evidence=self._evidence,
            unreachable_hosts=absent,
            degraded=degraded if len(left) else (),
            answers_by_try=tuple(self._answers),
        )

    def _begin(self, places: Places) -> None:
        self._rest = places
        self._sent_at.append(np.full(len(self.wave), np.nan, np.float32))

    def _one_each(self, places: Places) -> Rows:
        """One row for each place that occurs: the last to write its number there. No sorting."""
        rows = np.arange(len(places), dtype=np.int32)
        writer = np.empty(len(self.wave), np.int32)
        writer[places] = rows
        return np.flatnonzero(writer[places] == rows)

    def _accept(self, answers: Heard, place: Places, attempt: Rows, rows: Rows) -> None:
        """Write some answers into their places."""
        where, tries = place[rows], attempt[rows]
        tcp_before = (self.reason[where] == _OPEN) | (self.reason[where] == _CLOSED)
        tcp_now = _rank(answers.reason[rows]) > 0
        counts = np.bincount(tries[tcp_now & ~tcp_before], minlength=len(self._answers))
        self._answers = [old + new for old, new in zip(self._answers, counts.tolist(), strict=True)]
        self.left -= int(np.count_nonzero(self.reason[where] == _PENDING))
        self.open += int(np.count_nonzero(answers.reason[rows] == _OPEN))
        self.reason[where] = answers.reason[rows]
        self._at[where] = answers.at[rows] - self.born
        for each in range(self.attempt + 1):
            chosen = where[tries == each]
            self._rtt[chosen] = np.maximum(self._at[chosen] - self._sent_at[each][chosen], _SHORTEST)
        icmp = ~tcp_now
        if icmp.any():
            said = answers.rows(rows[icmp])
            self._evidence.add(where[icmp], said.version, said.router_high, said.router_low)


def _rank(reasons: U16) -> npt.NDArray[np.int8]:
    """How much a reason weighs: nothing yet -1, anything but TCP 0, closed 1, open 2."""
    return _RANKS[np.minimum(reasons, _CLOSED + 1)]


def _keys(version: U8, high: U64, low: U64, port: U16) -> U64:
    """One number for each endpoint: exact for IPv4; for IPv6 a hash, so whoever finds one must compare."""
    exact = (low << np.uint64(16)) | port
    if not (version == 6).any():
        return exact
    hashed = low * np.uint64(0x9E3779B97F4A7C15) + high * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.where(version == 4, exact, hashed + port * np.uint64(0x165667B19E3779F9))
