"""The heart of the SYN engine: a loop that takes waves in, sends, takes answers in, asks again, and settles.

One turn looks at everything once and costs a fraction of a millisecond; then it sleeps until something is due. Each
idea has a file of its own, put together in `parts.py`; here is only the order in which they have their turn. Older
waves send first: a further pass is worth more than a first one, since it frees memory. Sending the next wave overlaps
the settling of the ones before it; memory bounds how many are in flight.

Silence is only called silence if the link was up all the time; otherwise it is `link-down`, which is unknown. And it is
only believed where canaries answer: `core/path/watch.py`.
"""

import time
from collections.abc import Callable

import numpy as np

from scanner.core.columns import U64
from scanner.core.errors import OutOfScope
from scanner.core.model import Transport
from scanner.core.path.exchange import Fallen
from scanner.core.path.watch import PATHS
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave, one_transport
from scanner.core.targets.address_columns import distinct
from scanner.core.targets.targets import to_address
from scanner.engines.interface import Progress
from scanner.engines.routing.next_hops import NO_HOP, HopState
from scanner.engines.syn.canaries import canary_wave
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.options import Permitted, SynOptions, SynStatistics
from scanner.engines.syn.parts import Parts
from scanner.engines.syn.settling import SILENCE_LOST, Step
from scanner.engines.syn.slots import OccupiedSlot
from scanner.engines.syn.supply import Supply
from scanner.engines.syn.validate import AcceptedAnswers

_MOST_A_TURN = 4096
_MOST_QUESTIONS = 64
_MOST_SENDING = 8
_TURN = 0.003
"""Seconds of sleep while something is to be sent: half of what the rate arithmetic forgives."""
_SMOOTH = 0.001
"""The same where the rate finds itself: policers on the way have small buckets."""
_SETTLE = 0.01
"""Seconds from one look at all waves to the next."""
_GIVE_UP = 0.2
"""Seconds from one look for those who are given up to the next."""
_IDLE = 0.02
_TOO_FEW = "open ports may have been missed: more is lost on the way than this many tries make up for"


