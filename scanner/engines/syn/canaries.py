"""Canaries on the wire: endpoints known to answer are asked again, by the same frames and cookies as all others.

Each has a source port of its own (`source_ports.py`), so an answer names its ticket. The kernel resets what they half
open, as it does for every probe.
"""

from collections.abc import Callable

import numpy as np

from scanner.core.columns import I32, Indices
from scanner.core.model import Transport
from scanner.core.path.exchange import Ask
from scanner.core.path.watch import PATHS, Watch
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import Wave, one_transport
from scanner.core.rate.budget import Budget
from scanner.engines.routing.next_hops import Hops, HopState
from scanner.engines.syn.frames import FrameSender
from scanner.engines.syn.source_ports import SourcePorts
from scanner.engines.syn.validate import AcceptedAnswers

_OPEN, _CLOSED = reason_code(Reason.SYN_ACK), reason_code(Reason.RESET)
_MOST_FOR_RATE = 256
"""Canaries in one turn that tell what the ways and hosts bear."""


class CanarySender:
    """Asks canaries and takes their answers in."""

    def __init__(
        self,
        frames: FrameSender,
        *,
        watch: Watch,
        budget: Budget,
        ports: SourcePorts,
        hops: Hops,
        hop_of: Callable[[Wave, float], I32],
    ) -> None:
        """`hop_of`: the next hop of each endpoint of a wave."""
        self._frames, self._watch, self._budget, self._ports, self._hops = frames, watch, budget, ports, hops
        self._hop_of = hop_of
        self.evidence: dict[int, int] = {}
        """Canaries wanted of ways of whose loss too little is known; taken out as they are asked."""
        self.sent = 0
        """Canaries sent so far."""

    def ask(self, now: float, most: int) -> int:
        """Ask those that are due, `most` at most. Returns how many packets went."""
        if self._watch.blank:
            return 0
        sent = 0
        while sent < most and len(ask := self._watch.due(now, most - sent)):
            went = self._send(ask, now)
            sent += went
            if not went:
                break
        sent += self._ask_for_rate(now, min(most - sent, _MOST_FOR_RATE))
        sent += self._ask_for_evidence(now, most - sent)
        self.sent += sent
        return sent

    def take(self, answers: AcceptedAnswers, tickets: Indices, now: float) -> None:
        """Take in answers to canaries."""
        tcp = (answers.reason == _OPEN) | (answers.reason == _CLOSED)
        rows = np.flatnonzero(tcp & self._watch.matches(tickets, answers.high, answers.low, answers.port))
        _, first = np.unique(tickets[rows], return_index=True)
        rows = rows[first]
        echo = self._watch.echo(tickets[rows], answers.reason[rows] == _OPEN, now)
        if self._budget.found:
            self._budget.found.heard(echo.host, echo.path, echo.sent_at, answers.at[rows], canaries=True)

    def _ask_for_rate(self, now: float, most: int) -> int:
        """Ask what the rates want to know."""
        found = self._budget.found
        if not found or most <= 0:
            return 0
        paths, counts = found.wanted_of_paths(now)
        sent = self._send(self._watch.spare(paths, counts, most), now) if len(paths) else 0
        hosts, counts = found.wanted_of_hosts(now)
        rows = self._watch.rows(hosts)
        known = rows >= 0
        if known.any() and sent < most:
            sent += self._send(self._watch.spare_of_hosts(rows[known], counts[known], most - sent), now)
        return sent

    def _ask_for_evidence(self, now: float, most: int) -> int:
        if not self.evidence or most <= 0:
            return 0
        paths = np.array(list(self.evidence), np.int64)
        counts = np.array(list(self.evidence.values()), np.int64)
        self.evidence.clear()
        sent = 0
        for path, count in zip(paths, counts.tolist(), strict=True):
            for _ in range(count):  # a way may have one canary only: it is asked from another port each time
                sent += self._send(self._watch.spare(path[None], np.ones(1, np.int64), 1), now) if sent < most else 0
        return sent

    def _send(self, ask: Ask, now: float) -> int:
        """Send canaries; those that may not go are withdrawn."""
        if not len(ask):
            return 0
        wave = canary_wave(ask)
        hop = self._hop_of(wave, now)
        ready = (hop >= 0) & (self._hops.state[hop] == HopState.READY)
        places = np.flatnonzero(ready)
        places = places[self._budget.choose(ask.host[places], ask.path[places], len(places), now)]
        went = np.zeros(len(ask), np.bool_)
        ports = self._ports.of_tickets(ask.ticket)
        for number, indices in self._frames.by_route(hop, places.astype(np.int32)):
            for chunk, moment, count, error in self._frames.send(wave, hop, number, indices, ports[indices]):
                gone = chunk[:count]
                self._watch.went(ask[gone], moment)
                self._budget.went(ask.host[gone], min(number, PATHS - 1), moment, canaries=True)
                went[gone] = True
                if error:
                    break
        if not went.all():
            self._watch.withdraw(ask[~went])
        return int(went.sum())


def canary_wave(ask: Ask) -> Wave:
    """Canaries as a wave."""
    transport = one_transport(Transport.TCP, len(ask))
    return Wave(0, ask.host, ask.port, ask.version, ask.high, ask.low, transport)
