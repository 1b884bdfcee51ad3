"""Sending datagrams as frames: those of one question and one route are filled together and given to the kernel.

The scope is checked here a second time, on the very columns that frames are filled from: whatever was planned, an
address that is not permitted stops the sweep before a frame for it exists.
"""

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import groupby
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U64
from scanner.core.errors import InvalidInput, OutOfScope, os_problem
from scanner.core.packets.datagram_proof import DatagramProof
from scanner.core.packets.datagrams import DatagramTemplate, fill_datagrams
from scanner.core.udp.question import Payload
from scanner.engines.choose import Wire
from scanner.engines.packets.open_sender import open_sender
from scanner.engines.packets.sendmmsg import Sender, ip_sender, packet_sender
from scanner.engines.routing.netlink import Medium
from scanner.engines.routing.routes import Route
from scanner.engines.udp.frame_ways import FrameWays, Leaving
from scanner.engines.udp.wire import Probe

PermittedTargets: TypeAlias = Callable[[U8, U64, U64], npt.NDArray[np.bool_]]
"""(version, high, low) columns of addresses -> which of them may be asked, bool[n]."""

_LINK_IS_DOWN = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
_WORD = (1 << 64) - 1
_MOST_TEMPLATES = 4096


@dataclass(frozen=True, slots=True)
class _Group:
    """Datagrams that share a template."""

    leaving: Leaving
    places: list[int]
    probes: list[Probe]

    @property
    def each_its_own_hop(self) -> bool:
        """Return whether hosts are neighbours; a route through a gateway has but one next hop."""
        return self.leaving.route.needs_neighbour and self.leaving.route.gateway is None


class FrameOutput:
    """The sending half of the frame wire."""

    def __init__(self, ways: FrameWays, proof: DatagramProof, permitted: PermittedTargets, wire: Wire) -> None:
        """`wire` is how frames are given to the kernel."""
        self._ways, self._proof, self._permitted, self._wire = ways, proof, permitted, wire
        self._senders: dict[tuple[int, int], Sender] = {}
        self._templates: dict[tuple[Route, bytes, Payload, str], DatagramTemplate] = {}
        self._payloads: dict[int, tuple[int, Payload]] = {}
        self.explained: dict[str, str] = {}
        """Why a sender is not the fastest, by interface."""

    @property
    def wires(self) -> tuple[str, ...]:
        """Return the names of the senders in use."""
        return tuple(sorted({sender.name for sender in self._senders.values()}))

    def send(self, probes: Sequence[Probe], now: float) -> Mapping[int, int]:
        """Send datagrams by ways that are open; return the errno for the place of each that did not leave.

        Raises:
            OutOfScope: an address is not permitted; nothing went to it.
            InvalidInput: an interface cannot be used.
        """
        failed: dict[int, int] = {}
        for group in self._groups(probes):
            failed |= self._transmit(group)
        for place, error in failed.items():
            if error in _LINK_IS_DOWN:
                self._ways.link_failed(probes[place].way, now)
        return failed

    def close(self) -> None:
        """Close the sockets."""
        for sender in self._senders.values():
            sender.close()

    def _groups(self, probes: Sequence[Probe]) -> Iterator[_Group]:
        """Yield datagrams by what they share; those that must be last come last."""

        def key(place: int) -> tuple[bool, int, str, int]:
            probe = probes[place]
            return probe.last, self._ways.route_number(probe.way), probe.source, self._number(probe.payload)

        for _, places in groupby(sorted(range(len(probes)), key=key), key):
            chosen = list(places)
            yield _Group(self._ways.leaving(probes[chosen[0]].way), chosen, [probes[place] for place in chosen])

    def _number(self, payload: Payload) -> int:
        """Return a small number for a question; they are few, and live as long as the sweep."""
        return self._payloads.setdefault(id(payload), (len(self._payloads), payload))[0]

    def _transmit(self, group: _Group) -> dict[int, int]:
        """Fill and send; return the errno for each place that did not leave."""
        sender, template = self._sender(group.leaving.route), self._template(group)
        done = 0
        while done < len(group.probes):
            rows = _room(sender, template, len(group.probes) - done)
            here = slice(done, done + len(rows))
            self._fill(template, rows, group.probes[here], own_hops=group.each_its_own_hop)
            result = sender.send(len(rows))
            done += result.count
            if result.error:
                return dict.fromkeys(group.places[done:], result.error)
        return {}

    def _fill(self, template: DatagramTemplate, rows: U8, probes: list[Probe], *, own_hops: bool) -> None:
        numbers = [int(probe.address) for probe in probes]
        high = np.array([number >> 64 for number in numbers], np.uint64)
        low = np.array([number & _WORD for number in numbers], np.uint64)
        port = np.array([probe.port for probe in probes], np.uint16)
        self._check_scope(template.version, high, low, probes)
        made = self._proof.of(template.version, high=high, low=low, port=port)
        fill_datagrams(
            template,
            rows,
            high=high,
            low=low,
            port=port,
            source_port=made.source_port,
            label=made.label,
            token=np.frombuffer(b"".join(probe.token for probe in probes), np.uint8).reshape(len(probes), -1),
            hops=self._ways.macs([probe.way for probe in probes]) if own_hops else None,
        )

    def _check_scope(self, version: int, high: U64, low: U64, probes: list[Probe]) -> None:
        permitted = self._permitted(np.full(len(low), version, np.uint8), high, low)
        if not permitted.all():
            address = probes[int(np.argmin(permitted))].address
            raise OutOfScope(f"the plan holds {address}, which is not permitted; stopped before asking it")

    def _template(self, group: _Group) -> DatagramTemplate:
        route = group.leaving.route
        mac = bytes(6) if group.each_its_own_hop else group.leaving.mac
        payload, source = group.probes[0].payload, group.probes[0].source
        key = (route, mac, payload, source)
        if key not in self._templates:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            macs = (mac, route.link.mac) if route.link.medium is Medium.ETHERNET else None
            self._templates[key] = DatagramTemplate.of(
                payload, ip_address(source) if source else route.source, macs=macs
            )
        return self._templates[key]

    def _sender(self, route: Route) -> Sender:
        version = route.source.version if route.link.medium is Medium.LOOPBACK else 0
        key = (route.link.index, version)
        if key not in self._senders:
            try:
                self._senders[key] = self._open(route)
            except OSError as error:
                problem = f"interface {route.link.name} cannot be used for UDP frames ({os_problem(error)})"
                raise InvalidInput(problem, cure="try --wire sendmmsg or --engine connect") from error
        return self._senders[key]

    def _open(self, route: Route) -> Sender:
        if route.link.medium is Medium.LOOPBACK:
            return ip_sender(route.source.version)
        if route.link.medium is Medium.BARE:
            return packet_sender(route.link.name)
        sender, why = open_sender(route.link.name, self._wire)
        if why:
            self.explained[route.link.name] = why
        return sender


def _room(sender: Sender, template: DatagramTemplate, count: int) -> U8:
    """Return at least one row to fill. A full ring is pushed on until the kernel has taken something out of it."""
    while not len(rows := sender.rows(template, count)):
        sender.send(0)
    return rows
