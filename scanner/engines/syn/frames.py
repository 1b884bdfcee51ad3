"""Frames: endpoints in, packets out, by whatever route each takes.

What goes is grouped by route, and each group is filled into a sender's rows and given to the kernel. The scope is
checked here a second time, on the very columns that frames are filled from: whatever the plan holds, an address that is
not permitted stops the sweep before a frame for it exists.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from scanner.core.columns import I32, U8, U16, WaveIndices
from scanner.core.errors import OutOfScope
from scanner.core.packets.build import Template, fill
from scanner.core.packets.cookie import Cookie
from scanner.core.plan.wave import Wave
from scanner.core.targets.address_columns import distinct
from scanner.core.targets.targets import to_address
from scanner.engines.packets.sendmmsg import Sender
from scanner.engines.routing.netlink import Medium
from scanner.engines.routing.next_hops import Hops
from scanner.engines.routing.routes import Route
from scanner.engines.syn.index_columns import run_of
from scanner.engines.syn.options import Permitted
from scanner.engines.syn.route_output import syn_template


class FrameSender:
    """Fills and sends frames."""

    def __init__(
        self,
        *,
        routes: list[Route],
        hops: Hops,
        key: bytes,
        permitted: Permitted,
        open_sender: Callable[[Route], Sender],
    ) -> None:
        """`routes` may grow, and rows of it may be replaced (`forget`); `key` is the cookie's."""
        self._routes, self._hops = routes, hops
        self._cookie = Cookie(key)
        self._permitted = permitted
        self._open_sender = open_sender
        self._senders: dict[tuple[int, int], Sender] = {}
        self._templates: dict[tuple[int, str, bytes], Template] = {}

    @property
    def wires(self) -> frozenset[str]:
        """The names of the senders in use."""
        return frozenset(sender.name for sender in self._senders.values())

    def by_route(self, hop: I32, indices: WaveIndices) -> Iterator[tuple[int, WaveIndices]]:
        """Yield indices grouped by the route that their next hops (`hop`, by index) belong to."""
        if not len(indices):
            return
        route = self._hops.route[hop[run_of(indices)]]
        numbers = distinct(route)
        for number in numbers.tolist():
            yield number, indices if len(numbers) == 1 else indices[route == number]

    def send(
        self, wave: Wave, hop: I32, number: int, indices: WaveIndices, source_port: U16, *, flags: str = "S"
    ) -> Iterator[tuple[WaveIndices, float, int, int]]:
        """Fill and send frames to endpoints of one route (`by_route`), batch by batch.

        Args:
            wave: the endpoints.
            hop: the next hop of each.
            number: the route.
            indices: which of them, in order.
            source_port: the port to send from, one for each of `indices`.
            flags: "S" or "R", see `route_output.syn_template`.

        Yields:
            the indices of a batch, when it went, how many of it went, and the errno or 0.

        Raises:
            OutOfScope: an address is not permitted; nothing went to it.
        """
        route = self._routes[number]
        each_its_own = route.needs_neighbour and route.gateway is None
        shared = None if each_its_own else int(hop[indices[0]])
        sender, template = self._sender(route), self._template(number, flags, shared)
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
            macs = self._hops.mac[hop[here]] if each_its_own else None
            fill(template, rows, high=high, low=low, port=port, source_port=ports, sequence=sequence, hops=macs)
            moment = time.monotonic()
            result = sender.send(len(chunk))
            yield chunk, moment, result.count, result.error
            done += len(chunk)

    def forget(self, number: int) -> None:
        """The route with this number is another from now on."""
        self._templates = {key: template for key, template in self._templates.items() if key[0] != number}

    def close(self) -> None:
        """Close the sockets."""
        for sender in self._senders.values():
            sender.close()

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
        """The frame of a route, with the link-layer address of the next hop where all share that one."""
        mac = b"" if hop is None else self._hops.mac[hop].tobytes()
        key = (number, flags, mac)
        if key not in self._templates:
            self._templates[key] = syn_template(self._routes[number], flags=flags, hop=mac)
        return self._templates[key]


def _room(sender: Sender, template: Template, count: int) -> U8:
    """At least one row to fill. A full ring is pushed on until the kernel has taken something out of it."""
    while not len(rows := sender.rows(template, count)):
        sender.send(0)
    return rows
