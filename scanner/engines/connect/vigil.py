"""Proof of silence in the connect engine: canaries are asked, and what fell silent is held up until it answers.

The rules are in `core/path/watch.py`; this gives its canaries places among the probes, and tells it what came of them.
Times are arguments, in seconds on a monotonic clock.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from scanner.core.columns import F64, I64
from scanner.core.path.exchange import Ask, Echo, Fallen, Gate, Heard
from scanner.core.path.silence import Silence
from scanner.core.path.watch import Watch
from scanner.core.plan.reasons import Reason, reason_code
from scanner.engines.connect.canary_board import CanaryBoard
from scanner.engines.connect.hosts import Host, HostBook
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.schedule import Schedule, Turn

_SAMPLE = 32
_MOST_UNHEARD = 4096
_HEARD = tuple(each.name for each in fields(Heard))
CANARIES_AT_ONCE = 64
"""Canaries that are handed out at a time."""
_HOST_LOST, _PATH_LOST = reason_code(Reason.HOST_LOST), reason_code(Reason.PATH_LOST)


@dataclass(frozen=True, slots=True)
class CanaryAnswers:
    """Endpoints of one wave that answered with TCP."""

    wave: InFlightWave
    """The wave."""
    indices: I64
    """Which of it."""
    sent_at: F64
    """When the probe of each left."""
    is_open: bool
    """Whether they answered SYN-ACK."""

    def column(self, name: str) -> "np.ndarray[tuple[int], np.dtype[Any]]":
        """Return a column of `Heard`."""
        match name:
            case "sent_at":
                return self.sent_at
            case "open":
                return np.full(len(self.indices), self.is_open)
            case "tries":
                return np.frombuffer(self.wave.unanswered, np.uint8)[self.indices].astype(np.int64) + 1
            case "path":
                return self.wave.ways[self.indices]
            case _:
                column: np.ndarray[tuple[int], np.dtype[Any]] = getattr(self.wave.wave, name)[self.indices]
                return column


class Vigil:
    """Asks canaries, and holds up and gives up hosts and ways that are silent."""

    def __init__(self, book: HostBook, schedule: Schedule, start: float) -> None:
        """`start`: now."""
        self.watch = Watch(start)
        self.board = CanaryBoard()
        self.outages = 0
        """Hosts and ways that fell silent so far."""
        self._book, self._schedule = book, schedule
        self._paused: dict[Host, None] = {}
        self._answers: list[CanaryAnswers] = []
        self._unheard = 0

    @property
    def waits(self) -> bool:
        """Whether canaries have not left yet that are to be asked."""
        return self._schedule.has_urgent

    def probed(self, turns: list[Turn]) -> None:
        """These ordinary probes left: a sample of them is reported."""
        each = max(1, len(turns) // _SAMPLE)
        sample = [turn[2] for turn in turns[::each]]
        if sample:
            host = np.array([each.number for each in sample], np.uint64)
            self.watch.probed(host, np.array([each.way.place for each in sample], np.int64), each=each)

    def answered(self, wave: InFlightWave, indices: I64, sent_at: F64, now: float, *, is_open: bool) -> None:
        """Endpoints of a wave answered with TCP. The watch hears of it at the next `flush`, of many at a time."""
        self._answers.append(CanaryAnswers(wave, indices, sent_at, is_open))
        self._unheard += len(indices)
        if self._unheard >= _MOST_UNHEARD:
            self.flush(now)

    def flush(self, now: float) -> None:
        """Report the answers that came until now."""
        answers, self._answers, self._unheard = self._answers, [], 0
        if not answers:
            return
        heard = Heard(**{name: np.concatenate([each.column(name) for each in answers]) for name in _HEARD})
        self.watch.heard(heard, now)
        for each in answers:
            if each.wave.tries:
                self._note_missed(each)

    def _note_missed(self, answers: CanaryAnswers) -> None:
        """Count the earlier tries of endpoints that answered a later one as lost, unless it was in an outage."""
        wave, tries = answers.wave, answers.column("tries") - 1
        for place in np.flatnonzero(tries).tolist():
            index = answers.indices[place]
            earlier = np.array([wave.tries[each][index] for each in range(int(tries[place]))])
            host, way = np.repeat(wave.wave.host[index], len(earlier)), np.repeat(wave.ways[index], len(earlier))
            self.watch.missed(int(way[0]), earlier[~self.watch.voided(host, way, earlier)])

    def ask(self, ask: Ask) -> None:
        """Send these canaries before everything else."""
        for number, host_number in enumerate(ask.host.tolist()):
            host = self._book.numbered(host_number)
            if host is None:  # forgotten meanwhile
                self.watch.withdraw(ask[number : number + 1])
            else:
                self._schedule.urgently((self.board, self.board.place(ask, number), host))

    def leaves(self, place: int, now: float) -> None:
        """The canary at a place of the board is sent."""
        ask = self.board.leaves(place)
        if ask is not None:
            self.watch.went(ask, now)

    def echo(self, places: list[int], now: float, *, is_open: bool) -> Echo:
        """Canaries answered; those that took too long count for nothing."""
        asks = [self.board.at(place) for place in places]
        for place in places:
            self.board.free(place)
        tickets, high, low, ports = (
            np.concatenate([getattr(ask, name) for ask in asks]) for name in ("ticket", "high", "low", "port")
        )
        self.flush(now)
        tickets = tickets[self.watch.matches(tickets, high, low, ports)]
        return self.watch.echo(tickets, np.full(len(tickets), is_open), now)

    def look(self, now: float) -> None:
        """Ask what is due, and see who has fallen silent, who is back and who is to be given up."""
        self.flush(now)
        self._hold(self.watch.expire(now))
        self.watch.give_up(now)
        self._release(now)
        if not self.waits:
            self.ask(self.watch.due(now, CANARIES_AT_ONCE))

    def _hold(self, fallen: Fallen) -> None:
        self.outages += len(fallen.paths) + len(fallen.hosts)
        for way in self._book.ways:
            way.paused |= way.place in fallen.paths
        for number in fallen.hosts.tolist():
            host = self._book.numbered(number)
            if host is not None:
                host.paused = True
                self._paused[host] = None

    def _release(self, now: float) -> None:
        """Go on with hosts and ways that are back, and settle what belongs to those that were given up."""
        for way in self._book.ways:
            state = self.watch.paths.state[way.place]
            if way.paused and state == Silence.GIVEN_UP and way.verdict is None:
                way.verdict = _PATH_LOST
                self._schedule.settle_held(way)
            way.paused = bool(state == Silence.SILENT)
            if state < Silence.SILENT:
                way.verdict = None
        for host, gate in self._gates():
            if gate == Gate.LOST:
                host.verdict = _HOST_LOST if host.way.verdict is None else host.way.verdict
            if gate != Gate.WAIT:
                host.paused = False
                del self._paused[host]
                self._schedule.resume(host, now)

    def _gates(self) -> list[tuple[Host, int]]:
        hosts = [*self._paused]
        if not hosts:
            return []
        numbers = np.array([host.number for host in hosts], np.uint64)
        ways: I64 = np.array([host.way.place for host in hosts], np.int64)
        return [*zip(hosts, self.watch.gates(numbers, ways).tolist(), strict=True)]
