"""The heart of the SYN engine: a loop that takes waves in, sends, takes answers in, tries again, and settles.

One turn looks at everything once and costs a fraction of a millisecond; then it sleeps until something is due. All
waves in flight live in a table of slots, and the source port of a probe names its slot and attempt, so an answer finds
its wave by arithmetic. Older waves send first: a further attempt is worth more than a first one, since it frees memory.
Sending the next wave overlaps the settling of the ones before it; memory bounds how many are in flight.

A wave is settled when nothing in it is open to doubt any more, or `cooldown` after its last attempt. Silence is only
called silence if the link was up all the time; otherwise it is `link-down`, which is unknown.
"""

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import Indices
from scanner.core.errors import InvalidInput, OutOfScope, os_problem
from scanner.core.model import Transport
from scanner.core.packets.cookie import KEY_BYTES
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave, one_transport
from scanner.core.rate.allowance import Allowance, HostAllowances
from scanner.core.rate.limits import Limits
from scanner.core.targets.address_columns import distinct
from scanner.engines.interface import Progress
from scanner.engines.packets.sendmmsg import Sender
from scanner.engines.routing.link_states import LinkStates
from scanner.engines.routing.neighbours import Neighbours
from scanner.engines.routing.netlink import LinkWatch, Netlink
from scanner.engines.routing.next_hops import NO_HOP, Hops
from scanner.engines.routing.routes import Route, Routes
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.listener import AnswerListener, Keep
from scanner.engines.syn.options import Permitted, Statistics, SynOptions
from scanner.engines.syn.source_ports import choose_ports
from scanner.engines.syn.transmitter import Transmitter
from scanner.engines.syn.validate import AcceptedAnswers

MOST_SLOTS = 512
"""Maximum number of waves in flight: many, for those of which `--discover` leaves but a few endpoints."""
MOST_PORTS = 6144
"""Maximum number of source ports in use: so many in a row are free on most machines."""
PREFETCH = 2
"""Number of waves that are asked for before there is room to begin them."""

_OPEN = reason_code(Reason.SYN_ACK)
_MOST_A_TURN = 4096
_MOST_QUESTIONS = 64
_MOST_SENDING = 8
_TURN = 0.003
"""Seconds of sleep while something is to be sent: half of what the rate arithmetic forgives."""
_SETTLE = 0.01
"""Seconds from one look at all waves to the next."""
_IDLE = 0.02


@dataclass(frozen=True, slots=True)
class OccupiedSlot:
    """A slot with a wave in it."""

    flight: InFlightWave
    """The wave."""
    dropped_before: int
    """How many answers the kernel had dropped when it began."""


