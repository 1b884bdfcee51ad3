"""Link-layer addresses of neighbours, by ARP (RFC 826) and neighbour discovery (RFC 4861), many at once.

The kernel would resolve them too, but its table holds about a thousand entries and it needs three seconds to give one
up. Here every question is a row with a due time: all that are due go out together, four attempts 0.4 s apart, and a
neighbour that has not answered then is absent. A silent /24 costs 1.6 seconds once, not 254 times three. What the
kernel knows for certain is taken from it and not asked.

Questions count against the same rate as probes, since they are packets on the same network.
"""

import socket
import struct
from collections.abc import Iterable
from heapq import heappop, heappush
from ipaddress import IPv6Address, ip_address

from scanner.core.model import Address
from scanner.engines.bpf import DROP, TAKE, FilterStep, assemble_filter, attach_filter
from scanner.engines.routing.netlink import Link, Netlink
from scanner.engines.routing.next_hops import HopQuestion, Hops

ATTEMPTS = 4
"""How often a neighbour is asked: broadcasts get lost more easily than frames for one station."""
SPACING = 0.4
"""Seconds between two attempts, and from the last one to giving up."""

_ARP, _IPV6 = 0x0806, 0x86DD
_BROADCAST = b"\xff" * 6
_ARP_BODY = struct.Struct("!HHBBH6s4s6s4s")
_NEXT_HEADER, _ICMPV6_TYPE = 14 + 6, 14 + 40
_ADVERTISEMENTS: tuple[FilterStep, ...] = (
    ("ldb", _NEXT_HEADER),
    ("jeq", 58, "", "drop"),
    ("ldb", _ICMPV6_TYPE),
    ("jeq", 136, "take", "drop"),
    *TAKE,
    *DROP,
)
"""Takes Ethernet frames of IPv6 whose next header is ICMPv6 and whose type is neighbour advertisement."""


class Neighbours:
    """Asks for link-layer addresses and writes them into `hops`. Needs CAP_NET_RAW once something is asked."""

    def __init__(self, kernel: Netlink, hops: Hops) -> None:
        self._hops = hops
        self._kernel = {(each.link, each.address): each.mac for each in kernel.neighbours()}
        self._open: dict[tuple[int, Address], HopQuestion] = {}
        self._due: list[tuple[float, int, int, HopQuestion]] = []
        """A heap of (when, hop, attempt, question)."""
        self._sockets: dict[tuple[int, int], socket.socket] = {}
        self._again: set[tuple[int, Address]] = set()
        self.sent = 0
        """Frames sent so far."""

    @property
    def waiting(self) -> int:
        """How many questions are open."""
        return len(self._open)

    def ask(self, questions: Iterable[HopQuestion], now: float) -> None:
        """Take on questions; the kernel's own certain knowledge answers some at once."""
        for question in questions:
            key = (question.route.link.index, question.address)
            known = self._kernel.pop(key, None)
            if known is not None:
                self._hops.settle(question.hop, known, now)
            elif key not in self._open:
                self._open[key] = question
                heappush(self._due, (now, question.hop, 1, question))

    def renew(self, question: HopQuestion, now: float) -> None:
        """Ask again for a neighbour that was found before; where it does not answer now, what was known stays."""
        key = (question.route.link.index, question.address)
        if key not in self._open:
            self._open[key] = question
            self._again.add(key)
            heappush(self._due, (now, question.hop, 1, question))

    def step(self, now: float, most: int) -> int:
        """Read what came, send at most `most` questions that are due, give up on the silent ones. Returns how many were
        sent.

        Raises:
            PermissionError: there is no right to a packet socket.
        """
        self._read(now)
        sent = 0
        while self._due and self._due[0][0] <= now and sent < most:
            _, hop, attempt, question = heappop(self._due)
            key = (question.route.link.index, question.address)
            if self._open.get(key) is not question:
                continue
            if attempt > ATTEMPTS:
                del self._open[key]
                if key in self._again:
                    self._again.discard(key)
                else:
                    self._hops.settle(hop, None, now)
                continue
            self._send(question)
            sent += 1
            heappush(self._due, (now + SPACING, hop, attempt + 1, question))
        self.sent += sent
        return sent

    def close(self) -> None:
        """Close the sockets."""
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()

    def _send(self, question: HopQuestion) -> None:
        link, source = question.route.link, question.route.source
        frame = solicitation(link.mac, source, question.address)
        try:
            self._socket(link, _ARP if source.version == 4 else _IPV6).send(frame)
        except PermissionError:
            raise
        except OSError:  # link down, queue full: no answer comes, and the next attempt or none follows
            return

    def _socket(self, link: Link, protocol: int) -> socket.socket:
        key = (link.index, protocol)
        if key not in self._sockets:
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            if protocol == _IPV6:
                attach_filter(opened, assemble_filter(_ADVERTISEMENTS))
            opened.bind((link.name, protocol))
            self._sockets[key] = opened
        return self._sockets[key]

    def _read(self, now: float) -> None:
        for (link, _), opened in self._sockets.items():
            for frame in _frames(opened):
                answer = parse_answer(frame)
                question = self._open.pop((link, answer[0]), None) if answer else None
                if answer and question:
                    self._again.discard((link, answer[0]))
                    self._hops.settle(question.hop, answer[1], now)


