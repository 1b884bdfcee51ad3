"""How a flow's rate follows from what a round says. The theory is told in `flows.py`.

Each move takes the columns of flows whose round was just read, and changes them in place.
"""

import numpy as np

from scanner.core.columns import F64, Mask
from scanner.core.rate.evidence import Reading
from scanner.core.rate.flow_state import (
    FIRST_PAUSE,
    HOLD_NEED,
    LEAST_NOISE,
    LONGEST_PAUSE,
    RISE_NEED,
    START_NEED,
    Field,
    FlowColumns,
    Held,
    Phase,
    trusted_hits,
)

FLOOR = 10.0
"""Probes a second at which a path that seems dead is still asked."""
FRAGILE_RATE = 1.0
"""Probes a second to a host that was let go."""
BACK = 0.94
"""Share of the delivered rate to which a flow falls back."""
_STEPS = np.array([1.15, 1.3, 1.6, 2.0])
"""Factors of tries of more, after so many that went well in a row."""
_USED = 0.6
"""Share of its rate that a flow must have sent before it may grow."""
_SLOW = 100.0
"""Probes a second below which a try of more may be a large one: it loses a few dozen at most."""
_MOST_NOISE = 0.3
_ENOUGH_BELOW = 24.0
SOUNDING_EVERY = 5.0
"""Seconds between two slow rounds that measure the usual loss."""
_FADE = 0.97


def follow(state: FlowColumns, said: Reading, now: float) -> None:
    """Move the rates of flows whose rounds say `said`."""
    phase = state[Field.PHASE].copy()
    moving = (phase != Phase.FRAGILE) & (phase != Phase.IDLE)
    steady = _learn_noise(state, said, now) & moving
    sounding = _sound(state, moving & ~steady, now)
    moving &= ~sounding
    stalled = moving & (phase == Phase.STALLED)
    lossy = said.lossy & moving & ~steady & ~stalled
    clean = moving & ~stalled & ~said.lossy & ~said.blind
    queued = clean & _queued(state, said)
    _learn(state, said, (clean & ~queued) | steady)
    _fall(state, said, lossy & ~said.dead, now)
    _stall(state, said, (lossy | stalled) & said.dead)
    _revive(state, stalled & ~said.dead & ~said.blind, now)
    _yield(state, said, queued, now)
    _grow(state, said, clean & ~queued, phase, now)
    _restart(state, steady)
    _grope(state, moving & said.blind)
    fragile = moving & (state[Field.TENDER] > 0) & (said.trip > 10 * state[Field.BASE] + 0.25)
    _put(state, fragile, PHASE=Phase.FRAGILE, HELD=Held.FRAGILE, RATE=FRAGILE_RATE)
    _keep_bounds(state)


def _put(state: FlowColumns, where: Mask, **values: float | F64) -> None:
    for name, value in values.items():
        field = Field[name]
        state[field] = np.where(where, value, state[field])


def _learn(state: FlowColumns, said: Reading, clean: Mask) -> None:
    """A round without loss tells the hit rate, the usual loss and the round trip."""
    sent, heard = state[Field.W_SENT], state[Field.W_HEARD]
    share = np.divide(heard, sent, out=np.zeros_like(sent), where=sent > 0)
    known = trusted_hits(state)
    more = (sent >= 30) & (share > known + 3 * np.sqrt(known * (1 - known) / np.maximum(sent, 1)))
    fade = np.where(said.refuted, 0.0, np.where(more, 0.3, _FADE))
    _put(state, clean, HITS=state[Field.HITS] * fade + sent, ANSWERS=state[Field.ANSWERS] * fade + heard)
    trust = np.minimum(state[Field.TRUST] + 0.01, 1.0)
    _put(state, clean, TRUST=np.where(said.refuted, 0.0, trust))
    _put(state, clean, BASE=np.fmin(state[Field.BASE], said.trip))


def _learn_noise(state: FlowColumns, said: Reading, now: float) -> Mask:
    """Loss that is still there after falling three times is not ours: it is learnt, and falling is no cure.

    A path that loses less for a while, or was measured slowly (`_sound`), is believed at once.
    """
    noise, loss = state[Field.NOISE], said.loss
    state[Field.FALLS] = np.where(said.lossy, state[Field.FALLS] + 1, np.where(said.doubtful, state[Field.FALLS], 0.0))
    steady: Mask = (
        said.lossy & (state[Field.FALLS] > 3) & (loss <= _MOST_NOISE) & (said.used <= 0.7 * state[Field.FELL_RATE])
    )
    seen = np.divide(said.silent, said.asked, out=noise.copy(), where=said.asked > 0)
    known = _loss_below(state, said)
    enough = state[Field.B_EXPECTED] >= _ENOUGH_BELOW
    sounded = state[Field.PHASE] == Phase.SOUNDING
    weight = said.asked / (said.asked + 8.0)
    learnt = np.where(steady | sounded, noise + weight * (seen - noise), np.where(enough, known, noise))
    weight = np.where(~said.lossy & (seen < learnt), said.asked / (said.asked + 100.0), 0.0)
    learnt += weight * (seen - learnt)
    learnt = np.clip(learnt, LEAST_NOISE, _MOST_NOISE)
    more = (learnt > 4 * LEAST_NOISE) & (noise <= 4 * LEAST_NOISE)
    _put(state, more | steady, NEXT_SOUNDING=np.maximum(state[Field.NEXT_SOUNDING], now + 0.5))
    _put(state, sounded, B_EXPECTED=0.0, B_LOST=0.0)
    state[Field.NOISE] = learnt
    _put(state, steady, FALLS=0.0)
    return steady


