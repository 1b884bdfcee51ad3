"""The portable way to send SYNs: scapy's own sockets, routes and ARP, one packet at a time.

Made for systems and links that the fast engine does not know (macOS, odd link layers), not for speed: scapy takes a
quarter of a millisecond to build a packet. The plan, the attempts, the cookies and the validation are those of the
`syn` engine, so that states and reasons are the same; only what touches the network differs. One wave is probed at a
time, in a thread, and a second thread reads what comes, on the interfaces that probes left by: an answer that comes in
by another one is missed here, while the `syn` engine receives it.

scapy reads routing tables by itself and knows neither policy rules nor multipath routes. Where the kernel can be asked
(Linux), an address that scapy would send another way than the kernel is not probed, and its endpoints are unknown.
"""

import asyncio
import errno
import logging
import os
import random
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import numpy as np

from scanner.core.errors import InvalidInput, OutOfScope
from scanner.core.model import Address
from scanner.core.packets.cookie import KEY_BYTES, Cookie
from scanner.core.packets.parse import dissect
from scanner.core.path.retries import NEVER_ANSWERED
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.allowance import Allowance, HostAllowances
from scanner.core.rate.limits import Limits
from scanner.engines.choose import EngineName, demand_raw
from scanner.engines.interface import Progress
from scanner.engines.routing.netlink import Netlink
from scanner.engines.syn.in_flight import InFlightWave
from scanner.engines.syn.options import Permitted, SynOptions
from scanner.engines.syn.scapy_loading import load_scapy
from scanner.engines.syn.source_ports import SourcePorts, choose_ports
from scanner.engines.syn.validate import validate

_WIDTH = 176
_NAP = 0.002
_FALLBACK_PORT = 61_000


class ScapyEngine:
    """Probes by SYN through scapy's sockets. Obeys `interface.Engine`."""

    def __init__(self, options: SynOptions, limits: Limits, permitted: Permitted) -> None:
        """Of `options`, only attempts, spacing and cooldown have an effect here.

        Raises:
            InvalidInput: an interface was named; scapy's routes decide here.
        """
        if options.interface:
            raise InvalidInput("--engine scapy cannot be bound to an interface", where="-e", cure="use --engine syn")
        self._options, self._permitted = options, permitted
        self._attempts = options.attempts or NEVER_ANSWERED
        self._elsewhere = 0
        self._all = Allowance(limits.rate)
        self._hosts = HostAllowances(limits.host_rate) if limits.host_rate else None
        self._stopping = False
        self._sent = self._settled = self._open = 0

    @property
    def name(self) -> str:
        """See `interface.Engine`."""
        return EngineName.SCAPY

    @property
    def progress(self) -> Progress:
        """See `interface.Engine`."""
        return Progress(self._sent, self._settled, self._open)

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        if not self._elsewhere:
            return ()
        cure = "use --engine syn or connect"
        return (f"addresses not probed, as the kernel takes another way than scapy: {self._elsewhere:,} ({cure})",)

    def stop(self) -> None:
        """See `interface.Engine`."""
        self._stopping = True

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """See `interface.Engine`.

        Raises:
            NotPermitted: no privilege for raw sockets; before any probe.
            OutOfScope: a wave holds an address that is not permitted.
        """
        demand_raw(EngineName.SCAPY)
        ports = _source_ports(self._attempts)
        network = _Network()
        try:
            for wave in waves:
                yield await asyncio.to_thread(self._probe, wave, network, ports)
                if self._stopping:
                    return
        finally:
            network.close()

    def _probe(self, wave: Wave, network: "_Network", ports: SourcePorts) -> SettledWave:
        """Probe one wave, attempt after attempt."""
        if not self._permitted(wave.version, wave.high, wave.low).all():
            raise OutOfScope("the plan holds an address that is not permitted; stopped before probing it")
        flight = InFlightWave(wave, np.zeros(len(wave), np.int32), born=time.monotonic())
        probing = _WaveProbing(flight, network, ports)
        probing.settle_absent()
        self._elsewhere = len(network.elsewhere)
        trying = True
        while trying and not self._stopping:
            self._attempt_once(probing)
            last = flight.attempt + 1 == self._attempts
            probing.listen_until(flight.last_sent + (self._options.cooldown if last else self._options.spacing))
            if trying := not last and flight.left > 0:
                flight.next_pass()
        if self._stopping:
            probing.listen_until(flight.last_sent + self._options.cooldown)
        interrupted = self._stopping and (flight.sending or trying)
        reason = Reason.INTERRUPTED if interrupted else Reason.NO_RESPONSE
        self._settled += len(flight)
        self._open += flight.open
        return flight.finish(
            time.monotonic(),
            time.time(),
            silence=reason_code(reason),
            interrupted=interrupted,
            absent=probing.absent,
            tries=self._attempts,
        )

    def _attempt_once(self, probing: "_WaveProbing") -> None:
        flight = probing.flight
        while flight.sending and not self._stopping:
            indices = flight.passes.look(1)
            if len(indices):
                self._wait_for_turn(probing, int(flight.wave.host[indices[0]]))
                self._sent += probing.send(int(indices[0]))
            flight.passes.take(indices[:0])
            probing.listen()

    def _wait_for_turn(self, probing: "_WaveProbing", host: int) -> None:
        """Wait until the global rate and the host's both allow one more."""
        hosts = np.array([host], np.uint64)
        while not self._stopping:
            now = time.monotonic()
            if self._all.ready(now, 1) and (self._hosts is None or self._hosts.allow(hosts, now, 1)[0]):
                self._all.took(1)
                return
            probing.listen()
            time.sleep(_NAP)


