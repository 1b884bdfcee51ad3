"""The rate of each flow, found by what becomes of its probes. A flow is a host, or a way out.

Call order of an engine, once for its ways out and once for its hosts (rows from `host_rows.py`):

    begin      a row is used for the first time
    heard      after every lot of answers
    decide     every 5 to 20 ms, after `heard` and before sending: judges rounds, gives the rows with a new rate
    wanted     how many canaries to ask now
    sent       after every batch, with the moment that `heard` will be told
    trouble    what is in flight may be lost by our own fault (ENOBUFS, a full receive ring, a link that went down)

What may go is the least of what the path, the host and the user's limits allow (`allowance.py` keeps each of them).

Theory. A path is known by two numbers, what it delivers and how long that takes; the best place is just below the
knee where more sent is not more delivered (Kleinrock, "Power and deterministic rules of thumb", ICC 1979). TCP Vegas
finds it by round trips that grow (Brakmo, O'Malley, Peterson, SIGCOMM 1994), BBR by measuring the delivered rate
(Cardwell et al., "BBR: Congestion-based congestion control", ACM Queue 14-5, 2016; draft-ietf-ccwg-bbr), and both
keep it by trying a little more now and then. Their transport acknowledges every packet; most of our probes are never
answered. What can be counted on is told in `evidence.py`.

* Start: double each round while nothing is lost (slow start: Jacobson, "Congestion avoidance and control", SIGCOMM
  1988; nmap's book, "Port scanning algorithms", does so with its window; zmap#804 and masscan#757 ask for it). Up to
  a tenth may be lost without an end to it: whether loss comes of the rate is shown by the next doubling, which halves
  what is delivered.
* Fall: to 94 % of the delivered rate, less a standard deviation. Halving, as nmap does, would forget what was
  measured; a policer (Flach et al., "An Internet-wide analysis of traffic policing", SIGCOMM 2016) delivers its rate
  exactly.
* Rise: from there halfway to the rate that lost something, by ever smaller steps, after pauses that double to 4 s;
  beyond it by growing ones. Rises are judged by more canaries than anything else.
* Loss at random is no reason to fall (Dong et al., "PCC: Re-architecting congestion control", NSDI 2015): what is
  lost at the start, well below the wall, or still after falling thrice, is learnt as usual (30 % at most). Since what
  was learnt wrongly would excuse our own loss for ever, a round at half the rate measures it anew every five seconds.
* Round trips that double and are 20 ms longer show a queue: 15 % less, before anything is lost (Vegas). Those of a
  host that grow tenfold and by 250 ms show a fragile device: it is let go, at one probe a second.
* Nothing comes back: ask ten times a second. When it answers, go on at a quarter of the last rate, and after a second
  time at a sixteenth: a cut says nothing about the rate, but an empty token bucket looks the same.
* A round's answers belong to it by when their probes left, so one rate is never judged by the echo of another, and
  loss is known a round trip after it began.

`tests/bench/simulate_paths.py` drives this over ten thousand random paths. Not seen: loss below some 3 % with few
answers, which retries mend (`path/retries.py`).
"""

from typing import assert_never

import numpy as np

from scanner.core.columns import F64, I64, Indices, Mask
from scanner.core.rate import flow_state, moves
from scanner.core.rate.evidence import read
from scanner.core.rate.flow_state import (
    OPEN_COUNTS,
    RISE_NEED,
    WAITING_COUNTS,
    Field,
    FlowColumns,
    Held,
    Phase,
    reopen,
    trusted_hits,
)

FIRST_PATIENCE = 1.0
"""Seconds that the first answer may take; nmap's first timeout."""
LEAST_PATIENCE, MOST_PATIENCE = 0.03, 3.0
SHORTEST, LONGEST = 0.01, 1.0
"""Seconds that a round lasts."""
SHORTEST_RISE = 0.1
"""... where more is tried: a token bucket that filled up meanwhile is not taken for the rate for long."""
SHORTEST_HOLD = 0.05
"""... while a rate holds: the more rounds there are to judge, the more often chance looks like loss."""
_SHARE = 0.25
"""Share of a round's probes that may be canaries, twice that where fewer than `_SLOW` a second go."""
_SLOW = 150.0
_GOOD_SHARE = 0.75
"""Share of what a round needs to know that ordinary answers may tell; the rest is canaries."""
_RISE_SHARE = 0.5
"""... of a round that tries more: what it loses may be limited resets only, which canaries tell."""
_AGES = 0.98
"""What a round leaves of the longest round trip."""


