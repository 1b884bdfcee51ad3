"""What wires of ordinary sockets share: the kernel finds the way, and takes one datagram at a time."""
# ruff: noqa: ARG002 - there is nothing to tell of ways that the kernel finds

from collections.abc import Mapping, Sequence

from scanner.core.columns import U8, U64
from scanner.core.model import Address
from scanner.engines.udp.wire import NO_ROOM, Probe, WayState


class KernelRouted:
    """Datagrams one by one through sockets of the kernel, which finds their way."""

    notes: tuple[str, ...] = ()
    gather = 0.0

    def ways(self, version: U8, high: U64, low: U64) -> list[int]:
        """See `UdpWire`."""
        return [0] * len(version)

    def way(self, number: int, now: float) -> WayState:
        """See `UdpWire`."""
        return WayState.OPEN

    def was_cut(self, number: int, since: float) -> bool:
        """See `UdpWire`."""
        return False

    def keep_up(self, now: float, most: int) -> int:
        """See `UdpWire`."""
        return 0

    def source_port(self, address: Address, port: int) -> int:
        """See `UdpWire`."""
        return 0

    def send(self, probes: Sequence[Probe]) -> Mapping[int, int]:
        """See `UdpWire`. Once there is no room, nothing more is tried."""
        failed: dict[int, int] = {}
        for place, probe in enumerate(probes):
            error = self.send_one(probe.address.version, probe.text, probe.port, probe.data, probe.source)
            if error in NO_ROOM:
                return failed | dict.fromkeys(range(place, len(probes)), error)
            if error:
                failed[place] = error
        return failed

    def send_one(self, version: int, address: str, port: int, payload: bytes, source: str = "") -> int:
        """Send a datagram to an endpoint; return 0, or the errno where nothing left."""
        raise NotImplementedError