def solicitation(mac: bytes, source: Address, wanted: Address) -> bytes:
    """Return the frame that asks for the link-layer address of `wanted`: ARP request or neighbour solicitation."""
    if isinstance(wanted, IPv6Address):
        return _neighbour_solicitation(mac, source, wanted)
    body = _ARP_BODY.pack(1, 0x0800, 6, 4, 1, mac, source.packed, bytes(6), wanted.packed)
    return _BROADCAST + mac + _ARP.to_bytes(2, "big") + body


def parse_answer(frame: bytes) -> tuple[Address, bytes] | None:
    """Return the address and link-layer address that a frame announces; None where it is no ARP reply or neighbour
    advertisement."""
    kind = frame[12:14]
    if kind == b"\x08\x06" and len(frame) >= 14 + _ARP_BODY.size:
        _, protocol, size, length, operation, mac, address, _, _ = _ARP_BODY.unpack_from(frame, 14)
        good = (protocol, size, length, operation) == (0x0800, 6, 4, 2) and not mac[0] & 1
        return (ip_address(address), mac) if good else None
    if kind == b"\x86\xdd" and len(frame) >= 86 and frame[20] == 58 and frame[54] == 136:
        # RFC 4861 section 7.1.2: a hop limit of 255 shows that no router passed it on
        good = frame[21] == 255 and frame[78:80] == b"\x02\x01" and not frame[80] & 1
        return (IPv6Address(frame[62:78]), frame[80:86]) if good else None
    return None


def _neighbour_solicitation(mac: bytes, source: Address, wanted: IPv6Address) -> bytes:
    group = bytes.fromhex("ff0200000000000000000001ff") + wanted.packed[-3:]
    body = b"\x87\0\0\0\0\0\0\0" + wanted.packed + b"\x01\x01" + mac
    pseudo = source.packed + group + struct.pack("!IxxxB", len(body), 58)
    body = body[:2] + _checksum(pseudo + body).to_bytes(2, "big") + body[4:]
    header = struct.pack("!IHBB", 0x60000000, len(body), 58, 255) + source.packed + group
    return b"\x33\x33" + group[-4:] + mac + _IPV6.to_bytes(2, "big") + header + body


def _checksum(data: bytes) -> int:
    """The Internet checksum of an even number of bytes (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _frames(opened: socket.socket) -> Iterable[bytes]:
    while True:
        try:
            yield opened.recv(128)
        except OSError:  # nothing there, or the link just went down
            return