class Flows:
    """The flows. Times in seconds on a monotonic clock, rates in probes a second. 368 bytes a row."""

    def __init__(self, flows: int) -> None:
        """So many rows, none of them begun."""
        self._state = flow_state.blank(flows)

    @property
    def rate(self) -> F64:
        """What each flow may send now a second, canaries included; 0 where it was not begun. Not a copy."""
        rate: F64 = self._state[Field.RATE]
        return rate

    @property
    def columns(self) -> FlowColumns:
        """The whole state, `Field` by flow, to look at. Not a copy."""
        return self._state

    @property
    def deadline(self) -> F64:
        """Seconds after which an unanswered canary counts as lost: the longest round trip lately, and a margin."""
        return _deadline(self._state)

    def begin(
        self, rows: Indices, now: float, *, ceiling: float, start: float = 200.0, blind: float = 1000.0, tender: bool
    ) -> None:
        """Start rows anew.

        Args:
            rows: which.
            now: the time.
            ceiling: probes a second that they never exceed.
            start: probes a second to begin with.
            blind: probes a second at most while nothing answers.
            tender: whether round trips that grow a lot mean a fragile device: True for hosts, False for ways out.
        """
        flow_state.begin(self._state, rows, now, start=start, ceiling=ceiling, blind=blind, tender=tender)

    def sent(self, rows: Indices, *, probes: I64 | int = 1, canaries: I64 | int = 0) -> None:
        """So many ordinary probes and canaries left for each of `rows`, which may repeat.

        The moment at which they left, as `heard` will be told it, is that of the last `decide` or later.
        """
        np.add.at(self._state[Field.SENT], rows, probes)
        np.add.at(self._state[Field.ASKED], rows, canaries)

    def heard(
        self, rows: Indices, sent_at: F64, now: float | F64, *, probes: I64 | int = 1, canaries: I64 | int = 0
    ) -> None:
        """Answers came at `now` to what left at `sent_at`, one for each of `rows`, which may repeat.

        Args:
            rows: the flow of each answer.
            sent_at: when its probe left: of the very try that is answered.
            now: when the answer came; one moment, or one for each.
            probes: ordinary probes that are answered by it.
            canaries: canaries that are.
        """
        state = self._state
        answers = np.broadcast_to(probes, rows.shape) + np.broadcast_to(canaries, rows.shape)
        trip = now - sent_at
        state[Field.SLOW, rows] = np.fmax(state[Field.SLOW, rows], np.where(answers > 0, trip, 0.0))
        is_open = sent_at >= state[Field.OPENED, rows]
        waits = ~is_open & (sent_at >= state[Field.W_OPENED, rows]) & (sent_at < state[Field.W_CLOSED, rows])
        for mask, shift in ((is_open, 0), (waits, Field.W_SENT - Field.SENT)):
            for field, value in ((Field.HEARD, probes), (Field.ANSWERED, canaries), (Field.TRIP_SUM, answers * trip)):
                np.add.at(state[field + shift], rows[mask], np.broadcast_to(value, rows.shape)[mask])

    def trouble(self, rows: Indices, now: float) -> None:
        """What is in flight may be lost by our own fault: the round does not count, and the rate stays."""
        part = self._state[:, rows]
        reopen(part, now)
        part[Field.W_OPENED] = np.nan
        part[Field.PHASE] = np.where(part[Field.PHASE] == Phase.START, Phase.HOLD, part[Field.PHASE])
        part[Field.NEXT_RISE] = now + part[Field.PAUSE]
        part[Field.HELD] = Held.OURSELVES
        self._state[:, rows] = part

    def decide(self, now: float, among: Indices | None = None, *, heard_until: float | None = None) -> Indices:
        """Judge the rounds that are over. The rows whose rate changed: tell `Allowance.set_rate`.

        `among`: distinct rows to look at, those that were sent to in the last seconds say; None for all. All of 65,536
        take some 10 ms to look at. `heard_until`: up to when all answers were told to `heard`, if that is not now.
        """
        rows = np.arange(self._state.shape[1]) if among is None else among
        seen = self._state if among is None else self._state[:, among]
        changed = self._judge(rows[_is_over(seen, now if heard_until is None else heard_until)], now)
        seen = self._state if among is None else self._state[:, among]
        self._close(rows[_may_close(seen, now)], now)
        return changed

    def _judge(self, due: Indices, now: float) -> Indices:
        """Read the waiting rounds of these rows, and let their rates follow. Those that changed."""
        state = self._state
        changed = due[:0]
        if len(due):
            part = state[:, due]
            before = part[Field.RATE].copy()
            moves.follow(part, read(part), now)
            part[Field.W_OPENED] = np.nan
            part[Field.SLOW] *= _AGES
            other = part[Field.RATE] != before
            moved = part[:, other]
            reopen(moved, now)
            part[:, other] = moved
            state[:, due] = part
            changed = due[other]
        return changed

    def wanted(self, rows: Indices, now: float) -> I64:
        """How many canaries each row should ask now, beyond those it asked. They count as part of its rate."""
        part = self._state[:, rows]
        known = _known(part)
        seconds = now - part[Field.OPENED]
        share = np.where(part[Field.RATE] < _SLOW, 2 * _SHARE, _SHARE)
        share = np.where(part[Field.PHASE] == Phase.STALLED, 1.0, share)
        allowed = np.floor(share * part[Field.RATE] * seconds + 1.0) - part[Field.ASKED]
        wanted: I64 = np.clip(np.minimum(np.ceil(part[Field.NEED] - known), allowed), 0, None).astype(np.int64)
        return wanted

    def let_go(self, rows: Indices) -> None:
        """These are fragile: one probe a second from now on, until `begin`."""
        self._state[Field.PHASE, rows] = Phase.FRAGILE
        self._state[Field.HELD, rows] = Held.FRAGILE
        self._state[Field.RATE, rows] = moves.FRAGILE_RATE

    def held(self, row: int) -> Held:
        """What keeps this flow from being faster."""
        return Held(int(self._state[Field.HELD, row]))

    def what_holds(self, row: int, name: str) -> str:
        """The same in a plain sentence. `name` is an address, or "the path"."""
        return sentence(self.held(row), name, wall=float(self._state[Field.WALL, row]), rate=float(self.rate[row]))

    def _close(self, rows: Indices, now: float) -> None:
        """Let the open rounds of these rows wait for their last answers."""
        if not len(rows):
            return
        part = self._state[:, rows]
        part[Field.W_OPENED], part[Field.W_CLOSED] = part[Field.OPENED], now
        part[WAITING_COUNTS] = part[OPEN_COUNTS]
        part[OPEN_COUNTS], part[Field.OPENED] = 0.0, now
        self._state[:, rows] = part