def _loss_below(state: FlowColumns, said: Reading) -> F64:
    """The share lost in rounds well below the wall; much loss there only means that the wall is nearer."""
    counts = (state[Field.PHASE] == Phase.HOLD) & (said.used <= 0.85 * state[Field.WALL]) & (said.loss <= _MOST_NOISE)
    counts &= np.isfinite(state[Field.WALL]) & ~said.blind
    _put(state, counts, B_EXPECTED=0.95 * state[Field.B_EXPECTED] + said.asked)
    _put(state, counts, B_LOST=0.95 * state[Field.B_LOST] + said.silent)
    start = (state[Field.PHASE] == Phase.START) & ~said.lossy & ~said.blind
    _put(state, start, B_EXPECTED=state[Field.B_EXPECTED] + state[Field.P_EXPECTED])
    _put(state, start, B_LOST=state[Field.B_LOST] + state[Field.P_LOST])
    _put(state, start, P_EXPECTED=said.asked, P_LOST=said.silent)
    known: F64 = np.maximum(state[Field.B_LOST], 0.0) / np.maximum(state[Field.B_EXPECTED], 1.0)
    return known


def _sound(state: FlowColumns, where: Mask, now: float) -> Mask:
    """Go slowly for a round now and then, where much seems to be lost at any rate: it may be our doing after all."""
    sounded = where & (state[Field.PHASE] == Phase.SOUNDING)
    _put(state, sounded, PHASE=Phase.HOLD, RATE=state[Field.GOOD], NEED=START_NEED)
    due = where & ~sounded & (state[Field.NOISE] > 4 * LEAST_NOISE) & (now >= state[Field.NEXT_SOUNDING])
    due &= (state[Field.PHASE] == Phase.HOLD) | (state[Field.PHASE] == Phase.RISE)
    _put(state, due, RATE=0.5 * state[Field.RATE], PHASE=Phase.SOUNDING, NEED=RISE_NEED)
    _put(state, due, NEXT_SOUNDING=now + SOUNDING_EVERY)
    either: Mask = due | sounded
    return either


def _queued(state: FlowColumns, said: Reading) -> Mask:
    """Whether answers take so much longer than at best that a queue stands somewhere."""
    queued: Mask = (said.trip > 2 * state[Field.BASE] + 0.02) & (said.expected >= 4)
    return queued


def _fall(state: FlowColumns, said: Reading, where: Mask, now: float) -> None:
    """Something was lost: to just below what was delivered, or below where a try of more began."""
    spread = np.sqrt(said.loss * (1 - said.loss) / np.maximum(said.expected, 1.0))
    delivered = said.used * (1 - np.minimum(said.loss + spread, 0.95))
    rising = state[Field.PHASE] == Phase.RISE
    good = state[Field.GOOD]
    before = np.clip(0.97 * said.used * (1 - said.loss), 0.8 * good, 0.97 * good)
    back = np.where(rising, before, BACK * delivered)
    rate = np.clip(back, FLOOR, np.maximum(0.95 * state[Field.RATE], FLOOR))
    pause = np.where(rising, np.minimum(2 * state[Field.PAUSE], LONGEST_PAUSE), FIRST_PAUSE)
    _put(state, where, PAUSE=pause, NEXT_RISE=now + pause)
    _put(state, where & (state[Field.FALLS] <= 1), FELL_RATE=said.used)
    _put(state, where, RATE=rate, GOOD=rate, WALL=said.used, PHASE=Phase.HOLD, HELD=Held.LOSS)
    _put(state, where, RISES=0.0, NEED=START_NEED)


def _stall(state: FlowColumns, said: Reading, where: Mask) -> None:
    """Next to nothing came back: cut, or much too fast. Ask slowly until something answers."""
    first = state[Field.PHASE] != Phase.STALLED
    rate = np.maximum(FLOOR, state[Field.RATE] / 16)
    _put(state, where, RATE=rate, PHASE=Phase.STALLED, HELD=Held.SILENT, NEED=START_NEED / 2)
    _put(state, where & first, STALLS=state[Field.STALLS] + 1)
    _put(state, where & first & (state[Field.FALLS] <= 1), FELL_RATE=said.used)


