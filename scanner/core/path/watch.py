"""Silence is proved, the same way in every engine: who is asked again, and what follows when nobody answers.

An engine counts its hosts (the wave's own numbers) and its ways out (0, 1, ... below `PATHS`), and calls

    probed      ordinary probes left: a sample of them is enough
    heard       TCP answers to ordinary probes came: their endpoints are canaries from now on
    due         a few times a second: the canaries to ask now; each has a ticket
    went        they left; or `withdraw`, if they could not be sent
    echo        canaries answered
    expire      a few times a second: deadlines passed. Says who has just fallen silent: look up the next hop again
    gates       before sending, unless it is `calm`: who may be probed, who must wait, who was given up
    undecided   before settling: whose silence is not proved yet. They are asked at once; look again when answers came
    voided      before settling: tries that were made while nobody answered, and do not count
    codes       when settling: the reason codes of what stayed unanswered

Where only one host behind a way out ever answered, nothing tells the way from the host, and the host is blamed. What a
canary is asked through (its next hop) is the engine's to know.
"""

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F64, I64, U16, U64, Indices, Mask
from scanner.core.path.desk import CanaryDesk
from scanner.core.path.exchange import Ask, Echo, Fallen, Gate, Heard, last_of_each
from scanner.core.path.loss import LossLedger
from scanner.core.path.outages import Outages
from scanner.core.path.resets import ResetCounts
from scanner.core.path.silence import Cause, Silence, SilenceBook, causes
from scanner.core.path.tickets import FOR_HOST, FOR_PATH, FOR_RATE
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.rate.host_rows import HostRows

PATHS = 256
"""Ways out that are told apart; an engine lets any further ones share the last."""
HOSTS = 1 << 16
"""Rows of hosts."""
TICKETS = 1024
"""Canaries that may be under way at a time."""
PATH_PATIENCE, HOST_PATIENCE = 30.0, 10.0
"""Seconds of silence after which a way out, and a host, is given up."""
LEAST_TRAFFIC = 32
"""Probes to a host after which it is worth asking whether it still answers."""
LOOK_AT_HOSTS = 0.04
"""Seconds from one look at all hosts to the next, where none was due."""
FIRST_DEADLINE, LEAST_DEADLINE, MOST_DEADLINE = 1.0, 0.25, 3.0
"""Seconds that a canary may take: as long as no round trip is known, and what follows from those at least and most."""
_AGES = 0.99
_NEVER_FAILS = PATHS
"""The way of a host that is the only canary of its own."""
_CODE_OF = np.array(
    [reason_code(each) for each in (Reason.NO_RESPONSE, Reason.SILENT_HOST, Reason.HOST_LOST, Reason.PATH_LOST)],
    np.uint16,
)
"""By `Cause`."""


