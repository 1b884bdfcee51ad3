"""What to ask one host next, and when its silence is proven: the strategy, without a network.

Every port is asked once soon, those that have a question three times, because an answer costs the host none of the ICMP
errors that it limits. A port that then stays unanswered is either silent, or closed without an error for it. Asked
again in rounds, at the pace that `icmp_pace.py` learns, the closed ports bring their errors, and silent ones remain.

When few of those asked bring an error any more, the rest is *proven*: a group of suspects is sent at once, and right
behind them a canary, a port that is known to be closed. The host was left alone before, so that it has saved up errors:
if a suspect were closed, it would take the first of them. If none does, and the canary's error comes, the host had
errors left when the suspects arrived, and all of them are silent. If some do, only suspects count that arrived so
shortly before the canary that the host gained no error in between. One error proves a whole group; a port needs four
such proofs, so that lost datagrams do not count as silence. If the canary's error does not come, nothing is lost: the
group's errors went to closed ports, which are settled by them.

All of it ends with the host's patience: the ports that are left then are limited, and reported as such. A host that
sends no error at all proves nothing: its ports are those of a silent host.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from heapq import heappop, heappush
from math import inf

from scanner.core.plan.reasons import Reason
from scanner.core.udp.icmp_pace import IcmpPace

QUESTION_TRIES = 3
"""How often a port with a question is asked before its silence is looked into."""
PLAIN_TRIES = 2
"""How often any other port is asked at a host that sends no errors."""
QUESTION_GAP = 1.0
"""Seconds from one try of a question to the next; answers take up to that long."""
NEIGHBOUR_WAIT = 3.3
"""Seconds to wait for a host that says nothing: systems look for a neighbour for three, then say that it is absent."""
PROOFS = 4
"""How often silence is proven before it is believed: each proof fails a closed port if its own datagram is lost."""
MOST_SUSPECTS = 256
_LEAST_SUSPECTS = 4
_LEAST_WAIT, _MOST_WAIT = 0.1, 1.0
_FIRST_PACE = 1000.0
_WANTED_TOKENS, _MOST_TOKENS = 2.0, 5.0
"""Errors that the host may have saved up when a group is sent; Linux saves six, and what it does not save is lost."""
_MOST_FAILURES = 4
_CANARIES = 8
_CATCH_UP = 0.05
"""Seconds of the pace that are made up for when `take` is called late."""
_TALLY, _FEW = 32, 0.3
"""How many asks are looked at together, and the share of them that is few. While closed ports are left, the pace makes
it about one in `icmp_pace._FASTER`."""
_RETRY = -1
"""Before every `Rank`: who was asked already is asked again on time."""
_REORDERED = 0.02
"""Seconds by which an error may come after the canary's that was sent before it."""
_CLOSE_TO_CANARY = 0.2
"""The share of the time that the host needs for one more error within which suspect and canary count as one moment."""


class Rank(Enum):
    """Which ports of a host go first."""

    QUESTION = 0
    """They may answer."""
    REQUIRED = 1
    """The policy wants them to be open."""
    REST = 2
    """All others."""


class _Phase(Enum):
    ROUNDS = auto()
    PROOF = auto()


@dataclass(slots=True, eq=False)
class _Ask:
    port: int
    rank: Rank
    tries: int = 0
    sent: float = -inf
    window: int = -1
    proofs: int = 0
    again: bool = False
    """Whether it is asked round and round."""
    counts: bool = False
    """Whether a word about it would be the first since it was asked, and so counts for the allowance."""