def _revive(state: FlowColumns, where: Mask, now: float) -> None:
    """Answers come again: go on at a quarter of the rate before the falls, a quarter of that each further time.

    After the first time no wall is assumed: more often it was a cut than a bucket that had run empty.
    """
    again = np.maximum(state[Field.FELL_RATE] / 4 ** np.minimum(state[Field.STALLS], 20), FLOOR)
    wall = np.where(state[Field.STALLS] <= 1, np.inf, state[Field.FELL_RATE])
    _put(state, where, WALL=wall, RISES=len(_STEPS) - 2.0, GOOD=again)
    _put(state, where, RATE=again, PHASE=Phase.HOLD, NEXT_RISE=now, NEED=START_NEED, HELD=Held.NOTHING, FALLS=0.0)


def _yield(state: FlowColumns, said: Reading, where: Mask, now: float) -> None:
    """A queue stands: send less until it is gone. The best round trip ages, as it may have been another host's."""
    rate = np.maximum(0.85 * np.minimum(said.used, state[Field.RATE]), FLOOR)
    _put(state, where, RATE=rate, GOOD=rate, WALL=said.used, PHASE=Phase.HOLD, HELD=Held.ROUND_TRIP)
    _put(state, where, BASE=1.15 * state[Field.BASE], NEXT_RISE=now + state[Field.PAUSE], RISES=0.0)


def _grow(state: FlowColumns, said: Reading, where: Mask, phase: F64, now: float) -> None:
    """Nothing was lost: grow if the rate was used, as the phase has it."""
    used = said.used >= _USED * state[Field.RATE]
    _put(state, where & ~used & (state[Field.HELD] == Held.NOTHING), HELD=Held.UNUSED)
    _put(state, where & said.doubtful, NEED=START_NEED)
    sure = where & used
    _put(state, sure & (state[Field.HELD] == Held.UNUSED), HELD=Held.NOTHING)
    _put(state, sure, GOOD=state[Field.RATE])
    double = sure & (phase == Phase.START) & ~said.doubtful
    _put(state, double, RATE=2 * state[Field.RATE], HELD=Held.NOTHING)
    due = (phase != Phase.HOLD) | (now >= state[Field.NEXT_RISE])
    rise = sure & ~double & due & ~said.doubtful
    _rise(state, rise)
    hold = where & ~double & ~rise & ~said.doubtful & (phase == Phase.HOLD)
    _put(state, hold, NEED=HOLD_NEED)


def _rise(state: FlowColumns, where: Mask) -> None:
    """Try more: towards the wall by halves, and faster where there is none any more."""
    gone = state[Field.GOOD] > 1.1 * state[Field.WALL]
    _put(state, where & gone, WALL=np.inf, PAUSE=FIRST_PAUSE, STALLS=0.0, RISES=0.0)
    rises = state[Field.RISES]
    step = _STEPS[np.minimum(rises, len(_STEPS) - 1).astype(np.int64)]
    ahead = state[Field.WALL] / state[Field.RATE]
    halves = np.where(ahead > 1, np.maximum(np.sqrt(np.minimum(ahead, 4.0)), 1.06), 1.06)
    factor = np.where(np.isfinite(state[Field.WALL]), halves, step)
    factor = np.where(state[Field.RATE] < _SLOW, np.maximum(factor, 1.5), factor)
    _put(state, where, RATE=state[Field.RATE] * factor, RISES=rises + 1, PHASE=Phase.RISE, NEED=RISE_NEED)


def _restart(state: FlowColumns, where: Mask) -> None:
    """The loss is not ours: grow as at the start."""
    _put(state, where, PHASE=Phase.START, WALL=np.inf, NEED=2 * START_NEED, HELD=Held.NOTHING)


def _grope(state: FlowColumns, where: Mask) -> None:
    """Nothing shows what the path bears: grow to a modest rate."""
    rate = state[Field.RATE]
    _put(state, where, RATE=np.where(rate < state[Field.BLIND], np.minimum(1.5 * rate, state[Field.BLIND]), rate))
    _put(state, where, HELD=Held.BLIND)


def _keep_bounds(state: FlowColumns) -> None:
    """No rate above its ceiling. A flow that has come there says so."""
    state[Field.RATE] = np.minimum(state[Field.RATE], state[Field.CEILING])
    capped = (state[Field.RATE] >= state[Field.CEILING]) & (state[Field.HELD] == Held.NOTHING)
    _put(state, capped, HELD=Held.CEILING)
