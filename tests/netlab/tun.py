"""Any number of simulated hosts behind a TUN device: loss, duplicates, ICMP errors and forged answers, all seeded.

Run as a process of its own inside a namespace, so that it shares no interpreter with what it tests. It reads one
JSON object from stdin, says `ready`, answers SYNs until its stdin or its device is closed, and then prints what it
did as one JSON object. `Tun` is the handle that tests use.

    with Tun(host, open=[22, 80], loss=0.05) as tun:     # 10.88.0.0/16 and fd88::/112 are there now
        ...
    tun.report["syns"]
"""

import array
import fcntl
import json
import os
import random
import select
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

NETWORK, NETWORK6 = "10.88.0.0/16", "fd88::/112"
OWN, OWN6 = "10.89.0.1", "fd89::1"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 1, 0x1000
_SYN, _RST, _ACK = 2, 4, 16
_TCP = struct.Struct("!HHIIBBHHH")


class Tun:
    """The simulated network, from outside. What it should do is said by keyword, see `Answerer`."""

    def __init__(self, host: Any, **wish: Any) -> None:
        """`host`: the Namespace of the scanner, or of the router behind which the network is."""
        self._process = host.start(sys.executable, __file__)
        self._host, self._wish, self.report = host, wish, dict[str, int]()

    def __enter__(self) -> Self:
        self.begin()
        return self

    def begin(self) -> None:
        """Answer from now on, until `end` or until the laboratory closes."""
        self._process.stdin.write(json.dumps(self._wish, default=list) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ready\n"
        for network, own in ((NETWORK, f"{OWN}/32"), (NETWORK6, f"{OWN6}/128")):
            version = "-6" if ":" in network else "-4"
            self._host.ip("address", "add", own, "dev", "tun0")
            self._host.ip("link", "set", "tun0", "up", "txqueuelen", "100000")
            self._host.ip(version, "route", "add", network, "dev", "tun0")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> dict[str, int]:
        """Stop answering; what was done, counted."""
        if not self.report:
            said, _ = self._process.communicate(timeout=30)
            self.report = json.loads(said)
        return self.report


class Answerer:
    """What the simulated hosts do."""

    def __init__(self, wish: dict[str, Any]) -> None:
        self.open = frozenset(wish.get("open", ()))
        """Ports that answer SYN-ACK."""
        self.open_at = frozenset((host, port) for host, port in wish.get("open_at", ()))
        """Endpoints that answer SYN-ACK: last two bytes of the address, as a number, and port."""
        self.silent = frozenset(wish.get("silent", ()))
        """Ports that do not answer."""
        self.icmp = {int(port): tuple(pair) for port, pair in wish.get("icmp", {}).items()}
        """Ports that a router answers for: port -> (type, code)."""
        self.all_open = bool(wish.get("all_open"))
        """Whether every port answers SYN-ACK."""
        self.dead_hosts = frozenset(wish.get("dead_hosts", ()))
        """Last two bytes, as a number, of addresses where nothing is."""
        self.loss: float = wish.get("loss", 0.0)
        """Probability that a packet is lost, each way."""
        self.copies: int = wish.get("copies", 1)
        """How often each answer is sent."""
        self.forged: int = wish.get("forged", 0)
        """How many forged answers to each SYN, of each of three kinds."""
        self.delay: float = wish.get("delay", 0.0)
        """Seconds from a packet to its answer."""
        self.random = random.Random(wish.get("seed", 1))
        self.counts: Counter[str] = Counter({"syns": 0, "resets": 0, "answers": 0, "forged": 0})

    def replies(self, packet: bytes) -> Iterator[bytes]:
        """The packets that come back for one that was sent."""
        header = 20 if packet[0] >> 4 == 4 else 40
        if packet[9 if header == 20 else 6] != 6:
            return
        flags = packet[header + 13]
        self.counts["resets"] += bool(flags & _RST)
        if not flags & _SYN or flags & _ACK:
            return
        self.counts["syns"] += 1
        yield from self._forgeries(packet, header)
        answer = None if self._lost() else self._answer(packet, header)
        if answer is None:
            return
        for _ in range(self.copies):
            if not self._lost():
                self.counts["answers"] += 1
                yield answer

    def _lost(self) -> bool:
        return self.loss > 0 and self.random.random() < self.loss

    def _answer(self, packet: bytes, header: int) -> bytes | None:
        port = int.from_bytes(packet[header + 2 : header + 4], "big")
        host = int.from_bytes(packet[header - 2 : header], "big")
        if port in self.silent or host in self.dead_hosts:
            return None
        if port in self.icmp:
            return icmp_error(packet, *self.icmp[port])
        is_open = self.all_open or port in self.open or (host, port) in self.open_at
        return tcp_reply(packet, _SYN | _ACK if is_open else _RST | _ACK)

    def _forgeries(self, packet: bytes, header: int) -> Iterator[bytes]:
        """Answers from someone who saw no probe: right addresses and ports, a guessed sequence number."""
        for _ in range(self.forged):
            guess = bytearray(packet)
            guess[header + 4 : header + 8] = self.random.randbytes(4)
            wrong = bytes(guess)
            icmp = (3, 3) if header == 20 else (1, 4)
            for forged in (tcp_reply(wrong, _SYN | _ACK), tcp_reply(wrong, _RST | _ACK), icmp_error(wrong, *icmp)):
                self.counts["forged"] += 1
                yield forged


def tcp_reply(packet: bytes, flags: int) -> bytes:
    """A TCP segment back to the sender of `packet`, acknowledging its sequence number."""
    header = 20 if packet[0] >> 4 == 4 else 40
    source, target, sequence, *_ = _TCP.unpack_from(packet, header)
    half = 4 if header == 20 else 16
    back = packet[header - half : header] + packet[header - 2 * half : header - half]
    segment = _TCP.pack(target, source, 0x5EED, (sequence + 1) & 0xFFFFFFFF, 0x50, flags, 1024, 0, 0)
    check = checksum(back + struct.pack("!HH", 6, 20) + segment)
    segment = segment[:16] + check.to_bytes(2, "big") + segment[18:]
    return _ip(header, 6, back, segment)


def icmp_error(packet: bytes, kind: int, code: int) -> bytes:
    """An ICMP error about `packet` from a router (the network's last address but one) to its sender."""
    header = 20 if packet[0] >> 4 == 4 else 40
    sender = packet[12:16] if header == 20 else packet[8:24]
    router = bytes((10, 88, 255, 254)) if header == 20 else bytes.fromhex("fd88" + "00" * 13 + "fe")
    quote = packet[: header + 8] if header == 20 else packet
    body = struct.pack("!BBHI", kind, code, 0, 0) + quote
    pseudo = b"" if header == 20 else router + sender + struct.pack("!II", len(body), 58)
    body = body[:2] + checksum(pseudo + body).to_bytes(2, "big") + body[4:]
    return _ip(header, 1 if header == 20 else 58, router + sender, body)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    words = array.array("H", data + bytes(len(data) % 2))
    words.byteswap()
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _ip(header: int, protocol: int, addresses: bytes, body: bytes) -> bytes:
    if header == 40:
        return struct.pack("!IHBB", 0x60000000, len(body), protocol, 64) + addresses + body
    plain = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + addresses
    return plain[:10] + checksum(plain).to_bytes(2, "big") + plain[12:] + body


def _main() -> None:
    answerer = Answerer(json.loads(sys.stdin.readline()))
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI))
    print("ready", flush=True)
    os.set_blocking(device, False)
    waiting: deque[tuple[float, bytes]] = deque()
    ended = False
    while not ended:
        patience = max(waiting[0][0] - time.monotonic(), 0) if waiting else 5
        ready, _, _ = select.select([device, sys.stdin], [], [], patience)
        ended = sys.stdin in ready
        _take(device, answerer, waiting)
        _give(device, waiting)
    print(json.dumps(answerer.counts), flush=True)


def _take(device: int, answerer: Answerer, waiting: deque[tuple[float, bytes]]) -> None:
    """Read what has come; each answer waits for its time."""
    while True:
        try:
            packet = os.read(device, 2048)
        except OSError:  # nothing more for now, or the device is down
            return
        due = time.monotonic() + answerer.delay if answerer.delay else 0.0
        waiting.extend((due, reply) for reply in answerer.replies(packet))
        if not answerer.delay:
            _give(device, waiting)


def _give(device: int, waiting: deque[tuple[float, bytes]]) -> None:
    """Write the answers whose time has come."""
    while waiting and waiting[0][0] <= time.monotonic():
        os.write(device, waiting.popleft()[1])


if __name__ == "__main__":
    _main()
