"""What silence means: a state machine for each host and each way out, as a table.

A subject (a host, or a way out) that has answered is asked again about every second while it is sent to (its
canaries, `canaries.py`). Where one canary stays silent, it is doubted and a round of them is asked at once; where the
whole round stays silent, all that was unanswered since the last good one is not "filtered" but unknown. It is asked
at growing distances until it answers, or until it was silent for longer than is worth waiting.

    state \\ event   ANSWERED  CANARY_LOST  ROUND_LOST  PATIENCE_OVER
    UNPROVEN        ALIVE     UNPROVEN     UNPROVEN    UNPROVEN
    ALIVE           ALIVE     DOUBTED      SILENT      ALIVE
    DOUBTED         ALIVE     DOUBTED      SILENT      DOUBTED
    SILENT          ALIVE     SILENT       SILENT      GIVEN_UP
    GIVEN_UP        ALIVE     GIVEN_UP     GIVEN_UP    GIVEN_UP

An answer always brings a subject back: a late one after giving up, too. A canary that is known from the history only
proves nothing by silence, since the subject stays UNPROVEN until something answers.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, I64, Indices, Mask


class Silence(IntEnum):
    """What is known of one host or way out."""

    UNPROVEN = 0
    """Nothing has answered yet: silence proves nothing."""
    ALIVE = 1
    """The last canary answered."""
    DOUBTED = 2
    """A canary did not answer in time; a round of them is asked at once."""
    SILENT = 3
    """A whole round was lost: what was not answered since the last good one is unknown."""
    GIVEN_UP = 4
    """Silent for longer than is worth waiting."""


class Event(IntEnum):
    """What may happen to it."""

    ANSWERED = 0
    """A validated TCP answer came; a reset is as good as a SYN-ACK."""
    CANARY_LOST = 1
    """A canary's deadline passed."""
    ROUND_LOST = 2
    """All canaries of a round were lost."""
    PATIENCE_OVER = 3
    """It was silent for longer than is worth waiting."""


_U, _A, _D, _S, _G = (int(each) for each in Silence)
TABLE: npt.NDArray[np.int8] = np.array(
    [[_A, _U, _U, _U], [_A, _D, _S, _A], [_A, _D, _S, _D], [_A, _S, _S, _G], [_A, _G, _G, _G]], np.int8
)
"""The next state, by state and event."""

EVERY = 1.0
"""Seconds between two looks at a subject that answers."""
SHARE = 0.001
"""Share of a subject's traffic that its canaries are."""
ROUND = 4
"""Canaries in the round that follows a doubt."""
FIRST_BACK_OFF, LAST_BACK_OFF = 0.5, 8.0


class Cause(IntEnum):
    """Why an unanswered endpoint is unknown, or that it is not."""

    PROVED = 0
    """Host and path answered after it was asked: its silence is its own."""
    UNPROVEN = 1
    """Nothing ever answered there: `silent-host`."""
    HOST_LOST = 2
    """The host fell silent: `host-lost`."""
    PATH_LOST = 3
    """The path fell silent: `path-lost`."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from a state."""

    probes: bool
    """Whether ordinary probes go on."""
    canaries: bool
    """Whether it is asked again."""
    complete: bool
    """Whether a sweep may end so with its coverage complete."""


def meaning(state: Silence) -> Meaning:
    """What follows from a state."""
    match state:
        case Silence.UNPROVEN | Silence.ALIVE:
            return Meaning(probes=True, canaries=True, complete=True)
        case Silence.DOUBTED:
            return Meaning(probes=True, canaries=True, complete=False)
        case Silence.SILENT:
            return Meaning(probes=False, canaries=True, complete=False)
        case Silence.GIVEN_UP:
            return Meaning(probes=False, canaries=False, complete=False)
        case _:
            assert_never(state)


