"""Sending: which endpoints of a wave may be probed now.

An endpoint is probed if nothing is known of it yet, its next hop is known, its link is up, neither its host nor its way
is silent, and the budget lets it go. All of that is decided by column over the next few thousand indices of the pass;
those that may not go yet wait in front of the queue.
"""

import errno
from math import inf

import numpy as np

from scanner.core.columns import I32, I64, Mask, WaveIndices
from scanner.core.path.exchange import Gate
from scanner.core.path.watch import PATHS, Watch
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.core.rate.allowance import PUNCTUAL
from scanner.core.rate.budget import Budget
from scanner.core.targets.address_columns import is_shared
from scanner.engines.routing.link_states import LinkState, LinkStates
from scanner.engines.routing.next_hops import Hops, HopState
from scanner.engines.routing.routes import Route
from scanner.engines.syn.frames import FrameSender
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.index_columns import run_of
from scanner.engines.syn.source_ports import SourcePorts

LEAST_LOOK, MOST_LOOK = 256, 4096
"""How many indices are looked at in one go where some may have to wait: more when too few of them may go."""

_LINK_IS_DOWN = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
_NO_ROOM = frozenset({errno.ENOBUFS, errno.EAGAIN})
_MOST_STALLS = 20
_SAMPLE = 8
"""One in so many probes is counted for its host and way, so that the watch knows who is sent to."""