class SynLoop:
    """Everything that a sweep by SYN holds while it runs. Run in the namespace that it scans."""

    def __init__(
        self,
        parts: Parts,
        options: SynOptions,
        permitted: Permitted,
        supply: Supply,
        deliver: Callable[[SettledWave], None],
    ) -> None:
        """`deliver` hands a settled wave out."""
        self._parts, self._options, self._permitted = parts, options, permitted
        self._supply, self._deliver = supply, deliver
        self._begun_paths = 0
        self._dropped = 0
        self._settle_at = self._give_up_at = 0.0
        self._sent = self._settled = 0
        self._resets = 0

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(self._sent, self._settled, self._parts.intake.open)

    @property
    def statistics(self) -> SynStatistics:
        """What it counted."""
        parts = self._parts
        found = parts.budget.found
        return SynStatistics(
            forged=parts.listener.forged,
            late=parts.intake.late,
            dropped=parts.listener.dropped,
            resets=self._resets,
            neighbour_requests=parts.ways.neighbours.sent,
            canaries=parts.canaries.sent,
            wires=tuple(sorted(parts.frames.wires)),
            hidden=parts.effort.hidden(),
            paths=tuple(found.found(parts.ways.name)) if found else (),
            fragile=self._addresses(found.fragile()) if found else (),
            holding=self._holding(),
            lost=tuple(self._parts.lost),
        )

    def run(self, closing: Callable[[], bool]) -> None:
        """Turn until every wave is settled, or `closing`."""
        while not closing():
            self._supply.awake()
            pause = self._turn(time.monotonic())
            if self._supply.empty and not len(self._parts.slots):
                return
            if pause:
                self._supply.sleep(pause)

    def close(self) -> None:
        """Close every socket."""
        self._parts.close()

    def _turn(self, now: float) -> float:
        """Look at everything once; return how long to sleep."""
        parts = self._parts
        for number in parts.ways.update(now):
            self._moved(number, now)
        self._begin_waves(now)
        read_until = parts.listener.read_until
        self._take_answers()
        self._judge_rates(read_until)
        sent = 0 if self._stopped(now) else self._send(time.monotonic())
        if now >= self._settle_at:
            self._settle(now, min(now, read_until))
            self._settle_at = now + _SETTLE
        return self._pause(sent, now)

    def _stopped(self, now: float) -> bool:
        return now >= self._supply.stopped_at

    def _begin_waves(self, now: float) -> None:
        """Put given waves into free slots, and ask for more while there is room."""
        slots = self._parts.slots
        while slots.free and (wave := self._supply.next()) is not None:
            slots.begin(self._prepare(wave, now), self._parts.listener.dropped)
        if slots.held < self._options.in_flight:
            self._supply.ask(slots.free)

    def _prepare(self, wave: Wave, now: float) -> InFlightWave:
        """Open the receive ring, find the way to each endpoint, and ask for the link-layer addresses that this takes.

        Raises:
            OutOfScope: an address is not permitted. Not even its link-layer address is asked for.
        """
        if not self._permitted(wave.version, wave.high, wave.low).all():
            raise OutOfScope("the plan holds an address that is not permitted; stopped before probing it")
        for version in distinct(wave.version).tolist():
            self._parts.listener.open(version)
        hop = self._parts.ways.hops_of(wave, now)
        self._begin_paths(now)
        different = distinct(hop)
        shared = np.broadcast_to(hop[0], hop.shape) if len(different) == 1 else hop
        flight = InFlightWave(wave, shared, born=now)
        if NO_HOP in different:
            flight.settle(np.flatnonzero(hop == NO_HOP).astype(np.int32), reason_code(Reason.NO_ROUTE), now)
        return flight

    def _begin_paths(self, now: float) -> None:
        """Let the rates know of new ways."""
        known = min(len(self._parts.ways.routes), PATHS)
        for number in range(self._begun_paths, known):
            if self._parts.budget.found:
                self._parts.budget.found.begin(number, now, routed=self._parts.ways.routed(number))
        self._begun_paths = known

    def _take_answers(self) -> None:
        """Take in what the listener accepted. Reset peers that retransmit their SYN-ACK."""
        listener = self._parts.listener
        if listener.failure:
            raise listener.failure
        while listener.accepted:
            for half_open in self._parts.intake.take(listener.accepted.popleft()):
                self._reset(half_open)

    def _reset(self, answers: AcceptedAnswers) -> None:
        """Close what is still half open: our kernel's own reset did not get through (a firewall, say)."""
        if not len(answers):
            return
        parts, size = self._parts, len(answers)
        no_host, tcp = np.zeros(size, np.uint64), one_transport(Transport.TCP, size)
        wave = Wave(0, no_host, answers.port, answers.version, answers.high, answers.low, tcp)
        hop = parts.ways.hops_of(wave, time.monotonic())
        ready = np.flatnonzero((hop >= 0) & (parts.ways.hops.state[hop] == HopState.READY)).astype(np.int32)
        for number, indices in parts.frames.by_route(hop, ready):
            ports = answers.source_port[indices]
            for _, _, count, _ in parts.frames.send(wave, hop, number, indices, ports, flags="R"):
                self._resets += count

    def _judge_rates(self, read_until: float) -> None:
        """Let the rates follow from what came, unless answers may have been lost by our own fault."""
        found, now = self._parts.budget.found, time.monotonic()
        if found is None:
            return
        if self._parts.listener.dropped != self._dropped:
            self._dropped = self._parts.listener.dropped
            for number in range(self._begun_paths):
                found.trouble(number, now)
        found.decide(now, min(now, read_until))

    def _send(self, now: float) -> int:
        """Send what may go now: questions to neighbours, canaries, then older waves first. How many packets went."""
        parts = self._parts
        ready = parts.budget.ready(now, _MOST_A_TURN)
        sent = parts.ways.neighbours.step(now, min(ready, _MOST_QUESTIONS))
        sent += parts.canaries.ask(now, ready - sent)
        late = 0.0
        for taken in parts.slots.sending[:_MOST_SENDING]:
            if sent >= ready:
                break
            count = parts.transmitter.send(taken.flight, taken.number, ready - sent, now)
            late = late if sent else parts.transmitter.late
            self._sent += count
            sent += count
        parts.budget.took(sent, late)
        parts.slots.sending = [taken for taken in parts.slots.sending if taken.flight.sending]
        return sent

    def _settle(self, now: float, read_until: float) -> None:
        """See who fell silent; begin the next pass of waves, hand out those that are done; count what is left."""
        parts = self._parts
        self._look_up(parts.watch.expire(read_until), now)
        if now >= self._give_up_at:
            self._note_lost(parts.watch.give_up(now))
            self._give_up_at = now + _GIVE_UP
        for taken in parts.slots:
            if self._stopped(now) and taken.flight.left:
                self._settle_stopped(taken, now, read_until)
            elif parts.settler.step(taken.flight, read_until) is Step.DONE:
                self._finish(taken, now)
        parts.slots.refresh()

    def _look_up(self, fallen: Fallen, now: float) -> None:
        """Look up anew the ways and the neighbours that do not answer any more."""
        parts = self._parts
        for number in parts.ways.renew([*fallen.paths.tolist(), *parts.watch.silent_paths().tolist()], now):
            self._moved(number, now)
        if len(fallen.hosts):
            parts.ways.renew_hosts(canary_wave(parts.watch.of_hosts(fallen.hosts)), now)

    def _moved(self, number: int, now: float) -> None:
        """A way is another from now on."""
        self._parts.frames.forget(number)
        if number < PATHS:
            self._parts.watch.moved(number, now)
            if self._parts.budget.found:
                self._parts.budget.found.begin(number, now, routed=self._parts.ways.routed(number))

    def _note_lost(self, given_up: Fallen) -> None:
        """Remember in words who was given up."""
        lines = [f"{self._parts.ways.name(number)} fell silent and stayed so" for number in given_up.paths.tolist()]
        lines += [f"{address} answered and then fell silent" for address in self._addresses(given_up.hosts)]
        self._parts.lost.update(dict.fromkeys(lines))

    def _settle_stopped(self, taken: OccupiedSlot, now: float, read_until: float) -> None:
        """After `stop`, let a wave whose passes were all made cool down as ever, and the others from the stop on."""
        flight = taken.flight
        over = flight.attempt + 1 >= self._parts.effort.least_passes and not flight.sending
        begun = flight.last_sent if over else max(self._supply.stopped_at, flight.last_sent)
        if read_until >= begun + self._options.cooldown:
            self._finish(taken, now, interrupted=not over)

    def _finish(self, taken: OccupiedSlot, now: float, *, interrupted: bool = False) -> None:
        """Hand a wave out. Endpoints whose link was down meanwhile are not called silent."""
        parts, flight = self._parts, taken.flight
        for number, route in enumerate(parts.ways.routes):
            if parts.ways.states.down_since(route.link.index, flight.born):
                left = flight.unanswered
                gone = left[parts.ways.hops.route[flight.hop[left]] == number]
                flight.settle(gone, reason_code(Reason.LINK_DOWN), now)
        parts.effort.open = parts.intake.open
        silence = reason_code(Reason.INTERRUPTED) if interrupted else parts.settler.codes(flight)
        settled = flight.finish(
            now,
            time.time(),
            silence=silence,
            interrupted=interrupted,
            degraded=self._degraded(taken),
            absent=parts.ways.hops.count_absent(flight.hop),
            tries=parts.effort.least_passes,
        )
        parts.slots.end(taken)
        parts.effort.settled += len(flight)
        parts.effort.unproven += int(np.count_nonzero(np.isin(settled.reason, SILENCE_LOST)))
        self._settled += len(flight)
        self._deliver(settled)

    def _degraded(self, taken: OccupiedSlot) -> tuple[str, ...]:
        """Why answers of a wave may have been lost."""
        lines = []
        if self._parts.listener.dropped != taken.dropped_before:
            lines.append("answers were lost because the receive buffer was full")
        if self._parts.effort.too_few:
            lines.append(_TOO_FEW)
        return tuple(lines)

    def _pause(self, sent: int, began: float) -> float:
        """Seconds to sleep: none while there is more to send now, few while something waits to be sent."""
        parts = self._parts
        if self._stopped(began) or not (parts.slots.sending or parts.ways.neighbours.waiting):
            return _IDLE
        if sent >= _MOST_A_TURN or (sent and parts.budget.unlimited):
            return 0.0
        now = time.monotonic()
        turn = _SMOOTH if parts.budget.found else _TURN
        return max(turn - (now - began), min(parts.budget.wait(now), _IDLE), 0.0)

    def _holding(self) -> tuple[str, ...]:
        """What holds the rate back, in sentences: the slowest hosts."""
        found = self._parts.budget.found
        if not found:
            return ()
        held = list(found.slow_hosts(time.monotonic()))
        names = [self._addresses(np.array([host], np.uint64)) for host, _ in held]
        return tuple(words.format(*name) for name, (_, words) in zip(names, held, strict=True) if name)

    def _addresses(self, hosts: U64) -> tuple[str, ...]:
        """The addresses of hosts that answered, as text."""
        known = self._parts.watch.of_hosts(hosts)
        return tuple(
            str(to_address(int(version), int(high) << 64 | int(low)))
            for version, high, low in zip(known.version, known.high, known.low, strict=True)
        )
