"""One TCP connection to an unknown peer: bounded in bytes, in time and in what it believes.

A peer may send a gigabyte, a byte every ten seconds, or nothing. Reading stops at `READ_LIMIT` bytes, at a lull (the
answer is complete), or at the deadline, and the kernel's receive buffer is kept small, so that ten thousand such peers
cost megabytes. `unacknowledged` asks the kernel how many of our bytes the peer has not acknowledged: SIOCOUTQ of Linux
(tcp(7)), SO_NWRITE of macOS; elsewhere it is unknown.

Every byte to a service goes through `Conversation.send`, so this is where ports that must not be asked stay unasked.
"""

import asyncio
import errno
import socket
import struct
import sys
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Self

from scanner.core.errors import os_problem
from scanner.core.model import Address
from scanner.core.rate.limits import packets_of
from scanner.core.recognise.do_not_ask import may_be_sent
from scanner.core.recognise.recogniser import READ_LIMIT

_RECEIVE_BUFFER = 16 * 1024
_ROUND_TRIPS = 4
_SIOCOUTQ = 0x5411
_SO_NWRITE = 0x1024
_OURS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a peer, in seconds."""

    connect: float = 0.8
    """For the handshake. Below a second, so that the kernel does not repeat the SYN and a connection is one packet."""
    greeting: float = 0.5
    """For a peer that speaks first, before we do; some round trips are added here and below."""
    answer: float = 1.5
    """For the first byte of an answer over HTTP, or to a hello that the port's names suggest."""
    tls: float = 1.0
    """For each flight of a TLS handshake."""
    small_answer: float = 0.4
    """For the first byte of an answer to a protocol's own small question."""
    lull: float = 0.12
    """Between two pieces of one answer; after a longer pause the answer is complete."""
    whole_answer: float = 3.0
    """For all of an answer, however slowly it drips."""
    late: float = 10.0
    """For a peer that was silent throughout: some look our name up before they answer, or greet late."""
    total: float = 25.0
    """For everything that is sent to one endpoint; waiting for the limiter does not count."""

    @property
    def packets(self) -> int:
        """SYNs that one unanswered connection may put on the wire."""
        return packets_of(self.connect)


class Ending(Enum):
    """How a read ended."""

    LULL = auto()
    """The peer sent something and then paused, or sent as much as we read."""
    SILENCE = auto()
    """Not a byte came, and the connection stands."""
    CLOSED = auto()
    """The peer closed, after what it sent."""
    RESET = auto()
    """The peer, or something in between, reset the connection."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of one read."""

    data: bytes
    """At most `READ_LIMIT` bytes."""
    ending: Ending
    """How it ended."""


class LocalTrouble(Exception):
    """We could not connect, because of us; the peer is not to blame."""


class Conversation:
    """An asynchronous context manager around one connection."""

    def __init__(self, address: Address, port: int, patience: Patience) -> None:
        self._where = (f"{address}", port)
        self._family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._patience = patience
        self._socket: socket.socket | None = None
        self._loop = asyncio.get_running_loop()
        self.slowness = 0.0
        """Seconds to add to every wait: a few round trips, as the handshake measured them."""

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            LocalTrouble: no descriptor, port or memory here.
            OSError: the peer refused, or was silent (TimeoutError).
        """
        try:
            self._socket = socket.socket(self._family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            began = self._loop.time()
            async with asyncio.timeout(self._patience.connect):
                await self._loop.sock_connect(self._socket, self._where)
            self.slowness = _ROUND_TRIPS * (self._loop.time() - began)
        except OSError as error:
            self._close()
            if error.errno in _OURS:
                raise LocalTrouble(os_problem(error)) from error
            raise
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def unacknowledged(self) -> int | None:
        """How many of our bytes the peer's kernel has not acknowledged; None where that is unknown."""
        if self._socket is None:
            return None
        platform: str = sys.platform
        if platform == "linux":
            import fcntl

            return int(struct.unpack("i", fcntl.ioctl(self._socket, _SIOCOUTQ, b"\0\0\0\0"))[0])
        if platform == "darwin":
            return self._socket.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
        return None

    async def send(self, data: bytes) -> bool:
        """Send all of `data`; return False where the peer no longer takes it, or where the port must not be asked."""
        if not may_be_sent(self._where[1], data):
            return False
        assert self._socket is not None
        try:
            async with asyncio.timeout(self._patience.answer):
                await self._loop.sock_sendall(self._socket, data)
        except OSError:
            return False
        return True

    async def read(self, first: float) -> ReadResult:
        """Read until a lull, the limit or the end. `first`: seconds to wait for the first byte."""
        data, wait = b"", first
        deadline = self._loop.time() + first + self._patience.whole_answer
        while len(data) < READ_LIMIT:
            piece = await self.read_piece(min(wait, deadline - self._loop.time()), READ_LIMIT - len(data))
            if isinstance(piece, Ending):
                return ReadResult(data, Ending.LULL if data and piece is Ending.SILENCE else piece)
            data, wait = data + piece, self._patience.lull
        return ReadResult(data, Ending.LULL)

    async def read_piece(self, wait: float, limit: int) -> bytes | Ending:
        """Return the next bytes, at most `limit`, within `wait` seconds; or why there are none."""
        assert self._socket is not None
        try:
            async with asyncio.timeout(wait):
                data = await self._loop.sock_recv(self._socket, limit)
        except TimeoutError:
            return Ending.SILENCE
        except OSError:
            return Ending.RESET
        return data or Ending.CLOSED

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