def _is_over(state: FlowColumns, now: float) -> Mask:
    """Which waiting rounds can be read: all their answers came, or are overdue."""
    waits = ~np.isnan(state[Field.W_OPENED]) & (state[Field.PHASE] > Phase.IDLE)
    overdue = now >= state[Field.W_CLOSED] + _deadline(state)
    likely = trusted_hits(state) * state[Field.W_SENT]
    complete = (state[Field.W_ANSWERED] >= state[Field.W_ASKED]) & (state[Field.W_HEARD] >= likely)
    complete &= now >= state[Field.W_CLOSED] + state[Field.SLOW]  # sooner, and the hit rate would count too few
    over: Mask = waits & (overdue | (complete & (state[Field.W_ASKED] + likely >= state[Field.NEED])))
    return over


def _may_close(state: FlowColumns, now: float) -> Mask:
    """Which open rounds have enough in them, where none waits."""
    seconds = now - state[Field.OPENED]
    least = np.where(state[Field.PHASE] == Phase.RISE, SHORTEST_RISE, SHORTEST)
    least = np.where(state[Field.PHASE] == Phase.HOLD, SHORTEST_HOLD, least)
    span = np.clip(np.nan_to_num(state[Field.SLOW]) / 4, least, 0.25)
    enough = (seconds >= span) & (_known(state) >= state[Field.NEED])
    longest = np.where(state[Field.NEED] >= RISE_NEED, 2 * LONGEST, LONGEST)
    late = (seconds >= longest) & (state[Field.ASKED] + state[Field.SENT] > 0)
    free = np.isnan(state[Field.W_OPENED]) & (state[Field.PHASE] > Phase.IDLE)
    may: Mask = free & (enough | late)
    return may


def _known(state: FlowColumns) -> F64:
    """Probes of open rounds that can be counted on to be answered; a quarter at least are to be canaries."""
    likely = trusted_hits(state) * state[Field.SENT]
    share = np.where(state[Field.PHASE] == Phase.RISE, _RISE_SHARE, _GOOD_SHARE)
    share = np.where(state[Field.PHASE] == Phase.SOUNDING, 0.0, share)
    known: F64 = state[Field.ASKED] + np.minimum(likely, share * state[Field.NEED])
    return known


def _deadline(state: F64) -> F64:
    slow = np.where(state[Field.SLOW] > 0, 1.25 * state[Field.SLOW] + 0.01, FIRST_PATIENCE)
    return np.clip(slow, LEAST_PATIENCE, MOST_PATIENCE)


def sentence(held: Held, name: str, *, wall: float, rate: float) -> str:
    """What keeps `name` at `rate` probes a second; `wall` is the rate at which it lost something."""
    match held:
        case Held.NOTHING:
            return f"{name} is still getting faster"
        case Held.LOSS:
            return (
                f"{name} loses above {min(wall, 1e9):,.0f}/s" if wall < np.inf else f"{name} bears {rate:,.0f}/s so far"
            )
        case Held.ROUND_TRIP:
            return f"{name} answers no faster"
        case Held.CEILING:
            return f"ceiling of {rate:,.0f}/s for {name}"
        case Held.FRAGILE:
            return f"{name} was let go: it answered ever more slowly"
        case Held.SILENT:
            return f"{name} does not answer at the moment"
        case Held.OURSELVES:
            return f"this machine sends no faster to {name}"
        case Held.UNUSED:
            return f"{name} could take more"
        case Held.BLIND:
            return f"nothing behind {name} answers, so nothing shows what it bears"
        case _:
            assert_never(held)
