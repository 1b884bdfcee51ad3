"""Canaries in flight: each has a ticket, so that its answer, or its deadline, finds its way back.

Tickets are taken in turn, the one unused for longest first. An engine that sends frames gives each ticket a source
port of its own (Linux answers a repeated SYN from one port only after half a second); one that calls connect() keeps
the ticket beside the socket.
"""

import numpy as np

from scanner.core.columns import F64, I64, U16, Indices, Mask

FOR_RATE, FOR_HOST, FOR_PATH = 0, 1, 2
"""Whose question it is: the host's, the way's, or only that of the rate."""


class Tickets:
    """The canaries under way, as columns by ticket. Times in seconds on a monotonic clock."""

    def __init__(self, count: int) -> None:
        """`count`: canaries that may be under way at a time."""
        self.row: I64 = np.zeros(count, np.int64)
        """The row of each canary's host."""
        self.path: I64 = np.zeros(count, np.int64)
        """The way out by which it went."""
        self.port: U16 = np.zeros(count, np.uint16)
        """Its TCP port."""
        self.open: Mask = np.zeros(count, np.bool_)
        """Whether it answered SYN-ACK when it was last heard of."""
        self.purpose: I64 = np.zeros(count, np.int64)
        """`FOR_RATE`, `FOR_HOST` or `FOR_PATH`."""
        self.sent_at: F64 = np.full(count, np.inf)
        """When it left."""
        self._free: Mask = np.ones(count, np.bool_)
        self._next = 0

    def __len__(self) -> int:
        return int(np.count_nonzero(~self._free))

    def take(self, count: int) -> Indices:
        """So many free tickets, or as many as there are; they are in use until `give_back`."""
        order = np.roll(np.arange(len(self._free)), -self._next)
        taken = order[self._free[order]][:count]
        if len(taken):
            self._free[taken] = False
            self.sent_at[taken] = np.inf
            self._next = (int(taken[-1]) + 1) % len(self._free)
        return taken

    def fill(self, tickets: Indices, *, row: I64, path: I64, port: U16, opens: Mask, purpose: int) -> None:
        """Write what these tickets stand for."""
        self.row[tickets], self.path[tickets], self.port[tickets] = row, path, port
        self.open[tickets], self.purpose[tickets] = opens, purpose

    def give_back(self, tickets: Indices) -> None:
        """These are done with."""
        self._free[tickets] = True
        self.sent_at[tickets] = np.inf

    def in_use(self, tickets: Indices) -> Mask:
        """Which of these tickets are under way."""
        used: Mask = ~self._free[tickets]
        return used

    def overdue(self, moments: F64, now: float) -> Indices:
        """The tickets that left more than `moments` seconds (by way out) before `now`."""
        under_way = np.flatnonzero(~self._free & np.isfinite(self.sent_at))
        return under_way[now - self.sent_at[under_way] > moments[self.path[under_way]]]
