"""Sending: which endpoints of a wave may be probed now, and frames for them.

An endpoint is probed if nothing is known of it yet, its next hop is known, its link is up, its host has allowance left
and the global rate has. All of that is decided by column over the next few thousand indices of the attempt; those that
may not go yet wait in front of the queue. What goes is grouped by route, and each group is filled into a sender's rows
and given to the kernel.

The scope is checked here a second time, on the very columns that frames are filled from: whatever the plan holds, an
address that is not permitted stops the sweep before a frame for it exists.
"""

import errno
import time
from collections.abc import Callable, Iterator
from math import inf

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U16, Mask, WaveIndices
from scanner.core.errors import OutOfScope
from scanner.core.packets.build import Template, fill
from scanner.core.packets.cookie import Cookie
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.core.rate.allowance import PUNCTUAL, HostAllowances
from scanner.core.targets.address_columns import distinct, is_shared
from scanner.core.targets.targets import to_address
from scanner.engines.packets.sendmmsg import Sender
from scanner.engines.routing.link_states import LinkState, LinkStates
from scanner.engines.routing.netlink import Medium
from scanner.engines.routing.next_hops import Hops, HopState
from scanner.engines.routing.routes import Route
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.index_columns import run_of
from scanner.engines.syn.options import Permitted
from scanner.engines.syn.route_output import syn_template
from scanner.engines.syn.source_ports import SourcePorts

LEAST_LOOK, MOST_LOOK = 256, 4096
"""How many indices are looked at in one go where some may have to wait: more when too few of them may go."""

_LINK_IS_DOWN = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
_NO_ROOM = frozenset({errno.ENOBUFS, errno.EAGAIN})
_MOST_STALLS = 20


