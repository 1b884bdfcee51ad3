"""The state of flows as columns: one float64 matrix, a row for each field, a column for each flow.

A flow is a host or a way out. Its probes are counted in rounds. One round is *open*: what leaves now belongs to it.
The one before is *waiting* for its last answers; when they are due, it is read (`evidence.py`) and the rate follows
(`moves.py`). An answer belongs to the round in which its probe left, so an answer to an older rate never speaks for a
newer one.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, Indices

FlowColumns = npt.NDArray[np.float64]
"""Shape (len(Field), flows)."""


class Phase(IntEnum):
    """What a flow does with its rate."""

    IDLE = 0
    """Not begun."""
    START = 1
    """Doubles with each round in which nothing is lost."""
    HOLD = 2
    """Stays until it is time to try more."""
    RISE = 3
    """Tries a little more."""
    STALLED = 4
    """Nothing comes back: canaries only, a few a second."""
    SOUNDING = 5
    """Goes slowly for a round, to see how much is lost whatever the rate."""
    FRAGILE = 6
    """Let go: one probe a second until it is begun anew."""


class Held(IntEnum):
    """What keeps a flow from being faster."""

    NOTHING = 0
    """It is still growing."""
    LOSS = 1
    """More is lost when it sends more."""
    ROUND_TRIP = 2
    """Answers take longer when it sends more."""
    CEILING = 3
    """A limit: the user's, or that for routed targets."""
    FRAGILE = 4
    """It was let go, not to break it."""
    SILENT = 5
    """Nothing comes back at the moment."""
    OURSELVES = 6
    """This machine keeps up no better."""
    UNUSED = 7
    """There is nothing more to send, or another limit comes first."""
    BLIND = 8
    """Nothing answers, so nothing shows what the path bears."""


class Field(IntEnum):
    """The rows of the matrix. Times in seconds, rates in probes a second, counts in probes."""

    PHASE = 0
    HELD = 1
    RATE = 2
    CEILING = 3
    BLIND = 4  # the most it may send while nothing answers
    TENDER = 5  # 1 where growing round trips mean a fragile device
    GOOD = 6  # the last rate at which a round lost nothing
    WALL = 7  # the lowest rate at which one lost something, since it was last exceeded; inf
    BASE = 8  # least mean round trip of a round; nan
    SLOW = 9  # longest round trip lately; nan
    NOISE = 10  # share lost whatever the rate
    HITS = 11  # ordinary probes of rounds that lost nothing, fading
    ANSWERS = 12  # ... and how many of them were answered
    NEED = 13  # probes that must be known to be answerable before a round may close
    RISES = 14  # tries of more that went well, in a row
    PAUSE = 15  # seconds between two tries of more
    NEXT_RISE = 16
    STALLS = 17  # rounds in a row in which nothing came back
    FELL_RATE = 18  # what the first of the last rounds in a row that lost something was sent at
    TRUST = 19  # 1 where the hit rate may be believed, 0 where canaries have just refuted it
    OPENED = 20  # the open round: since when
    SENT = 21  # ordinary probes
    ASKED = 22  # canaries
    HEARD = 23  # answers to ordinary probes
    ANSWERED = 24  # answers to canaries
    TRIP_SUM = 25  # round trips, added up
    W_OPENED = 26  # the waiting round: from, nan where there is none
    W_CLOSED = 27  # ... to
    W_SENT = 28
    W_ASKED = 29
    W_HEARD = 30
    W_ANSWERED = 31
    W_TRIP_SUM = 32
    S_LIKELY = (
        33  # sums over rounds at one rate since there was last no sign of loss: answers likely to ordinary probes
    )
    S_MISSING = 34  # ... of them missing, below 0 where more came than was likely
    S_ASKED = 35  # ... canaries
    S_SILENT = 36  # ... of them silent
    S_SPREAD = 37  # ... variance of what is missing by chance
    FALLS = 38  # rounds that lost something, in a row
    NEXT_SOUNDING = 39  # when the usual loss is to be measured anew
    B_EXPECTED = 40  # answers that were expected of rounds well below the wall, fading
    B_LOST = 41  # ... and missing
    P_EXPECTED = 42  # the same of the last round of the start, which may have met the wall already
    P_LOST = 43
    R_SHOULD = (
        44  # canaries that should have been lost by the loss that the hit rate shows, over all rounds that show one
    )
    R_SILENT = 45  # ... that were


OPEN_COUNTS = slice(Field.SENT, Field.TRIP_SUM + 1)
"""The counts of the open round."""
WAITING_COUNTS = slice(Field.W_SENT, Field.W_TRIP_SUM + 1)
"""The same counts of the waiting one, in the same order."""

SUMS = slice(Field.S_LIKELY, Field.S_SPREAD + 1)

LEAST_NOISE = 0.005
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
START_NEED, RISE_NEED, HOLD_NEED = 16.0, 32.0, 2.0


def blank(flows: int) -> FlowColumns:
    """So many flows that were never begun."""
    return np.zeros((len(Field), flows))


def begin(
    state: FlowColumns, rows: Indices, now: float, *, start: float, ceiling: float, blind: float, tender: bool
) -> None:
    """Set flows to their beginning; see `Flows.begin`."""
    fresh = np.zeros(len(Field))
    for field, value in (
        (Field.PHASE, Phase.START),
        (Field.RATE, min(start, ceiling)),
        (Field.CEILING, ceiling),
        (Field.BLIND, blind),
        (Field.TENDER, tender),
        (Field.GOOD, min(start, ceiling)),
        (Field.WALL, np.inf),
        (Field.BASE, np.nan),
        (Field.SLOW, np.nan),
        (Field.NOISE, LEAST_NOISE),
        (Field.NEED, START_NEED),
        (Field.PAUSE, FIRST_PAUSE),
        (Field.OPENED, now),
        (Field.W_OPENED, np.nan),
        (Field.TRUST, 1.0),
    ):
        fresh[field] = value
    state[:, rows] = fresh[:, None]


def trusted_hits(state: FlowColumns) -> F64:
    """The share of ordinary probes that is answered when nothing is lost; 0 where that is not known or not believed."""
    share = np.minimum(state[Field.ANSWERS] / np.maximum(state[Field.HITS], 1e-9), 1.0)
    return np.where(state[Field.TRUST] >= 1.0, share, 0.0)


def reopen(state: FlowColumns, now: float) -> None:
    """The rate has changed: what left before no longer counts."""
    state[Field.OPENED] = now
    state[OPEN_COUNTS] = 0.0
    state[SUMS] = 0.0