class Watch:
    """What is known of the silence of hosts and ways out. Times in seconds on a monotonic clock."""

    def __init__(self, start: float, *, hosts: int = HOSTS, tickets: int = TICKETS) -> None:
        """`start`: now; `hosts`: rows, a power of two; `tickets`: canaries under way at a time."""
        self.paths = SilenceBook(PATHS + 1, patience=PATH_PATIENCE)
        self.paths.answered(np.array([_NEVER_FAILS]), np.array([np.inf]))
        self.hosts = SilenceBook(hosts, patience=HOST_PATIENCE, least=LEAST_TRAFFIC)
        self.path_outages, self.host_outages = Outages(), Outages()
        self._resets = ResetCounts(hosts)
        self._ledgers: dict[int, LossLedger] = {}
        self._start = start
        self._rows = HostRows(hosts)
        self._desk = CanaryDesk(hosts, PATHS, tickets)
        self._slow: F64 = np.full(PATHS, np.nan)  # longest round trip lately
        self._suspects: list[tuple[int, float]] = []  # rows of hosts that fell silent and when: the way may be to blame
        self._hosts_at = start  # when it is worth looking at all hosts again
        self._scratch: I64 = np.zeros(hosts, np.int64)

    @property
    def calm(self) -> bool:
        """Whether no host and no way is silent: then all gates are open."""
        return bool(max(self.paths.state.max(), self.hosts.state.max()) < Silence.SILENT)

    @property
    def blank(self) -> bool:
        """Whether nothing was heard at all: nothing can be proved, and no host need be looked up."""
        return not self._ledgers

    def silent_since(self, moment: float) -> bool:
        """Whether a host or a way was silent at that moment or later."""
        return max(self.path_outages.latest, self.host_outages.latest) >= moment

    def given_up(self, host: U64, path: I64) -> Mask:
        """Which of these endpoints will not be probed any more."""
        if self.calm:
            return np.zeros(len(host), np.bool_)
        lost: Mask = self.gates(host, path) == Gate.LOST
        return lost

    def rows(self, host: U64) -> I64:
        """The row of each host, -1 for those of which nothing was heard."""
        return self._rows.find(host)

    def ledger(self, path: int) -> LossLedger:
        """What was lost by a way out, when."""
        if path not in self._ledgers:
            self._ledgers[path] = LossLedger(self._start)
        return self._ledgers[path]

    def probed(self, host: U64, path: I64, *, each: int = 1) -> None:
        """Ordinary probes left: `each` for every one of these."""
        self.paths.sent(path, each)
        rows = self._rows.find(host)
        self.hosts.sent(rows[rows >= 0], each)

    def heard(self, heard: Heard, now: float) -> None:
        """Endpoints answered ordinary probes."""
        rows = self._claim(heard, now)
        known = np.flatnonzero(rows >= 0)
        fair = heard.open | ~self._limited(rows)
        self._path_answered(heard.path, heard.sent_at, now, fair)
        tries = heard.tries[known]
        self._resets.note(rows[known], heard.open[known], asked=tries, silent=tries - 1)
        self._resets.find(np.unique(rows[known[tries > 1]]))
        for kind in (False, True):
            places = known[heard.open[known] == kind]
            places = places[last_of_each(rows[places], self._scratch)]
            self._desk.note(rows[places], heard.port[places], is_open=kind)
            self._host_answered(rows[places], heard.sent_at[places])

    def missed(self, path: int, sent_at: F64) -> None:
        """Tries of endpoints that answered a later one: they were lost."""
        self.ledger(path).note(sent_at, np.ones(len(sent_at), np.bool_))

    def due(self, now: float, most: int) -> Ask:
        """The canaries to ask now, `most` at most: of ways out first, then of hosts. Call until it gives none."""
        if most <= 0:
            return self._desk.ask_paths(_NONE, _NONE, FOR_PATH, 0)
        paths, counts = self.paths.due(now)
        ask = self._desk.ask_paths(paths, counts, FOR_PATH, most)
        if len(ask):
            return ask
        self.paths.asked(paths, np.zeros(len(paths), np.int64), now)  # no canary is known there
        if now < self._hosts_at:
            return self._desk.ask_paths(_NONE, _NONE, FOR_PATH, 0)
        rows, counts = self.hosts.due(now)
        self._hosts_at = now if len(rows) else now + LOOK_AT_HOSTS
        apart = self._desk.alone(rows) | (self.paths.state[self._desk.path[rows]] == Silence.ALIVE)
        rows, counts = rows[apart], counts[apart]
        return self._desk.ask_hosts(rows, counts, FOR_HOST, most, only_open=self._resets.held(rows))

    def spare(self, paths: I64, counts: I64, most: int) -> Ask:
        """Canaries of ways out for `Flows.wanted`: they prove no silence."""
        return self._desk.ask_paths(paths, counts, FOR_RATE, most)

    def spare_of_hosts(self, rows: Indices, counts: I64, most: int) -> Ask:
        """The same of hosts."""
        return self._desk.ask_hosts(rows, counts, FOR_RATE, most, only_open=self._resets.held(rows))

    def went(self, ask: Ask, now: float) -> None:
        """These canaries left."""
        tickets = self._desk.tickets
        tickets.sent_at[ask.ticket] = now
        self._rows.touch(ask.row, now)
        purpose = tickets.purpose[ask.ticket]
        for book, subjects, mine in ((self.paths, ask.path, FOR_PATH), (self.hosts, ask.row, FOR_HOST)):
            rows, counts = np.unique(subjects[purpose == mine], return_counts=True)
            book.asked(rows, counts, now)

    def withdraw(self, ask: Ask) -> None:
        """These could not be sent, by our own fault. They are due again."""
        self._desk.tickets.give_back(ask.ticket)

    def matches(self, tickets: Indices, high: U64, low: U64, ports: U16) -> Mask:
        """Which of these answers, to tickets and from endpoints, are those of canaries under way."""
        return self._desk.matches(tickets, high, low, ports)

    def echo(self, tickets: Indices, is_open: Mask, now: float) -> Echo:
        """Canaries answered, each once; tickets that are not under way count for nothing."""
        desk = self._desk.tickets
        good = desk.in_use(tickets)
        tickets, is_open = tickets[good], is_open[good]
        row, path, sent_at, port = desk.row[tickets], desk.path[tickets], desk.sent_at[tickets], desk.port[tickets]
        self._path_answered(path, sent_at, now, np.ones(len(path), np.bool_))
        self._resets.note(row, desk.open[tickets], asked=1, silent=0)
        for kind in (False, True):
            places = np.flatnonzero(is_open == kind)
            places = places[last_of_each(row[places], self._scratch)]
            self._desk.note(row[places], port[places], is_open=kind)
        self._host_answered(row, sent_at)
        desk.give_back(tickets)
        return Echo(self._rows.host(row), path, sent_at)

    def expire(self, now: float) -> Fallen:
        """Deadlines of canaries passed by `now`, up to which all answers were looked at. Who has just fallen silent."""
        desk = self._desk.tickets
        tickets = desk.overdue(self.deadlines, now)
        row, path, sent_at = desk.row[tickets], desk.path[tickets], desk.sent_at[tickets]
        purpose, is_open = desk.purpose[tickets], desk.open[tickets]
        self._resets.note(row, is_open, asked=1, silent=1)
        self._resets.find(np.unique(row))
        excused = (self.hosts.state[row] >= Silence.SILENT) | (self._resets.held(row) & ~is_open)
        for each in np.unique(path[~excused]).tolist():
            self.missed(each, sent_at[~excused & (path == each)])
        mine = purpose == FOR_PATH
        paths = self.paths.lost(path[mine], sent_at[mine], now)
        mine = purpose == FOR_HOST
        hosts = self.hosts.lost(row[mine], sent_at[mine], now)
        desk.give_back(tickets)
        self._fell(paths, hosts, now)
        return Fallen(paths, self._rows.host(hosts))

    def give_up(self, now: float) -> Fallen:
        """Who was silent for longer than is worth waiting. The silence of a way is not counted against its hosts."""
        silent = np.flatnonzero(self.paths.state[:PATHS] == Silence.SILENT)
        rows = np.flatnonzero(self.hosts.state == Silence.SILENT)
        if len(silent) and len(rows):
            rows = rows[np.isin(self._desk.path[rows], silent)]
            self.hosts.excuse(rows[~self._desk.alone(rows)], now)
        return Fallen(self.paths.give_up(now), self._rows.host(self.hosts.give_up(now)))

    def moved(self, path: int, now: float) -> None:
        """The way is another from now on: what is under way on it may be lost."""
        self.path_outages.begin(path, float(min(self.paths.last_good[path], now)))
        self.path_outages.end(path, now)
        self.paths.demand(np.array([path]))

    def silent_paths(self) -> Indices:
        """The ways that are silent now, and not given up."""
        return np.flatnonzero(self.paths.state[:PATHS] == Silence.SILENT)

    def of_hosts(self, host: U64) -> Ask:
        """Hosts by number as columns with their addresses, in no ticket's name."""
        return self._desk.describe(self._rows.find(host))

    def gates(self, host: U64, path: I64) -> npt.NDArray[np.int8]:
        """Whether each of these endpoints may be probed (`Gate`)."""
        rows, path = self._subjects(host, path)
        states = np.maximum(np.where(rows >= 0, self.hosts.state[rows], Silence.UNPROVEN), self.paths.state[path])
        return _GATE_OF[states]

    def undecided(self, host: U64, path: I64, sent_at: F64) -> Mask:
        """Which unanswered endpoints, last probed then, may not be settled yet: their host or way is asked first."""
        rows, path = self._subjects(host, path)
        of_hosts = (rows >= 0) & _UNSURE[self.hosts.state[rows]] & (sent_at > self.hosts.last_good[rows])
        of_hosts &= self.paths.state[path] < Silence.SILENT
        of_paths = _UNSURE[self.paths.state[path]] & (sent_at > self.paths.last_good[path])
        self.hosts.demand(np.unique(rows[of_hosts]))
        self.paths.demand(np.unique(path[of_paths]))
        undecided: Mask = of_hosts | of_paths
        return undecided

    def voided(self, host: U64, path: I64, sent_at: F64) -> Mask:
        """Which tries, made then, fell into an outage of their host or their way."""
        rows, path = self._subjects(host, path)
        voided: Mask = self.path_outages.held(path, sent_at) | self.host_outages.held(rows, sent_at)
        return voided

    def codes(self, host: U64, path: I64, sent_at: F64) -> U16:
        """The reason codes of endpoints that did not answer, last probed then."""
        rows, path = self._subjects(host, path)
        found = causes(sent_at, np.maximum(rows, 0), path, self.hosts, self.paths)
        found[(rows < 0) & (found != Cause.PATH_LOST)] = Cause.UNPROVEN
        limited = (found == Cause.PROVED) & self._limited(rows)
        return np.where(limited, reason_code(Reason.RESET_LIMITED), _CODE_OF[found]).astype(np.uint16)

    @property
    def deadlines(self) -> F64:
        """Seconds that a canary may take, by way out."""
        known = np.clip(1.25 * self._slow + 0.1, LEAST_DEADLINE, MOST_DEADLINE)
        return np.where(np.isnan(self._slow), FIRST_DEADLINE, known)

    def _limited(self, rows: Indices) -> Mask:
        return (rows >= 0) & self._resets.held(rows)

    def _subjects(self, host: U64, path: I64) -> tuple[I64, I64]:
        """The row of each host and its way; one that never fails where the host is its only canary."""
        rows = self._rows.find(host)
        known = np.flatnonzero(rows >= 0)
        path = path.copy()
        path[known[self._desk.alone(rows[known])]] = _NEVER_FAILS
        return rows, path

    def _claim(self, heard: Heard, now: float) -> I64:
        """The row of each answering host; it is made where there is none yet."""
        rows = self._rows.find(heard.host)
        self._rows.touch(rows[rows >= 0], now)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            hosts, first = np.unique(heard.host[missing], return_index=True)
            claimed, new = self._rows.claim(hosts, now)
            fresh = claimed[new]
            for each in (self.hosts, self.host_outages, self._resets):
                each.forget(fresh)
            self._desk.move_in(fresh, heard, missing[first[new]])
            rows[missing] = self._rows.find(heard.host[missing])
        return rows

    def _path_answered(self, path: I64, sent_at: F64, now: float, fair: Mask) -> None:
        """Something came by these ways; `fair` answers count as not lost."""
        for each in np.unique(path).tolist():
            here = path == each
            if self.paths.state[each] >= Silence.SILENT:
                self.path_outages.end(each, float(sent_at[here].min()))
            self.paths.answered(np.array([each]), sent_at[here].max(keepdims=True))
            trip = now - float(sent_at[here].min())
            self._slow[each] = np.fmax(_AGES * self._slow[each], trip)
            fairly = sent_at[here & fair]
            self.ledger(each).note(fairly, np.zeros(len(fairly), np.bool_))

    def _host_answered(self, rows: Indices, sent_at: F64) -> None:
        for place in np.flatnonzero(self.hosts.state[rows] >= Silence.SILENT).tolist():
            self.host_outages.end(int(rows[place]), float(sent_at[place]))
        self.hosts.answered(rows, sent_at)

    def _fell(self, paths: Indices, hosts: Indices, now: float) -> None:
        """Remember since when. Where a host falls, its way is asked; where that answers, the host is alone to blame."""
        for path in paths.tolist():
            self.path_outages.begin(path, float(self.paths.last_good[path]))
        for row in hosts.tolist():
            self.host_outages.begin(row, float(self.hosts.last_good[row]))
        self.paths.demand(np.unique(self._desk.path[hosts]))
        self._suspects += [(row, now) for row in hosts.tolist()]
        for row, fell in self._suspects:
            if self.paths.last_good[self._desk.path[row]] > fell:
                self._desk.drop(row)
        self._suspects = [each for each in self._suspects if self.paths.last_good[self._desk.path[each[0]]] <= each[1]]


_NONE: I64 = np.zeros(0, np.int64)
_UNSURE = np.array([False, True, True, True, False])
"""By `Silence`: whether an answer may still come that proves something."""
_GATE_OF = np.array([Gate.GO, Gate.GO, Gate.GO, Gate.WAIT, Gate.LOST], np.int8)
"""By `Silence`."""