class Transmitter:
    """The sending half of a sweep."""

    def __init__(
        self,
        *,
        routes: list[Route],
        hops: Hops,
        ports: SourcePorts,
        key: bytes,
        states: LinkStates,
        permitted: Permitted,
        hosts: HostAllowances | None,
        open_sender: Callable[[Route], Sender],
    ) -> None:
        """`routes` may grow; `hosts` is None where hosts have no limit of their own."""
        self._routes, self._hops, self._ports, self._states = routes, hops, ports, states
        self._cookie = Cookie(key)
        self._permitted = permitted
        self._hosts = hosts
        self._open_sender = open_sender
        self._senders: dict[tuple[int, int], Sender] = {}
        self._templates: dict[tuple[int, str, bytes], Template] = {}
        self._stalls = 0
        self._look = LEAST_LOOK
        self._left_at = inf
        self.late = 0.0
        """Seconds by which what `send` sent last left later than it was meant to."""
        self.resets = 0
        """Resets sent to close what our kernel did not close."""

    @property
    def wires(self) -> frozenset[str]:
        """The names of the senders in use."""
        return frozenset(sender.name for sender in self._senders.values())

    def send(self, flight: InFlightWave, slot: int, most: int, now: float) -> int:
        """Send what may go of the attempt under way, `most` probes at most. Returns how many went.

        Raises:
            OutOfScope: the wave holds an address that is not permitted; nothing went to it.
        """
        go, later = self._choose(flight, most, now)
        sent, self._left_at = 0, inf
        kept = [later]
        for number, indices in self._by_route(flight, go):
            count, left = self._transmit(flight, slot, number, indices)
            sent += count
            kept.append(left)
        flight.take(np.sort(np.concatenate(kept)))
        self.late = max(0.0, self._left_at - now - PUNCTUAL) if sent else 0.0
        if self._hosts and self.late:
            self._hosts.went_late(flight.wave.host[go], self.late)
        return sent

    def reset(self, flight: InFlightWave, source_port: U16) -> None:
        """Close the connections that probes from these ports, one for each index, have half opened."""
        reachable = np.flatnonzero((flight.hop >= 0) & (self._hops.state[flight.hop] == HopState.READY))
        for number, indices in self._by_route(flight, reachable.astype(np.int32)):
            for _, _, count, _ in self._frames(flight, number, indices, source_port[indices], flags="R"):
                self.resets += count

    def close(self) -> None:
        """Close the sockets."""
        for sender in self._senders.values():
            sender.close()

    def _choose(self, flight: InFlightWave, most: int, now: float) -> tuple[WaveIndices, WaveIndices]:
        """Return the indices that go now, `most` at most, and those that must wait."""
        if self._all_may_go(flight):
            looked = flight.look(most)
            return looked[:most], looked[most:]
        looked = flight.look(max(most, self._look))
        go, later = self._sort_out(flight, looked, most, now)
        short = np.count_nonzero(go) < most
        self._look = min(self._look * 2, MOST_LOOK) if short else max(self._look // 2, LEAST_LOOK)
        return looked[go], looked[later]

    def _all_may_go(self, flight: InFlightWave) -> bool:
        """Return whether no index has to wait for anything but the global rate: then none needs to be looked at by
        itself."""
        ready = is_shared(flight.hop) and len(flight) > 0 and self._hops.state[flight.hop[0]] == HopState.READY
        return ready and not self._hosts and not self._states.troubled(route.link.index for route in self._routes)

    def _sort_out(self, flight: InFlightWave, indices: WaveIndices, most: int, now: float) -> tuple[Mask, Mask]:
        """Return which indices go now, and which must wait; the others are settled here."""
        hop = flight.hop[indices]
        known = self._hops.state[hop]
        go: Mask = known == HopState.READY
        later: Mask = known == HopState.ASKED
        if (absent := known == HopState.ABSENT).any():
            own = self._hops.direct[hop]
            flight.settle(indices[absent & own], reason_code(Reason.NO_ARP_REPLY), now)
            flight.settle(indices[absent & ~own], local_error_code(errno.EHOSTUNREACH), now)
        if self._states.troubled(route.link.index for route in self._routes):
            self._hold_back(flight, indices, go, later, now)
        ready = np.flatnonzero(go)
        if self._hosts:
            allowed = self._hosts.allow(flight.wave.host[indices[ready]], now, most)
        else:
            allowed = np.arange(len(ready)) < most
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

    def _by_route(self, flight: InFlightWave, indices: WaveIndices) -> Iterator[tuple[int, WaveIndices]]:
        """Yield indices grouped by the route they take."""
        if not len(indices):
            return
        route = self._hops.route[flight.hop[run_of(indices)]]
        numbers = distinct(route)
        for number in numbers.tolist():
            yield number, indices if len(numbers) == 1 else indices[route == number]

    def _transmit(self, flight: InFlightWave, slot: int, number: int, indices: WaveIndices) -> tuple[int, WaveIndices]:
        """Probe indices by one route. Returns how many went, and which must be tried again a little later."""
        source_port = np.broadcast_to(np.uint16(self._ports.port(slot, flight.attempt)), len(indices))
        sent = 0
        for chunk, moment, count, error in self._frames(flight, number, indices, source_port):
            flight.mark_sent(chunk[:count], moment)
            sent += count
            if not error:
                self._stalls = 0
                continue
            if self._may_recover(number, error, moment):
                return sent, indices[sent:]
            flight.settle(chunk[count : count + 1], local_error_code(error), moment)
            return sent, indices[sent + 1 :]
        return sent, indices[:0]

    def _may_recover(self, number: int, error: int, now: float) -> bool:
        """Return whether to try again what the kernel would not take."""
        if error in _LINK_IS_DOWN:
            self._states.went_down(self._routes[number].link.index, now)
            return True
        self._stalls += 1
        return error in _NO_ROOM and self._stalls < _MOST_STALLS

    def _frames(
        self, flight: InFlightWave, number: int, indices: WaveIndices, source_port: U16, *, flags: str = "S"
    ) -> Iterator[tuple[WaveIndices, float, int, int]]:
        """Fill and send batch by batch; yield the indices of each, when it went, how many of it, and the errno or 0."""
        route, wave = self._routes[number], flight.wave
        each_its_own = route.needs_neighbour and route.gateway is None
        hop = None if each_its_own else int(flight.hop[indices[0]])
        sender, template = self._sender(route), self._template(number, flags, hop)
        done = 0
        while done < len(indices):
            rows = _room(sender, template, len(indices) - done)
            chunk = indices[done : done + len(rows)]
            here = run_of(chunk)
            ports = source_port[done : done + len(rows)]
            high, low, port = wave.high[here], wave.low[here], wave.port[here]
            self._check_scope(wave.version[here], high, low)
            sequence = self._cookie.of(route.source.version, high=high, low=low, port=port, source_port=ports)
            if flags == "R":
                sequence += np.uint32(1)
            hops = self._hops.mac[flight.hop[here]] if each_its_own else None
            fill(template, rows, high=high, low=low, port=port, source_port=ports, sequence=sequence, hops=hops)
            moment = time.monotonic()
            self._left_at = min(self._left_at, moment)
            result = sender.send(len(chunk))
            yield chunk, moment, result.count, result.error
            done += len(chunk)

    def _check_scope(self, version: U8, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> None:
        permitted = self._permitted(version, high, low)
        if not permitted.all():
            row = int(np.argmin(permitted))
            address = to_address(int(version[row]), int(high[row]) << 64 | int(low[row]))
            raise OutOfScope(f"the plan holds {address}, which is not permitted; stopped before probing it")

    def _sender(self, route: Route) -> Sender:
        version = route.source.version if route.link.medium is Medium.LOOPBACK else 0
        key = (route.link.index, version)
        if key not in self._senders:
            self._senders[key] = self._open_sender(route)
        return self._senders[key]

    def _template(self, number: int, flags: str, hop: int | None) -> Template:
        """Return the frame of a route, with the link-layer address of the next hop where all share that one."""
        mac = b"" if hop is None else self._hops.mac[hop].tobytes()
        key = (number, flags, mac)
        if key not in self._templates:
            self._templates[key] = syn_template(self._routes[number], flags=flags, hop=mac)
        return self._templates[key]


def _room(sender: Sender, template: Template, count: int) -> U8:
    """Return at least one row to fill. A full ring is pushed on until the kernel has taken something out of it."""
    while not len(rows := sender.rows(template, count)):
        sender.send(0)
    return rows