class HostQueue:
    """The ports of one host that are not settled yet. Times in seconds on any monotonic clock."""

    def __init__(self, patience: float, askers: int = 1) -> None:
        """Take the `patience` in seconds, from the first question on, and the number of addresses that ask in turn
        (`askers`), each of which the host limits by itself."""
        self.icmp = IcmpPace()
        self.settled: list[tuple[int, Reason]] = []
        """Ports whose silence was decided; the caller takes them out."""
        self._patience, self._started, self._askers = patience, inf, askers
        self._clock = 0.0
        self._idle_since: float | None = None
        self._asks: dict[int, _Ask] = {}
        self._first_asks: list[tuple[int, int, _Ask]] = []
        self._waiting: list[tuple[float, int, _Ask]] = []
        self._count = 0
        self._again: deque[_Ask] = deque()
        self._phase = _Phase.ROUNDS
        self._next = -inf
        self._rtt = 0.0
        self._canaries: list[int] = []
        self._tally = _Tally()
        self._canary = 0
        self._group: _Group | None = None
        self._group_size, self._tokens, self._failures = MOST_SUSPECTS, _WANTED_TOKENS, 0

    def __len__(self) -> int:
        return len(self._asks)

    @property
    def tells(self) -> bool:
        """Return whether any ICMP error about a port of the host has come, from itself or from a router."""
        return bool(self._canaries)

    @property
    def proving(self) -> bool:
        """Return whether a group of suspects is under way, with the canary behind it."""
        return self._group is not None

    def add(self, port: int, rank: Rank) -> None:
        """Add a port to ask."""
        if not self._asks:
            self._phase, self._tally = _Phase.ROUNDS, _Tally()
            self._idle_since = self._clock
        ask = self._asks[port] = _Ask(port, rank)
        self._push(rank.value, ask)

    # -- what the network says ---------------------------------------------------------------------------------

    def told(self, port: int, now: float) -> float | None:
        """Note an ICMP error about a port; return the seconds since it was asked, None where none is awaited."""
        if self._group is not None and port == self._group.canary and self._group.sent < inf:
            self._group.proven = True
            self._group.due = min(self._group.due, now + _REORDERED)
        ask = self._heard(port)
        if ask is None:
            return None
        if self._group is not None and not ask.counts:
            self._group.told += 1
        if len(self._canaries) < _CANARIES:
            self._canaries.append(port)
        if ask.counts:
            self.icmp.told(ask.window)
            self._tally.told += ask.again
        return self._time(ask, now)

    def answered(self, port: int, now: float) -> float | None:
        """Note a datagram from a port; return the seconds since it was asked, None where none is awaited."""
        ask = self._heard(port)
        if ask is None:
            return None
        if ask.counts:
            self.icmp.told(ask.window)  # it cost the host nothing, and was not lost
        return self._time(ask, now)

    def drop(self, port: int) -> None:
        """Drop a port that was settled for another reason."""
        self._forget(port)

    def _heard(self, port: int) -> _Ask | None:
        """Return the port's ask, unless it was never sent: what comes then answers nothing of ours."""
        ask = self._asks.get(port)
        return self._forget(port) if ask is not None and ask.sent > -inf else None

    def _forget(self, port: int) -> _Ask | None:
        return self._asks.pop(port, None)

    def _time(self, ask: _Ask, now: float) -> float:
        rtt = max(0.0, now - ask.sent)
        self._rtt = rtt if not self._rtt else 0.875 * self._rtt + 0.125 * rtt
        return rtt

    # -- what to ask -------------------------------------------------------------------------------------------

    def take(self, now: float) -> int | None:
        """Return the port to ask now, which then counts as asked; None where there is none yet."""
        self._resume(now)
        self._look(now)
        ask = self._first(now)
        if ask is not None:
            return self._go(ask, now, wait=QUESTION_GAP if ask.rank is Rank.QUESTION or not self.tells else self._wait)
        if self._group is not None:
            return self._from_group(now)
        if self._goes_round(now) and now >= self._next:
            self._next = max(self._next, now - _CATCH_UP) + 1 / self.icmp.pace
            while self._again:
                ask = self._again.popleft()
                if ask.port in self._asks:
                    ask.again = True
                    return self._go(ask, now, wait=self._wait)
        return None

    def _resume(self, now: float) -> None:
        """Go on counting patience, which runs only while there is something to ask."""
        if self._idle_since is None:
            return
        self._started = self._started + now - self._idle_since if self._started < inf else now
        self._idle_since, self._group = None, None

    def due(self, now: float) -> float:
        """Return when to call `take` next: `now` or earlier for at once, infinity for never."""
        times = [self._waiting[0][0] if self._waiting else inf]
        if self._first_asks:
            times.append(self._next)
        elif self._group is not None:
            times.append(self._group.due)
        elif self._goes_round(now):
            times.append(self._next)
        elif self._asks and not self._waiting:
            times.append(now if self.tells else self._started + NEIGHBOUR_WAIT)
        return min(times)

    def is_canary(self, port: int) -> bool:
        """Whether the port that `take` gave last is a canary: what is sent to it must leave after everything else."""
        group = self._group
        return group is not None and group.sent < inf and group.canary == port

    def give_up(self) -> list[int]:
        """Return all ports that are not settled, and ask none of them any more."""
        left = list(self._asks)
        self._asks.clear()
        return left

    def seconds_left(self) -> float:
        """Return the seconds that the rest would take at the host's rate of errors; 0 where that is not known."""
        return len(self._asks) / self.icmp.told_a_second if self.icmp.told_a_second else 0.0

    @property
    def _wait(self) -> float:
        """Return seconds after which an error that was sent has come."""
        return min(max(_LEAST_WAIT, 4 * self._rtt), _MOST_WAIT)

    def _first(self, now: float) -> _Ask | None:
        """Return the next of those that were not asked often enough yet, at their pace."""
        if not self._first_asks or now < self._next:
            return None
        self._next = max(self._next, now - _CATCH_UP) + 1 / max(_FIRST_PACE, self.icmp.pace)
        while self._first_asks:
            ask = heappop(self._first_asks)[2]
            if ask.port in self._asks:
                return ask
        return None

    def _go(self, ask: _Ask, now: float, *, wait: float) -> int:
        ask.tries += 1
        ask.sent, ask.counts = now, True
        ask.window = self.icmp.asked(now)
        self._count += 1
        heappush(self._waiting, (now + wait, self._count, ask))
        return ask.port

    def _look(self, now: float) -> None:
        """Act on what has become due."""
        self._clock = now
        while self._waiting and self._waiting[0][0] <= now:
            ask = heappop(self._waiting)[2]
            if ask.port in self._asks:
                self._unanswered(ask)
        self._tally_up()
        if self._first_asks or self._waiting or not self._asks:
            return
        if not self.tells:
            if now >= self._started + NEIGHBOUR_WAIT:
                self._settle_rest(Reason.UDP_SILENT_HOST)
        elif self._impatient(now):
            self._settle_rest(Reason.UDP_NO_RESPONSE_LIMITED)
        elif self._group is not None:
            self._judge_group(now)
        elif self._phase is _Phase.PROOF:
            self._form_group(now)

    def _goes_round(self, now: float) -> bool:
        return self.tells and self._phase is _Phase.ROUNDS and bool(self._again) and not self._impatient(now)

    def _impatient(self, now: float) -> bool:
        return now - self._started > self._patience

    def _tally_up(self) -> None:
        """Go over to proof once few of the ports that are asked again bring an error."""
        tally = self._tally
        if self._phase is _Phase.PROOF or tally.told + tally.silent < min(_TALLY, max(1, len(self._again))):
            return
        if tally.told < _FEW * (tally.told + tally.silent):
            self._phase, self._failures = _Phase.PROOF, 0
        self._tally = _Tally()

    def _unanswered(self, ask: _Ask) -> None:
        self._tally.silent += ask.again
        wanted = QUESTION_TRIES if ask.rank is Rank.QUESTION else 1 if self.tells else PLAIN_TRIES
        if ask.tries < wanted:
            self._push(_RETRY, ask)
        else:
            self._again.append(ask)

    def _push(self, order: int, ask: _Ask) -> None:
        self._count += 1
        heappush(self._first_asks, (order, self._count, ask))

    def _settle_rest(self, reason: Reason) -> None:
        self.settled += [(port, reason) for port in self._asks]
        self._asks.clear()
        self._again.clear()
        self._group = None

    # -- proof by a canary -------------------------------------------------------------------------------------

    def _form_group(self, now: float) -> None:
        suspects: list[_Ask] = []
        while self._again and len(suspects) < self._group_size:
            if (ask := self._again.popleft()).port in self._asks:
                suspects.append(ask)
        self._canary = (self._canary + 1) % len(self._canaries)
        self._group = _Group(suspects, self._canaries[self._canary], begins=now + self._refill)

    @property
    def _refill(self) -> float:
        """Return seconds in which a host that limits gains the allowance for a group's closed ports and its canary."""
        told = self.icmp.told_a_second
        return min(self._tokens * self._askers / told, _MOST_TOKENS) if told else 0.0

    def _from_group(self, now: float) -> int | None:
        group = self._group
        assert group is not None
        if now < group.begins or group.sent < inf:
            return None
        while group.turn < len(group.suspects):
            ask = group.suspects[group.turn]
            group.turn += 1
            if ask.port in self._asks:
                ask.sent, ask.counts = now, False
                return ask.port
        group.sent, group.due = now, now + self._wait
        return group.canary

    def _judge_group(self, now: float) -> None:
        """Decide about a group once its canary's error has come, or no longer will."""
        group = self._group
        assert group is not None
        if group.sent == inf or now < group.due:
            return
        self._group = None
        told = self.icmp.told_a_second
        span = _CLOSE_TO_CANARY * self._askers / told if told else inf
        for ask in group.suspects:
            if ask.port not in self._asks:
                continue
            ask.proofs += group.proven and (not group.told or group.sent - ask.sent <= span)
            if ask.proofs >= PROOFS:
                self._forget(ask.port)
                self.settled.append((ask.port, Reason.UDP_NO_RESPONSE))
            else:
                self._again.append(ask)
        self._learn(proven=group.proven)
        if self._asks and self._phase is _Phase.PROOF:
            self._form_group(now)

    def _learn(self, *, proven: bool) -> None:
        """Make the next group larger after a proof; go back to rounds after several failures."""
        if proven:
            self._group_size = min(2 * self._group_size, MOST_SUSPECTS)
            self._tokens, self._failures = _WANTED_TOKENS, 0
            return
        self._failures += 1
        self._group_size = max(self._group_size // 2, _LEAST_SUSPECTS)
        self._tokens = min(2 * self._tokens, _MOST_TOKENS)
        if self._failures >= _MOST_FAILURES:
            self._phase, self._tally = _Phase.ROUNDS, _Tally()


@dataclass(slots=True)
class _Tally:
    """What came of the asks of late."""

    told: int = 0
    silent: int = 0


@dataclass(slots=True)
class _Group:
    """Suspects and the canary behind them."""

    suspects: list[_Ask]
    canary: int
    begins: float
    turn: int = 0
    sent: float = inf
    due: float = 0.0
    proven: bool = False
    told: int = 0

    def __post_init__(self) -> None:
        self.due = self.begins