class _WaveProbing:
    """One wave being probed: between its bookkeeping and the network."""

    def __init__(self, flight: InFlightWave, network: "_Network", ports: SourcePorts) -> None:
        self.flight, self._network, self._ports = flight, network, ports
        self.absent = 0
        """Addresses without a link-layer address."""

    def settle_absent(self) -> None:
        """Resolve the link-layer address of every host, and settle those of hosts that have none."""
        wave = self.flight.wave
        _, first, which = np.unique(wave.host, return_index=True, return_inverse=True)
        addresses = [wave.address(int(index)) for index in first]
        for number, reason in self._network.unreachable(addresses).items():
            indices = np.flatnonzero(which == number).astype(np.int32)
            self.flight.settle(indices, reason, time.monotonic())
            self.absent += reason == reason_code(Reason.NO_ARP_REPLY)

    def send(self, index: int) -> int:
        """Send one probe; return whether it went, as a number."""
        wave, now = self.flight.wave, time.monotonic()
        row = slice(index, index + 1)
        port = np.array([self._ports.port(0, self.flight.attempt)], np.uint16)
        sequence = self._network.cookie.of(
            int(wave.version[index]), high=wave.high[row], low=wave.low[row], port=wave.port[row], source_port=port
        )
        error = self._network.send(wave.address(index), int(wave.port[index]), int(port[0]), int(sequence[0]))
        if error:
            self.flight.settle(np.array([index], np.int32), local_error_code(error), now)
            return 0
        self.flight.mark_sent(np.array([index], np.int32), now)
        return 1

    def listen(self) -> None:
        """Take in what came."""
        frames = self._network.take()
        if not frames:
            return
        rows = np.zeros((len(frames), _WIDTH), np.uint8)
        for row, (_, frame) in zip(rows, frames, strict=True):
            row[: min(len(frame), _WIDTH)] = np.frombuffer(frame[:_WIDTH], np.uint8)
        lengths = np.array([min(len(frame), _WIDTH) for _, frame in frames])
        at = np.array([moment for moment, _ in frames])
        answers, _, _ = validate(dissect(rows, lengths), self._network.cookie, at)
        slot, attempt = self._ports.split(answers.source_port)
        indices = self.flight.find(answers.version, answers.high, answers.low, answers.port)
        known = np.flatnonzero((slot == 0) & (indices >= 0) & (attempt <= self.flight.attempt))
        self.flight.add_answers(answers.rows(known), indices[known], attempt[known])

    def listen_until(self, moment: float) -> None:
        """Take in what comes until then, or until everything is answered."""
        while self.flight.left and time.monotonic() < moment:
            self.listen()
            time.sleep(_NAP)


