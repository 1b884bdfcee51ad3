"""A wave in flight: what is known of its endpoints, and who of them is still to be asked (`passes.py`).

All bookkeeping is in columns over the wave's indices. Until something answers, two bytes per index are all that is
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
from scanner.engines.syn.passes import PENDING_CODE, Passes
from scanner.engines.syn.validate import AcceptedAnswers
from scanner.engines.syn.wave_lookups import EndpointIndex, Evidence

REPEATED = 0.5
"""Seconds after which another SYN-ACK is a retransmission by its sender and not a duplicate of the first."""

_OPEN = np.uint16(reason_code(Reason.SYN_ACK))
_CLOSED = np.uint16(reason_code(Reason.RESET))
_RANKS = np.array([-1, 2, 1, 0], np.int8)
"""By reason code: `not-probed`, `syn-ack`, `reset`, and everything above."""
_SHORTEST = np.float32(1e-6)
"""Minimum round-trip time reported, in seconds: two clocks are compared, and on loopback one may overtake the other."""
_ANSWERED_BYTES = 20
"""What an index costs once something of its wave was answered (look-up, moment and round-trip time); four more per
pass."""


class InFlightWave:
    """One wave between its first probe and its settling."""

    def __init__(self, wave: Wave, hop: I32, *, born: float) -> None:
        """`hop`: next-hop number of each index, negative where there is no route; `born` on the monotonic clock."""
        self.wave = wave
        self.hop = hop
        self.born = born
        self.last_sent = born
        """When the latest probe left."""
        self.look_at = born
        """When it is worth looking at it again, once its passes are over."""
        self.left = len(wave)
        """Number of endpoints of which nothing is known yet."""
        self.open = 0
        """Number of endpoints found open."""
        self.reason: U16 = np.full(len(wave), PENDING_CODE, np.uint16)
        self.passes = Passes(self.reason)
        self._answers: list[int] = []
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
        answered = 0 if self._index is None else _ANSWERED_BYTES + 4 * (self.passes.number + 1)
        return self._bytes + answered * len(self)

    @property
    def attempt(self) -> int:
        """The pass under way, from 0."""
        return self.passes.number

    @property
    def sending(self) -> bool:
        """Whether the pass under way may have probes left to send."""
        return self.passes.sending

    @property
    def unanswered(self) -> WaveIndices:
        """The indices of which nothing is known yet, in plan order."""
        return np.flatnonzero(self.reason == PENDING_CODE).astype(np.int32)

    def mark_sent(self, indices: WaveIndices, now: float) -> None:
        """These indices were probed just now."""
        self.passes.mark_sent(indices, now - self.born)
        self.last_sent = now

    def sent_at(self, attempt: int, indices: WaveIndices) -> F64:
        """When these indices were probed in a pass, on the monotonic clock; never earlier than they were."""
        return self.born + np.nextafter(self.passes.moments(attempt)[indices], np.float32(np.inf)).astype(np.float64)

    def settle(self, indices: WaveIndices, code: int | U16, now: float) -> None:
        """Give indices a reason that no answer gave (one, or one each): no route, an absent neighbour, a lost way."""
        pending = self.reason[indices] == PENDING_CODE
        chosen = indices[pending]
        if not len(chosen):
            return
        self.reason[chosen] = code if isinstance(code, int) else code[pending]
        self.left -= len(chosen)
        self._times()[chosen] = now - self.born

    def next_pass(self, chosen: WaveIndices | None = None) -> None:
        """Ask those again of which nothing is known: all, or some."""
        self.passes.begin(chosen)

    def find(self, version: U8, high: U64, low: U64, port: U16) -> WaveIndices:
        """The index of each endpoint, -1 where this wave does not hold it."""
        if self._index is None:
            self._index = EndpointIndex(self.wave)
        return self._index.find(version, high, low, port)

    def add_answers(self, answers: AcceptedAnswers, indices: WaveIndices, attempt: Indices) -> tuple[Indices, Indices]:
        """Take in answers for indices (`find`) to given passes.

        Returns:
            the rows by which TCP answered for the first time, and those with a retransmitted SYN-ACK.
        """
        late = answers.at - self.born - self._times()[indices] > REPEATED
        again = np.flatnonzero((answers.reason == _OPEN) & (self.reason[indices] == _OPEN) & late)
        rank, fresh = _rank(answers.reason), []
        for each in np.unique(rank)[::-1].tolist():
            rows = np.flatnonzero((rank == each) & (_rank(self.reason[indices]) < each))
            fresh.append(self._accept(answers, indices, attempt, rows[self._one_each(indices[rows])]))
        return np.concatenate(fresh) if fresh else np.zeros(0, np.intp), again

    def finish(
        self,
        now: float,
        wall: float,
        *,
        silence: int | U16,
        interrupted: bool = False,
        degraded: tuple[str, ...] = (),
        absent: int = 0,
        tries: int = 0,
    ) -> SettledWave:
        """The settled wave.

        Args:
            now: the time on the monotonic clock.
            wall: the same as seconds since the epoch.
            silence: the reason code of all that stayed unanswered, or one for each of `unanswered`.
            interrupted: whether what stayed unanswered was not asked as it should be.
            degraded: why answers may have been lost; it does not matter where all were answered.
            absent: addresses found to be absent meanwhile.
            tries: how often endpoints were to be tried, if they had not answered.
        """
        tries = max(tries, self.passes.number + 1, len(self._answers))
        pending = self.reason == PENDING_CODE
        left = int(np.count_nonzero(pending))
        self.reason[pending] = silence
        self.left = 0
        nothing = np.broadcast_to(np.float32(np.nan), len(self))
        return SettledWave(
            wave=self.wave,
            reason=self.reason,
            at=self._settled_at(pending, wall, wall - now + self.born),
            rtt=nothing if self._rtt is None else np.where(self._rtt > 0, self._rtt, np.float32(np.nan)),
            sent=self.passes.sent,
            complete=not (interrupted and left),
            evidence=self._evidence,
            unreachable_hosts=absent,
            degraded=degraded if left else (),
            answers_by_try=(*self._answers, *([0] * (tries - len(self._answers)))),
        )

    def _settled_at(self, pending: npt.NDArray[np.bool_], wall: float, born: float) -> F64:
        """When each endpoint was settled, seconds since the epoch; `pending` are those settled just now."""
        if self._at is None:
            return np.broadcast_to(np.float64(wall), len(self))
        return np.where(pending, wall, self._at.astype(np.float64) + born)

    def _times(self) -> F32:
        """When something became known of each endpoint, in seconds since the wave was born."""
        if self._at is None:
            self._at = np.zeros(len(self), np.float32)
        return self._at

    def _one_each(self, indices: WaveIndices) -> Indices:
        """One row for each index that occurs: the last to write its number there. No sorting."""
        rows = np.arange(len(indices), dtype=np.int32)
        writer = np.empty(len(self.wave), np.int32)
        writer[indices] = rows
        return np.flatnonzero(writer[indices] == rows)

    def _accept(self, answers: AcceptedAnswers, indices: WaveIndices, attempt: Indices, rows: Indices) -> Indices:
        """Write some answers to their indices; the rows of them that are the first by TCP."""
        where, attempts = indices[rows], attempt[rows]
        tcp_before = (self.reason[where] == _OPEN) | (self.reason[where] == _CLOSED)
        tcp_now = _rank(answers.reason[rows]) > 0
        first = tcp_now & ~tcp_before
        counts = np.bincount(attempts[first], minlength=len(self._answers)).tolist()
        self._answers += [0] * (len(counts) - len(self._answers))
        self._answers = [old + new for old, new in zip(self._answers, counts, strict=True)]
        self.left -= int(np.count_nonzero(self.reason[where] == PENDING_CODE))
        self.open += int(np.count_nonzero(answers.reason[rows] == _OPEN))
        self.reason[where] = answers.reason[rows]
        times = self._times()
        times[where] = answers.at[rows] - self.born
        if self._rtt is None:
            self._rtt = np.zeros(len(self), np.float32)
        for each in np.unique(attempts).tolist():
            chosen = where[attempts == each]
            self._rtt[chosen] = np.maximum(times[chosen] - self.passes.moments(each)[chosen], _SHORTEST)
        icmp = ~tcp_now
        if icmp.any():
            errors = answers.rows(rows[icmp])
            self._evidence.add(where[icmp], errors.version, errors.router_high, errors.router_low)
        fresh: Indices = rows[first]
        return fresh


def _rank(reasons: U16) -> npt.NDArray[np.int8]:
    """How much a reason weighs: nothing yet -1, anything but TCP 0, closed 1, open 2."""
    return _RANKS[np.minimum(reasons, _CLOSED + 1)]