class SilenceBook:
    """The states of many subjects, as columns. Times in seconds on a monotonic clock."""

    def __init__(self, subjects: int, *, patience: float, least: int = 1) -> None:
        """Nothing is known of any.

        Args:
            subjects: how many.
            patience: seconds of silence after which a subject is given up: about 30 for a way out, 10 for a host.
            least: probes after which it is worth asking a subject again.
        """
        self.state: npt.NDArray[np.int8] = np.zeros(subjects, np.int8)
        """`Silence` of each."""
        self.last_good: F64 = np.full(subjects, -np.inf)
        """When the latest probe left that was answered."""
        self._patience, self._least = patience, least
        self._since: F64 = np.full(subjects, np.inf)  # when it fell silent
        self._next: F64 = np.zeros(subjects)  # when it is asked again
        self._pause: F64 = np.full(subjects, FIRST_BACK_OFF)
        self._traffic: I64 = np.zeros(subjects, np.int64)  # probes since it was last asked
        self._asked: I64 = np.zeros(subjects, np.int64)  # canaries of this round
        self._lost: I64 = np.zeros(subjects, np.int64)

    def forget(self, rows: Indices) -> None:
        """These rows stand for other subjects from now on."""
        self.state[rows], self.last_good[rows], self._since[rows] = Silence.UNPROVEN, -np.inf, np.inf
        self._next[rows], self._pause[rows] = 0.0, FIRST_BACK_OFF
        self._traffic[rows] = self._asked[rows] = self._lost[rows] = 0

    def sent(self, rows: Indices, each: int = 1) -> None:
        """So many ordinary probes left for each of these subjects, which may repeat."""
        np.add.at(self._traffic, rows, each)

    def demand(self, rows: Indices) -> None:
        """Ask these as soon as may be: an endpoint is to be settled whose silence is not proved yet."""
        self._traffic[rows] = np.maximum(self._traffic[rows], self._least)
        self._next[rows] = np.where(self.state[rows] == Silence.SILENT, self._next[rows], 0.0)

    def excuse(self, rows: Indices, now: float) -> None:
        """Something else is to blame for the silence of these (their path): their patience begins anew."""
        silent = rows[self.state[rows] == Silence.SILENT]
        self._since[silent] = now

    def due(self, now: float, *, ending: bool = False) -> tuple[Indices, I64]:
        """The subjects to ask now and how many canaries each; call `asked` with those that went.

        `ending`: a wave or the sweep is to be settled, so all that were sent to since are asked.
        """
        state = self.state
        busy = (self._traffic >= (1 if ending else self._least)) & (ending | (now >= self._next))
        alive = ((state == Silence.ALIVE) | (state == Silence.UNPROVEN)) & busy & (self._asked == 0)
        doubted = (state == Silence.DOUBTED) & (self._asked < ROUND)
        silent = (state == Silence.SILENT) & (now >= self._next)
        rows = np.flatnonzero(alive | doubted | silent)
        share = np.clip(self._traffic[rows] * SHARE, 1, 16).astype(np.int64)
        rest = np.where(state[rows] == Silence.DOUBTED, ROUND - self._asked[rows], 2)
        return rows, np.where(alive[rows], share, rest)

    def asked(self, rows: Indices, counts: I64, now: float) -> None:
        """So many canaries left for these distinct subjects."""
        back_off = self.state[rows] == Silence.SILENT
        self._asked[rows] += counts
        self._traffic[rows] = 0
        self._next[rows] = now + np.where(back_off, self._pause[rows], EVERY)
        self._pause[rows] = np.where(back_off, np.minimum(2 * self._pause[rows], LAST_BACK_OFF), FIRST_BACK_OFF)

    def answered(self, rows: Indices, sent_at: F64) -> None:
        """Any validated TCP answer came: to a canary or to an ordinary probe that left at `sent_at`."""
        np.maximum.at(self.last_good, rows, sent_at)
        self._happen(rows, Event.ANSWERED)
        self._since[rows], self._pause[rows] = np.inf, FIRST_BACK_OFF
        self._asked[rows] = self._lost[rows] = 0

    def lost(self, rows: Indices, sent_at: F64, now: float) -> Indices:
        """Deadlines of canaries that left at `sent_at` passed. The subjects that have just fallen silent.

        A canary that is older than the latest good one says nothing.
        """
        rows = rows[sent_at >= self.last_good[rows]]
        before = self.state[rows]
        np.add.at(self._lost, rows, 1)
        self._happen(rows, Event.CANARY_LOST)
        over = rows[(self._asked[rows] >= ROUND) & (self._lost[rows] >= self._asked[rows])]
        self._happen(over, Event.ROUND_LOST)
        fallen = np.unique(rows[(self.state[rows] == Silence.SILENT) & (before != Silence.SILENT)])
        self._since[fallen], self._next[fallen] = now, now
        self._asked[over] = self._lost[over] = 0
        return fallen

    def give_up(self, now: float) -> Indices:
        """The subjects that have just been silent for too long."""
        rows = np.flatnonzero((self.state == Silence.SILENT) & (now - self._since > self._patience))
        self._happen(rows, Event.PATIENCE_OVER)
        return rows

    def _happen(self, rows: Indices, event: Event) -> None:
        self.state[rows] = TABLE[self.state[rows], event]


def causes(sent_at: F64, host: Indices, path: Indices, hosts: SilenceBook, paths: SilenceBook) -> npt.NDArray[np.int8]:
    """What the silence of unanswered endpoints means (`Cause`), that left at `sent_at` to these hosts by these paths.

    A host is not blamed for what its path may have lost. Endpoints asked before the last good canary are proved.
    """
    proved_path: Mask = (paths.state[path] == Silence.ALIVE) | (sent_at <= paths.last_good[path])
    proved_host: Mask = (hosts.state[host] == Silence.ALIVE) | (sent_at <= hosts.last_good[host])
    found = np.where(proved_host, Cause.PROVED, Cause.HOST_LOST)
    found = np.where(hosts.state[host] == Silence.UNPROVEN, Cause.UNPROVEN, found)
    lost = ~proved_path & (paths.state[path] != Silence.UNPROVEN)
    return np.where(lost, Cause.PATH_LOST, found).astype(np.int8)