class _Network:
    """scapy's sockets, one for each interface and IP version, and a thread that reads them."""

    def __init__(self) -> None:
        logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
        load_scapy()
        from scapy.config import conf

        self._conf = conf
        conf.verb = 0
        conf.ifaces.reload()
        conf.route.resync()
        conf.route6.resync()
        self._own = {str(each) for link in conf.ifaces.values() for ips in link.ips.values() for each in ips}
        self.cookie = Cookie(os.urandom(KEY_BYTES))
        self._sockets: dict[tuple[str, int], Any] = {}
        self._frames: deque[tuple[float, bytes]] = deque()
        self._unreachable: dict[Address, int] = {}
        self._kernel = _kernel()
        self.elsewhere: set[Address] = set()
        """Addresses that scapy would send another way than the kernel."""
        self._closing = False
        self._thread = threading.Thread(target=self._read, name="scapy-listener", daemon=True)
        self._thread.start()

    def send(self, address: Address, port: int, source_port: int, sequence: int) -> int:
        """Send a SYN; return the errno that stopped it, or 0."""
        from scapy.layers.inet import IP, TCP
        from scapy.layers.inet6 import IPv6

        interface, source, _ = self._route(address)
        network = IP if address.version == 4 else IPv6
        segment = TCP(sport=source_port, dport=port, seq=sequence, flags="S", options=[("MSS", 1440)])
        packet = network(src=source, dst=str(address)) / segment
        try:
            self._socket(interface, address.version).send(packet)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def take(self) -> list[tuple[float, bytes]]:
        """Return the packets that came since the last call, and when, on the monotonic clock."""
        return [self._frames.popleft() for _ in range(len(self._frames))]

    def unreachable(self, addresses: list[Address]) -> dict[int, int]:
        """Return which of some addresses cannot be sent to, by index, and the reason code for it."""
        for address in addresses:
            if address not in self._unreachable:
                self._unreachable[address] = self._why_not(address)
        codes = [self._unreachable[address] for address in addresses]
        return {index: code for index, code in enumerate(codes) if code}

    def close(self) -> None:
        """Close every socket."""
        self._closing = True
        self._thread.join()
        for each in self._sockets.values():
            each.close()
        if self._kernel:
            self._kernel.close()

    def _route(self, address: Address) -> tuple[str, str, str]:
        """Return scapy's interface, source address and gateway for a destination; our own addresses are on loopback."""
        if str(address) in self._own:
            return self._conf.loopback_name, str(address), str(address)
        table = self._conf.route if address.version == 4 else self._conf.route6
        interface, source, gateway = table.route(str(address))
        return str(interface), str(source), str(gateway)

    def _why_not(self, address: Address) -> int:
        """Return the reason code why an address cannot be sent to, or 0."""
        from scapy.layers.inet6 import getmacbyip6
        from scapy.layers.l2 import Ether, getmacbyip

        interface, source, gateway = self._route(address)
        if source in ("0.0.0.0", "::"):
            return reason_code(Reason.NO_ROUTE)
        if not self._agreed(address, interface, gateway):
            self.elsewhere.add(address)
            return reason_code(Reason.NO_ROUTE)
        if interface == self._conf.loopback_name or self._socket(interface, address.version).LL is not Ether:
            return 0
        if (getmacbyip if address.version == 4 else getmacbyip6)(str(address)):
            return 0
        direct = gateway in ("0.0.0.0", "::")
        return reason_code(Reason.NO_ARP_REPLY) if direct else local_error_code(errno.EHOSTUNREACH)

    def _agreed(self, address: Address, interface: str, gateway: str) -> bool:
        """Whether the kernel sends to an address as scapy would; True where it cannot be asked."""
        if self._kernel is None or interface == self._conf.loopback_name:
            return True
        entry = self._kernel.route_to(address)
        if entry is None:
            return False
        direct = gateway in ("0.0.0.0", "::")
        same_hop = direct if entry.gateway is None else gateway == str(entry.gateway)
        return same_hop and socket.if_indextoname(entry.link) == interface

    def _socket(self, interface: str, version: int) -> Any:
        key = (interface, version)
        if key not in self._sockets:
            self._sockets[key] = self._open(interface, version)
        return self._sockets[key]

    def _open(self, interface: str, version: int) -> Any:
        """Open a socket. To this host the kernel must route: it takes nothing for 127.0.0.0/8 from outside of its IP
        layer."""
        if interface != self._conf.loopback_name:
            return self._conf.L3socket(iface=interface)
        from scapy.layers.inet6 import L3RawSocket6
        from scapy.supersocket import L3RawSocket

        return (L3RawSocket if version == 4 else L3RawSocket6)(iface=interface)

    def _read(self) -> None:
        while not self._closing:
            sockets = list(self._sockets.values())
            if not sockets:
                time.sleep(_NAP)
                continue
            for each in type(sockets[0]).select(sockets, 0.05):
                packet = each.recv()
                if packet is not None:
                    self._frames.append((time.monotonic(), bytes(packet.original)))


def _kernel() -> Netlink | None:
    """Return a way to ask the kernel for routes; None on other systems, or where that is forbidden."""
    if not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        return Netlink()
    except OSError:
        return None


def _source_ports(attempts: int) -> SourcePorts:
    """Return free ports where the system shows which are; else some above those that most systems use themselves."""
    try:
        return choose_ports(1, attempts, pick=random.SystemRandom().randrange)
    except OSError:
        return SourcePorts(_FALLBACK_PORT + random.SystemRandom().randrange(4000), 1, attempts)
