"""Answers find their way: to the wave that asked, to the watch over hosts and ways, and to the rates."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from scanner.core.columns import I32, I64, Indices, WaveIndices
from scanner.core.path.exchange import Heard
from scanner.core.path.watch import Watch
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.rate.budget import Budget
from scanner.core.targets.address_columns import distinct
from scanner.engines.syn.canaries import CanarySender
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.slots import Slots
from scanner.engines.syn.source_ports import SourcePorts
from scanner.engines.syn.validate import AcceptedAnswers

_OPEN = reason_code(Reason.SYN_ACK)


class Intake:
    """Takes answers in."""

    def __init__(
        self,
        slots: Slots,
        ports: SourcePorts,
        *,
        watch: Watch,
        budget: Budget,
        canaries: CanarySender,
        path_of: Callable[[I32], I64],
    ) -> None:
        """`path_of`: the way out of next hops."""
        self._slots, self._ports, self._watch, self._budget = slots, ports, watch, budget
        self._canaries, self._path_of = canaries, path_of
        self.open = 0
        """Open endpoints found so far."""
        self.late = 0
        """Answers whose wave was settled."""

    def take(self, answers: AcceptedAnswers) -> Iterator[AcceptedAnswers]:
        """Take answers in; yield those whose connection our kernel did not reset, so that we must."""
        tickets = self._ports.tickets(answers.source_port)
        slots, numbers = self._ports.split(answers.source_port)
        canaries = np.flatnonzero(tickets >= 0)
        if len(canaries):
            self._canaries.take(answers.rows(canaries), tickets[canaries], time.monotonic())
        for slot in distinct(slots).tolist():
            rows = np.flatnonzero((slots == slot) & (tickets < 0))
            if len(rows):
                yield from self._take_of(slot, answers.rows(rows), numbers[rows])

    def _take_of(self, slot: int, answers: AcceptedAnswers, numbers: Indices) -> Iterator[AcceptedAnswers]:
        """Take in answers to the wave in one slot."""
        flight = self._slots.get(slot)
        if flight is None:
            self.late += len(answers)
            yield answers.rows(np.flatnonzero(answers.reason == _OPEN))
            return
        indices = flight.find(answers.version, answers.high, answers.low, answers.port)
        passes = self._ports.latest(numbers, flight.attempt)
        known = np.flatnonzero((indices >= 0) & (passes >= 0))
        self.late += len(answers) - len(known)
        answers, indices, passes, before = answers.rows(known), indices[known], passes[known], flight.open
        first, again = flight.add_answers(answers, indices, passes)
        self.open += flight.open - before
        if len(first):
            self._report(flight, answers.rows(first), indices[first], passes[first])
        yield answers.rows(again)

    def _report(self, flight: InFlightWave, answers: AcceptedAnswers, indices: WaveIndices, passes: Indices) -> None:
        """Let the watch and the rates know of endpoints that answered for the first time."""
        now, path = time.monotonic(), self._path_of(flight.hop[indices])
        sent_at = np.empty(len(indices))
        for each in np.unique(passes).tolist():
            here = passes == each
            sent_at[here] = flight.sent_at(each, indices[here])
        sound = ~np.isnan(sent_at)  # an answer to a pass in which its endpoint was not asked is a late one
        if not sound.all():
            answers, indices, passes = answers.rows(np.flatnonzero(sound)), indices[sound], passes[sound]
            path, sent_at = path[sound], sent_at[sound]
        wave = flight.wave
        heard = Heard(
            host=wave.host[indices],
            path=path,
            version=answers.version,
            high=answers.high,
            low=answers.low,
            port=answers.port,
            open=answers.reason == _OPEN,
            sent_at=sent_at,
            tries=passes + 1,
        )
        self._watch.heard(heard, now)
        for each in np.unique(passes[passes > 0]).tolist():
            here = (passes == each) & heard.open
            for way in np.unique(path[here]).tolist():
                missed = flight.passes.tries_before(each, indices[here & (path == way)])
                self._watch.missed(way, missed + flight.born)
        if self._budget.found:
            self._budget.found.heard(heard.host, path, sent_at, answers.at)
