"""UDP by frames of our own: Linux, with the right to raw sockets.

Questions leave through packet sockets or AF_XDP, answers come through a ring that the kernel fills (`packets`), and
`held_ports.py` keeps this machine from answering answers. Each endpoint is asked from a keyed port under a keyed label:
an answer counts only at that port, an ICMP error only if it quotes both, and what its checksum must be is compared with
each question that was sent.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time

import numpy as np

from scanner.core.columns import U8, U64, Mask
from scanner.core.errors import InvalidInput, os_problem
from scanner.core.model import Address
from scanner.core.packets.cookie import KEY_BYTES
from scanner.core.packets.datagram_proof import DatagramProof
from scanner.core.packets.parse_datagrams import DatagramKind, Datagrams, dissect_datagrams
from scanner.core.plan.reasons import icmp_reason
from scanner.core.targets.targets import to_address
from scanner.engines.choose import Wire
from scanner.engines.packets.answer_filter import UDP
from scanner.engines.packets.pcap import PcapWriter
from scanner.engines.packets.receive_ring import LONG_SLOT, Received, Receiver
from scanner.engines.udp.frame_output import FrameOutput, PermittedTargets
from scanner.engines.udp.frame_ways import FrameWays
from scanner.engines.udp.held_ports import hold_ports
from scanner.engines.udp.wire import Datagram, ErrorAbout, News, Probe, QuotedHeader, WayState

_SLOTS = 1 << 13
"""Packets that the ring of one IP version holds: 16 MiB."""
_AT_ONCE = 1024
_BATCHES = 4
"""Batches that are read between two looks at what is due."""
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """How frames are sent."""

    permitted: PermittedTargets
    """Which addresses may be asked: checked where frames are filled."""
    interface: str | None = None
    """The interface that every datagram must use; None leaves it to the routing tables."""
    wire: Wire = Wire.AUTO
    """How frames are given to the kernel."""
    pcap: Path | None = None
    """Where to write the answers that hold the proof as a capture file."""


class FrameWire:
    """See `wire.UdpWire`. Made and used in the namespace that is scanned."""

    gather = 0.003

    def __init__(self, options: FrameOptions) -> None:
        """Hold the ports to ask from.

        Raises:
            InvalidInput: there is no such interface, or no port to ask from.
            OutputFailed: the capture file cannot be written.
        """
        self._capture = PcapWriter(options.pcap) if options.pcap else None
        self._ways = FrameWays(options.interface)
        self._ports = hold_ports(secrets.randbelow)
        self._held = self._ports.numbers
        key = secrets.token_bytes(KEY_BYTES)
        self._proof = DatagramProof(key, first_port=self._ports.first, count=self._ports.count)
        self._output = FrameOutput(self._ways, self._proof, options.permitted, options.wire)
        self._receivers: dict[int, Receiver] = {}
        self._own: list[Datagram] = []  # we met ourselves
        self._forged = self._dropped = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """See `wire.UdpWire`."""
        wires = ", ".join(self._output.wires)
        told = [f"UDP questions went out as frames ({wires})"] if wires else []
        told += self._output.explained.values()
        if self._forged:
            told.append(f"forged ICMP errors about UDP rejected (port or label is not ours): {self._forged:,}")
        if self._dropped:
            told.append(f"answers by UDP dropped because the receive buffer was full: {self._dropped:,}")
        return tuple(told)

    def ways(self, version: U8, high: U64, low: U64) -> list[int]:
        """See `wire.UdpWire`."""
        for each in np.unique(version).tolist():
            self._listen(each)
        return self._ways.find(version, high, low, monotonic())

    def way(self, number: int, now: float) -> WayState:
        """See `wire.UdpWire`."""
        return self._ways.state(number, now)

    def was_cut(self, number: int, since: float) -> bool:
        """See `wire.UdpWire`."""
        return self._ways.was_cut(number, since)

    def keep_up(self, now: float, most: int) -> int:
        """See `wire.UdpWire`."""
        return self._ways.keep_up(now, most)

    def send(self, probes: Sequence[Probe]) -> Mapping[int, int]:
        """See `wire.UdpWire`."""
        failed = self._output.send(probes, monotonic())
        for probe in probes:
            if probe.port in self._held and self._ways.is_loopback(probe.way):
                self._own.append(Datagram(probe.text, probe.port, b"", expected=False))
        return failed

    def hear(self) -> Iterator[News]:
        """See `wire.UdpWire`."""
        own, self._own = self._own, []
        yield from own
        for receiver in self._receivers.values():
            for _ in range(_BATCHES):
                batch = receiver.read(_AT_ONCE)
                if not len(batch):
                    break
                yield from self._news(batch)

    def own_ports(self) -> frozenset[int]:
        """See `wire.UdpWire`."""
        return self._held

    def source_port(self, address: Address, port: int) -> int:
        """See `wire.UdpWire`."""
        number = int(address)
        high, low = np.array([number >> 64], np.uint64), np.array([number & _WORD], np.uint64)
        made = self._proof.of(address.version, high=high, low=low, port=np.array([port], np.uint16))
        return int(made.source_port[0])

    def done_with(self, address: str, port: int) -> None:
        """See `wire.UdpWire`. One ring hears for all."""

    def filenos(self) -> Sequence[int]:
        """See `wire.UdpWire`."""
        return ()

    def close(self) -> None:
        """See `wire.UdpWire`."""
        for receiver in self._receivers.values():
            self._dropped += receiver.dropped
            receiver.close()
        self._receivers.clear()
        for each in (self._output, self._ways, self._ports):
            each.close()
        if self._capture:
            self._capture.close()

    def _listen(self, version: int) -> None:
        """Begin to listen for answers of one IP version, unless that was done."""
        if version in self._receivers:
            return
        first, last = self._ports.first, self._ports.first + self._ports.count - 1
        try:
            self._receivers[version] = Receiver(
                version, first_port=first, last_port=last, slots=_SLOTS, slot_bytes=LONG_SLOT, protocol=UDP
            )
        except OSError as error:
            problem = f"the kernel has no memory for the receive buffer ({os_problem(error)})"
            raise InvalidInput(problem, cure="use --engine connect") from error

    def _news(self, batch: Received) -> Iterator[News]:
        found = dissect_datagrams(batch.packets, batch.lengths)
        at = batch.at + (monotonic() - time())
        held = self._proof.holds(found)
        if self._capture:
            self._capture.write(batch, held)
        errors = found.kind == DatagramKind.ICMP
        self._forged += int(np.count_nonzero(errors & ~held))
        for row in np.flatnonzero((found.kind == DatagramKind.ANSWER) | (errors & held)).tolist():
            data = batch.packets[row, found.data[row] : found.end[row]].tobytes()
            moment = float(at[row])
            yield _error(found, row, data, moment) if errors[row] else _datagram(found, row, data, held, moment)


def _datagram(found: Datagrams, row: int, data: bytes, held: Mask, at: float) -> Datagram:
    address = to_address(int(found.version[row]), int(found.high[row]) << 64 | int(found.low[row]))
    to = int(found.source_port[row])
    return Datagram(str(address), int(found.port[row]), data, to, expected=bool(held[row]), at=at)


def _error(found: Datagrams, row: int, quoted: bytes, at: float) -> ErrorAbout:
    version = int(found.version[row])
    about, ours, router = (
        to_address(version, int(high[row]) << 64 | int(low[row]))
        for high, low in (
            (found.high, found.low),
            (found.our_high, found.our_low),
            (found.router_high, found.router_low),
        )
    )
    return ErrorAbout(
        str(about),
        int(found.port[row]),
        icmp_reason(version, int(found.icmp_type[row]), int(found.icmp_code[row])),
        str(router),
        quoted,
        QuotedHeader(ours.packed, about.packed, int(found.source_port[row]), int(found.checksum[row])),
        at,
    )
