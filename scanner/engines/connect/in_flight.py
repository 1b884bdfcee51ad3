"""A wave in flight: what is known of each of its endpoints so far."""

from math import nan
from typing import Protocol

import numpy as np

from scanner.core.columns import F64, I64
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.hosts import Host

_NOT_PROBED = reason_code(Reason.NOT_PROBED)
_INTERRUPTED = reason_code(Reason.INTERRUPTED)


class Probed(Protocol):
    """Something whose places are probed: a wave, or the canaries (`canary_board.py`)."""

    ports: list[int]
    """Port of each place."""
    local_failures: bytearray
    """Local failures of each place."""
    sent: int
    """Probes sent."""


class InFlightWave:
    """The state of one wave between its first probe and its result, by index."""

    __slots__ = (
        "absent",
        "answers_by_try",
        "at",
        "evidence",
        "finished",
        "host_of",
        "left",
        "local_failures",
        "ports",
        "reason",
        "rows",
        "rtt",
        "sent",
        "tries",
        "unanswered",
        "waiting",
        "wave",
        "ways",
    )

    def __init__(self, wave: Wave, hosts: list[Host], which: I64) -> None:
        """`hosts`: each host once; `which`: for each endpoint the place of its host among them."""
        size = len(wave)
        self.wave = wave
        self.host_of = [hosts[each] for each in which.tolist()]
        self.rows: I64 = np.array([host.row for host in hosts], np.int64)[which]
        """Row of each endpoint's host in the rates, -1 where it has none."""
        self.ways: I64 = np.array([host.way.place for host in hosts], np.int64)[which]
        """Place of each endpoint's way out."""
        self.ports: list[int] = wave.port.tolist()
        self.reason = np.full(size, _NOT_PROBED, np.uint16)
        self.at = np.zeros(size)
        self.rtt = np.full(size, np.nan, np.float32)
        self.unanswered = bytearray(size)
        """Probes of each index that went unanswered."""
        self.tries: list[F64] = []
        """When each index's first probe that went unanswered left, its second, ..."""
        self.answers_by_try: list[int] = []
        """TCP answers to first probes, second ones, ..."""
        self.waiting: list[int] = []
        """Indices whose silence is yet to be judged."""
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

    def note_silence(self, index: int, sent_at: float) -> int:
        """A probe that left then went unanswered. Returns how many have, of this index."""
        count = self.unanswered[index]
        if count == len(self.tries):
            self.tries.append(np.full(len(self.ports), np.nan))
        self.tries[count][index] = sent_at
        self.unanswered[index] = count + 1
        return count + 1

    def note_answers(self, indices: I64) -> None:
        """TCP answers came from these indices, to their latest probes."""
        if not self.tries:
            counts = [len(indices)]
        else:
            counts = np.bincount(np.frombuffer(self.unanswered, np.uint8)[indices]).tolist()
        self.answers_by_try += [0] * (len(counts) - len(self.answers_by_try))
        for count, answers in enumerate(counts):
            self.answers_by_try[count] += answers

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

    @property
    def unsettled(self) -> I64:
        """The indices that are not settled yet."""
        return np.flatnonzero(self.reason == _NOT_PROBED)

    @property
    def asked(self) -> int:
        """How many endpoints are settled, or stayed silent at least once."""
        silent = np.frombuffer(self.unanswered, np.uint8) > 0
        return int(np.count_nonzero(silent | (self.reason != _NOT_PROBED)))

    def result(self, now: float) -> SettledWave:
        """Return the wave as it stands at `now`, seconds since the epoch; endpoints without an outcome were
        interrupted."""
        unsettled = self.unsettled
        self.reason[unsettled] = _INTERRUPTED
        self.at[unsettled] = now
        self.finished = True
        return SettledWave(
            wave=self.wave,
            reason=self.reason,
            at=self.at,
            rtt=self.rtt,
            sent=self.sent,
            complete=not len(unsettled),
            evidence=self.evidence,
            unreachable_hosts=len(self.absent),
            absent=tuple(self.absent),
            answers_by_try=tuple(self.answers_by_try + [0] * (len(self.tries) - len(self.answers_by_try))),
        )