class SynLoop:
    """Everything that a sweep by SYN holds while it runs. Made and run in the namespace that it scans."""

    def __init__(
        self,
        options: SynOptions,
        limits: Limits,
        permitted: Permitted,
        *,
        open_sender: Callable[[Route], Sender],
        want: Callable[[], None],
        deliver: Callable[[SettledWave], None],
        keep: Keep | None = None,
    ) -> None:
        """`want` asks for one more wave, to be given by `give`; `deliver` hands a settled one out.

        Raises:
            NotPermitted, InvalidInput, OSError: as the kernel has it.
        """
        self._options, self._permitted = options, permitted
        self._want, self._deliver = want, deliver
        key = os.urandom(KEY_BYTES)
        self._kernel = Netlink()
        self._watch = LinkWatch()
        self._slots = min(MOST_SLOTS, MOST_PORTS // options.attempts)
        self._ports = choose_ports(self._slots, options.attempts, pick=random.SystemRandom().randrange)
        self._routes = Routes(self._kernel, interface=options.interface)
        self._states = LinkStates(self._kernel.links(), self._watch)
        self._hops = Hops()
        self._neighbours = Neighbours(self._kernel, self._hops)
        self._listener = AnswerListener(self._ports, key, keep=keep)
        self._allowance = Allowance(limits.rate)
        hosts = HostAllowances(limits.host_rate) if limits.host_rate else None
        self._transmitter = Transmitter(
            routes=self._routes.known,
            hops=self._hops,
            ports=self._ports,
            key=key,
            states=self._states,
            permitted=permitted,
            hosts=hosts,
            open_sender=self._opening(open_sender),
        )
        self._flights: dict[int, OccupiedSlot] = {}
        self._sending: list[tuple[int, OccupiedSlot]] = []  # of the flights, those with something to send, oldest first
        self._held = 0  # bytes that the flights take
        self._free = deque(range(self._slots))
        self._given: deque[Wave] = deque()
        self._asked = 0
        self._exhausted = False
        self._stopped_at = float("inf")
        self._settle_at = 0.0
        self._wake = threading.Event()
        self._sent = self._settled = self._open = self._late = 0

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(self._sent, self._settled, self._open)

    @property
    def statistics(self) -> Statistics:
        """What it counted."""
        return Statistics(
            forged=self._listener.forged,
            late=self._late,
            dropped=self._listener.dropped,
            resets=self._transmitter.resets,
            neighbour_requests=self._neighbours.sent,
            wires=tuple(sorted(self._transmitter.wires)),
        )

    def give(self, wave: Wave | None) -> None:
        """Answer a `want`, from any thread; None means that there are no more waves."""
        if wave is None:
            self._exhausted = True
        else:
            self._given.append(wave)
        self._wake.set()

    def stop(self) -> None:
        """Send no new probe, from any thread; what is in flight cools down once and is settled."""
        self._stopped_at = min(self._stopped_at, time.monotonic())
        self._exhausted = True
        self._wake.set()

    def run(self, closing: Callable[[], bool]) -> None:
        """Turn until every wave is settled, or `closing`."""
        while not closing():
            self._wake.clear()
            pause = self._turn(time.monotonic())
            if self._exhausted and not (self._flights or self._given):
                return
            if pause:
                self._wake.wait(pause)

    def close(self) -> None:
        """Close every socket."""
        for each in (self._listener, self._transmitter, self._neighbours, self._watch, self._kernel):
            each.close()

    def _turn(self, now: float) -> float:
        """Look at everything once; return how long to sleep."""
        self._states.update(now)
        self._begin_waves(now)
        read_until = self._listener.read_until
        self._take_answers()
        sent = 0 if self._stopped(now) else self._send(time.monotonic())
        if now >= self._settle_at:
            self._settle(now, min(now, read_until))
            self._settle_at = now + _SETTLE
        return self._pause(sent, now)

    def _stopped(self, now: float) -> bool:
        return now >= self._stopped_at

    def _begin_waves(self, now: float) -> None:
        """Put given waves into free slots, and ask for more while there is room."""
        while self._given and self._free:
            wave = self._given.popleft()
            self._asked -= 1
            slot, occupied = self._free.popleft(), OccupiedSlot(self._prepare(wave, now), self._listener.dropped)
            self._flights[slot] = occupied
            self._sending.append((slot, occupied))
            self._held += occupied.flight.memory
        room = self._held < self._options.in_flight and len(self._flights) + self._asked < self._slots
        while room and self._asked < PREFETCH and not self._exhausted:
            self._asked += 1
            self._want()

    def _prepare(self, wave: Wave, now: float) -> InFlightWave:
        """Open the receive ring, find the route to each endpoint, and ask for the link-layer addresses that this takes.

        Raises:
            OutOfScope: an address is not permitted. Not even its link-layer address is asked for.
        """
        if not self._permitted(wave.version, wave.high, wave.low).all():
            raise OutOfScope("the plan holds an address that is not permitted; stopped before probing it")
        for version in distinct(wave.version).tolist():
            self._listener.open(version)
        numbers = self._routes.find(wave.version, wave.high, wave.low)
        hop, questions = self._hops.find(self._routes.known, numbers, wave.high, wave.low, now)
        self._neighbours.ask(questions, now)
        different = distinct(hop)
        shared = np.broadcast_to(hop[0], hop.shape) if len(different) == 1 else hop
        flight = InFlightWave(wave, shared, attempts=self._options.attempts, born=now)
        if NO_HOP in different:
            flight.settle(np.flatnonzero(hop == NO_HOP).astype(np.int32), reason_code(Reason.NO_ROUTE), now)
        return flight

    def _take_answers(self) -> None:
        """Take in what the listener accepted."""
        if self._listener.failure:
            raise self._listener.failure
        while self._listener.accepted:
            answers = self._listener.accepted.popleft()
            slots, attempts = self._ports.split(answers.source_port)
            for slot in distinct(slots).tolist():
                rows = np.flatnonzero(slots == slot)
                self._take_answers_of(slot, answers.rows(rows), attempts[rows])

    def _take_answers_of(self, slot: int, answers: AcceptedAnswers, attempts: Indices) -> None:
        """Take in answers to the wave in one slot. Reset peers that retransmit their SYN-ACK."""
        occupied = self._flights.get(slot)
        if occupied is None:
            self._late += len(answers)
            self._reset(answers.rows(np.flatnonzero(answers.reason == _OPEN)))
            return
        flight = occupied.flight
        indices = flight.find(answers.version, answers.high, answers.low, answers.port)
        known = np.flatnonzero((indices >= 0) & (attempts <= flight.attempt))
        self._late += len(answers) - len(known)
        answers, before = answers.rows(known), flight.open
        again = flight.add_answers(answers, indices[known], attempts[known])
        self._open += flight.open - before
        self._reset(answers.rows(again))

    def _reset(self, answers: AcceptedAnswers) -> None:
        """Close what is still half open: our kernel's own reset did not get through (a firewall, say)."""
        if len(answers):
            no_host = np.zeros(len(answers), np.uint64)
            tcp = one_transport(Transport.TCP, len(answers))
            wave = Wave(0, no_host, answers.port, answers.version, answers.high, answers.low, tcp)
            self._transmitter.reset(self._prepare(wave, time.monotonic()), answers.source_port)

    def _send(self, now: float) -> int:
        """Send what may go now, older waves first; return how many packets went."""
        ready = self._allowance.ready(now, _MOST_A_TURN)
        sent = self._neighbours.step(now, min(ready, _MOST_QUESTIONS))
        late = 0.0
        for slot, occupied in self._sending[:_MOST_SENDING]:
            if sent >= ready:
                break
            count = self._transmitter.send(occupied.flight, slot, ready - sent, now)
            late = late if sent else self._transmitter.late
            self._sent += count
            sent += count
        self._allowance.took(sent, late)
        self._sending = [item for item in self._sending if item[1].flight.sending]
        return sent

    def _settle(self, now: float, read_until: float) -> None:
        """Begin the next attempt of waves whose last one is over; hand out those that are done; count what is left."""
        for slot, occupied in list(self._flights.items()):
            flight = occupied.flight
            quiet = read_until - flight.last_sent
            if not flight.left:
                self._finish(slot, Reason.NO_RESPONSE, now)
            elif self._stopped(now):
                self._settle_stopped(slot, flight, now, read_until)
            elif flight.sending:
                continue
            elif flight.last_attempt and quiet >= self._options.cooldown:
                self._finish(slot, Reason.NO_RESPONSE, now)
            elif not flight.last_attempt and quiet >= self._options.spacing:
                flight.next_attempt()
        self._sending = [item for item in self._flights.items() if item[1].flight.sending]
        self._held = sum(occupied.flight.memory for occupied in self._flights.values())

    def _settle_stopped(self, slot: int, flight: InFlightWave, now: float, read_until: float) -> None:
        """After `stop`, let a wave whose attempts were all made cool down as ever, and the others from the stop on."""
        over = flight.last_attempt and not flight.sending
        begun = flight.last_sent if over else max(self._stopped_at, flight.last_sent)
        if read_until >= begun + self._options.cooldown:
            self._finish(slot, Reason.NO_RESPONSE if over else Reason.INTERRUPTED, now)

    def _finish(self, slot: int, reason: Reason, now: float) -> None:
        """Hand a wave out. Endpoints whose link was down meanwhile are not called silent."""
        occupied = self._flights.pop(slot)
        flight = occupied.flight
        for number, route in enumerate(self._routes.known):
            if self._states.down_since(route.link.index, flight.born):
                left = flight.unanswered
                gone = left[self._hops.route[flight.hop[left]] == number]
                flight.settle(gone, reason_code(Reason.LINK_DOWN), now)
        lost = self._listener.dropped - occupied.dropped_before
        degraded = ("answers were lost because the receive buffer was full",) if lost else ()
        absent = self._hops.count_absent(flight.hop)
        settled = flight.finish(now, time.time(), reason=reason, degraded=degraded, absent=absent)
        self._free.append(slot)
        self._settled += len(flight)
        self._deliver(settled)

    def _pause(self, sent: int, began: float) -> float:
        """Return seconds to sleep: none while there is more to send now, few while something waits to be sent."""
        if self._stopped(began) or not (self._sending or self._neighbours.waiting):
            return _IDLE
        if sent >= _MOST_A_TURN or (sent and self._allowance.unlimited):
            return 0.0
        now = time.monotonic()
        return max(_TURN - (now - began), min(self._allowance.wait(now), _IDLE), 0.0)

    def _opening(self, open_sender: Callable[[Route], Sender]) -> Callable[[Route], Sender]:
        """Turn a problem with an interface into one line."""

        def open_or_say(route: Route) -> Sender:
            try:
                return open_sender(route)
            except OSError as error:
                problem = f"interface {route.link.name} cannot be used for SYNs ({os_problem(error)})"
                raise InvalidInput(problem, cure="try --wire sendmmsg or --engine connect") from error

        return open_or_say