class Transmitter:
    """The sending half of a sweep."""

    def __init__(
        self,
        frames: FrameSender,
        *,
        routes: list[Route],
        hops: Hops,
        ports: SourcePorts,
        states: LinkStates,
        budget: Budget,
        watch: Watch,
    ) -> None:
        """`routes` may grow."""
        self._frames = frames
        self._routes, self._hops, self._ports, self._states = routes, hops, ports, states
        self._budget, self._watch = budget, watch
        self._stalls = 0
        self._look = LEAST_LOOK
        self.late = 0.0
        """Seconds by which what `send` sent last left later than it was meant to."""

    def send(self, flight: InFlightWave, slot: int, most: int, now: float) -> int:
        """Send what may go of the pass under way, `most` probes at most. Returns how many went.

        Raises:
            OutOfScope: the wave holds an address that is not permitted; nothing went to it.
        """
        go, later = self._choose(flight, most, now)
        sent, left_at = 0, inf
        kept = [later]
        for number, indices in self._frames.by_route(flight.hop, go):
            first, count, left = self._transmit(flight, slot, number, indices)
            self._account(flight, number, indices[:count], first, now)
            left_at = min(left_at, first)
            sent += count
            kept.append(left)
        flight.passes.take(np.sort(np.concatenate(kept)))
        self.late = max(0.0, left_at - now - PUNCTUAL) if sent else 0.0
        return sent

    def path_of(self, hop: I32) -> I64:
        """The way out of next hops, as the watch and the budget count them."""
        return np.minimum(self._hops.route[hop], PATHS - 1).astype(np.int64)

    def _account(self, flight: InFlightWave, number: int, indices: WaveIndices, first: float, now: float) -> None:
        """Let the budget and the watch know what went by a route, the first of it at `first`."""
        path = min(number, PATHS - 1)
        if self._budget.by_endpoint and len(indices):
            late = max(0.0, first - now - PUNCTUAL)
            self._budget.went(flight.wave.host[run_of(indices)], path, first, late=late)
        if not self._watch.blank:
            each = _SAMPLE if len(indices) >= _SAMPLE * _SAMPLE else 1
            hosts = flight.wave.host[indices[::each]]
            self._watch.probed(hosts, np.full(len(hosts), path), each=each)

    def _choose(self, flight: InFlightWave, most: int, now: float) -> tuple[WaveIndices, WaveIndices]:
        """The indices that go now, `most` at most, and those that must wait."""
        if self._all_may_go(flight):
            looked = flight.passes.look(most)
            return looked[:most], looked[most:]
        looked = flight.passes.look(max(most, self._look))
        go, later = self._sort_out(flight, looked, most, now)
        short = np.count_nonzero(go) < most
        self._look = min(self._look * 2, MOST_LOOK) if short else max(self._look // 2, LEAST_LOOK)
        return looked[go], looked[later]

    def _all_may_go(self, flight: InFlightWave) -> bool:
        """Whether no index waits for anything but the rate over all: then none needs to be looked at by itself."""
        ready = is_shared(flight.hop) and len(flight) > 0 and self._hops.state[flight.hop[0]] == HopState.READY
        return ready and not self._budget.by_endpoint and self._watch.calm and not self._troubled()

    def _troubled(self) -> bool:
        return self._states.troubled(route.link.index for route in self._routes)

    def _sort_out(self, flight: InFlightWave, indices: WaveIndices, most: int, now: float) -> tuple[Mask, Mask]:
        """Which indices go now, and which must wait; the others are settled here."""
        hop = flight.hop[indices]
        known = self._hops.state[hop]
        go: Mask = known == HopState.READY
        later: Mask = known == HopState.ASKED
        if (absent := known == HopState.ABSENT).any():
            own = self._hops.direct[hop]
            flight.settle(indices[absent & own], reason_code(Reason.NO_ARP_REPLY), now)
            flight.settle(indices[absent & ~own], local_error_code(errno.EHOSTUNREACH), now)
        if self._troubled():
            self._hold_back(flight, indices, go, later, now)
        host, path = flight.wave.host[indices], self.path_of(hop)
        if not self._watch.calm:
            gates = self._watch.gates(host, path)
            lost = go & (gates == Gate.LOST)
            flight.settle(indices[lost], self._watch.codes(host[lost], path[lost], np.full(int(lost.sum()), inf)), now)
            later |= go & (gates == Gate.WAIT)
            go &= gates == Gate.GO
        ready = np.flatnonzero(go)
        allowed = self._budget.choose(host[ready], path[ready], most, now)
        go[ready[~allowed]] = False
        later[ready[~allowed]] = True
        return go, later

    def _hold_back(self, flight: InFlightWave, indices: WaveIndices, go: Mask, later: Mask, now: float) -> None:
        """Take the indices whose link is down out of `go`: some wait, some are given up."""
        route = self._hops.route[flight.hop[indices]]
        for number in np.unique(route[go]):
            state = self._states.state(self._routes[number].link.index, now)
            if state is LinkState.UP:
                continue
            here = go & (route == number)
            go[here] = False
            if state is LinkState.WAIT:
                later[here] = True
            else:
                flight.settle(indices[here], reason_code(Reason.LINK_DOWN), now)

    def _transmit(
        self, flight: InFlightWave, slot: int, number: int, indices: WaveIndices
    ) -> tuple[float, int, WaveIndices]:
        """Probe indices by one route. When the first went, how many did, and which must be tried again soon."""
        source_port = np.broadcast_to(np.uint16(self._ports.port(slot, flight.attempt)), len(indices))
        sent, first = 0, inf
        for chunk, moment, count, error in self._frames.send(flight.wave, flight.hop, number, indices, source_port):
            flight.mark_sent(chunk[:count], moment)
            first = min(first, moment)
            sent += count
            if not error:
                self._stalls = 0
                continue
            if self._budget.found:
                self._budget.found.trouble(min(number, PATHS - 1), moment)
            if self._may_recover(number, error, moment):
                return first, sent, indices[sent:]
            flight.settle(chunk[count : count + 1], local_error_code(error), moment)
            return first, sent, indices[sent + 1 :]
        return first, sent, indices[:0]

    def _may_recover(self, number: int, error: int, now: float) -> bool:
        """Whether to try again what the kernel would not take."""
        if error in _LINK_IS_DOWN:
            self._states.went_down(self._routes[number].link.index, now)
            return True
        self._stalls += 1
        return error in _NO_ROOM and self._stalls < _MOST_STALLS
