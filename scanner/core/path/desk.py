"""Where canaries are chosen and handed out: what is known of each host, and who is asked next."""

import numpy as np

from scanner.core.columns import I64, U8, U16, U64, Indices, Mask
from scanner.core.path.canaries import Canary, HostCanaries, PathCanaries
from scanner.core.path.exchange import Ask, Heard
from scanner.core.path.tickets import Tickets

_MOST_NEW = 8
"""Hosts of one lot of answers that become canaries of their way: others follow."""


class CanaryDesk:
    """Knows the canaries of hosts (by row) and of ways out, and gives tickets to those that are to be asked."""

    def __init__(self, hosts: int, paths: int, tickets: int) -> None:
        """`hosts`: rows; `paths`: ways out; `tickets`: canaries that may be under way at a time."""
        self.tickets = Tickets(tickets)
        self.path: I64 = np.zeros(hosts, np.int64)
        """The way out to the host of each row."""
        self._number: U64 = np.zeros(hosts, np.uint64)
        self._version: U8 = np.zeros(hosts, np.uint8)
        self._high: U64 = np.zeros(hosts, np.uint64)
        self._low: U64 = np.zeros(hosts, np.uint64)
        self._of_host = HostCanaries(hosts)
        self._of_path = [PathCanaries() for _ in range(paths)]
        self._turn = 0

    def move_in(self, rows: Indices, heard: Heard, places: Indices) -> None:
        """These rows stand for the hosts at some places of `heard` from now on."""
        for row in rows.tolist():
            self.drop(row)
        self._of_host.forget(rows)
        self._number[rows], self.path[rows] = heard.host[places], heard.path[places]
        self._version[rows], self._high[rows], self._low[rows] = (
            column[places] for column in (heard.version, heard.high, heard.low)
        )

    def note(self, rows: Indices, ports: U16, *, is_open: bool) -> None:
        """These hosts, each once, answered so."""
        self._of_host.note(rows, ports, is_open=is_open)
        for row, port, path in zip(
            *(each[:_MOST_NEW].tolist() for each in (rows, ports, self.path[rows])), strict=True
        ):
            self._of_path[path].note(Canary(row, port, is_open))

    def drop(self, row: int) -> None:
        """The host says nothing of its way any more."""
        self._of_path[self.path[row]].drop(row)

    def alone(self, rows: Indices) -> Mask:
        """Which of these hosts are the only canary of their way: its silence cannot be told from theirs."""
        paths = self.path[rows]
        sole = np.full(len(self._of_path), -1, np.int64)
        for each in np.unique(paths).tolist():
            sole[each] = self._of_path[each].sole
        alone: Mask = sole[paths] == rows
        return alone

    def ask_paths(self, paths: I64, counts: I64, purpose: int, most: int) -> Ask:
        """`counts` canaries of each of these ways, or as many as there are."""
        picked = [
            each
            for path, count in zip(paths.tolist(), counts.tolist(), strict=True)
            for each in self._of_path[path].pick(count)
        ][:most]
        columns = np.array([[each.host, each.port] for each in picked], np.int64).reshape(-1, 2)
        opens = np.array([each.open for each in picked], np.bool_)
        return self._hand_out(columns[:, 0], columns[:, 1].astype(np.uint16), opens, purpose)

    def ask_hosts(self, rows: Indices, counts: I64, purpose: int, most: int, *, only_open: Mask) -> Ask:
        """`counts` canaries of each of these hosts; kinds alternate, but only open ports of `only_open` are asked."""
        self._turn += 1
        chosen = np.repeat(rows, counts)[:most]
        turns = (np.arange(len(chosen)) + self._turn) % 2 == 1
        turns |= np.repeat(only_open, counts)[:most]
        ports, opens = np.zeros(len(chosen), np.uint16), np.zeros(len(chosen), np.bool_)
        for turn in (False, True):
            here = turns == turn
            ports[here], opens[here] = self._of_host.pick(chosen[here], int(turn))
        known = ports > 0
        return self._hand_out(chosen[known], ports[known], opens[known], purpose)

    def matches(self, tickets: Indices, high: U64, low: U64, ports: U16) -> Mask:
        """Which of these answers, to tickets and from endpoints, are those of canaries under way."""
        rows = self.tickets.row[tickets]
        mine: Mask = self.tickets.in_use(tickets) & (self.tickets.port[tickets] == ports)
        mine &= (self._high[rows] == high) & (self._low[rows] == low)
        return mine

    def _hand_out(self, rows: Indices, ports: U16, opens: Mask, purpose: int) -> Ask:
        tickets = self.tickets.take(len(rows))
        rows, ports = rows[: len(tickets)], ports[: len(tickets)]
        self.tickets.fill(
            tickets, row=rows, path=self.path[rows], port=ports, opens=opens[: len(tickets)], purpose=purpose
        )
        return self.describe(rows, tickets, ports, opens[: len(tickets)])

    def describe(
        self, rows: Indices, tickets: Indices | None = None, ports: U16 | None = None, opens: Mask | None = None
    ) -> Ask:
        """The hosts of rows (below 0: none) with their addresses."""
        if tickets is None:
            rows = rows[rows >= 0]
            tickets = np.full(len(rows), -1)
        return Ask(
            ticket=tickets,
            row=rows,
            path=self.path[rows],
            host=self._number[rows],
            version=self._version[rows],
            high=self._high[rows],
            low=self._low[rows],
            port=np.zeros(len(rows), np.uint16) if ports is None else ports,
            open=np.zeros(len(rows), np.bool_) if opens is None else opens,
        )
