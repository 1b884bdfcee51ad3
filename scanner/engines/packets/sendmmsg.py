"""Sending: rows of frames to a network interface, as many as it takes, counted as the kernel counts them.

A `Sender` owns the memory that frames are sent from. It hands out rows that hold a template already, the caller
fills in what changes (`core/packets.fill`), and `send` gives them to the kernel: nothing is copied and nothing is
allocated for a packet. What makes this fast is `sendmmsg`: one system call for a batch, whose array of
`struct mmsghdr` is a numpy array made once, and PACKET_QDISC_BYPASS, which leaves out the queueing discipline (and
with it the taps of this host: tcpdump here does not see what was sent; the interface's counters do).

The kernel answers "no room" (ENOBUFS, EAGAIN) when a queue is full: those frames did not go out, and are tried
again a little later. Any other error ends `send`, which then returns how many frames did go out: a frame counted as
sent is one that the interface counted too.

Two kinds of socket send. A packet socket writes whole frames to an interface. To 127.0.0.0/8 that does not
work: Linux drops frames for it that come in from outside of its own IP layer as martian, even on `lo`. So what
goes to ourselves is sent by a raw IP socket, which routes it.
"""

import ctypes
import errno
import mmap
import socket
import sys
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U64
from scanner.core.errors import NotPermitted
from scanner.core.packets.build import stamp
from scanner.core.packets.frame_columns import Framed

BATCH: Final = 2048
"""Rows that a sender holds: enough that numpy's fixed costs do not count, few enough to stay in the cache (with
512 or 4,096, 10 to 20 % fewer went out). One sendmmsg takes 1,024 of them (UIO_MAXIOV) and returns that."""

_SOL_PACKET: Final = 263
_PACKET_QDISC_BYPASS: Final = 20
STRIDE: Final = 128
"""Bytes of a row that holds a SYN: 14 + 40 + 60 at most. Longer frames take the place of several."""
_LINE: Final = 64
"""Bytes of a line of the processor's cache."""
_PATIENCE: Final = 0.25
_FIRST_WAIT: Final = 20e-6
_LONGEST_WAIT: Final = 2e-3
_NO_ROOM: Final = frozenset({errno.ENOBUFS, errno.EAGAIN})

_MESSAGE: Final = np.dtype(
    [
        ("name", np.uint64),
        ("name_length", np.uint32),
        ("pad", np.uint32),
        ("pieces", np.uint64),
        ("piece_count", np.uint64),
        ("control", np.uint64),
        ("control_length", np.uint64),
        ("flags", np.int32),
        ("pad2", np.uint32),
        ("sent", np.uint32),
        ("pad3", np.uint32),
    ]
)
"""`struct mmsghdr` where pointers have 64 bits."""
_PIECE: Final = np.dtype([("base", np.uint64), ("length", np.uint64)])
"""`struct iovec`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The result of sending a batch: its first `count` frames went out."""

    count: int
    """How many frames went out."""
    error: int = 0
    """The errno that stopped the next one; 0 where all went."""


class Sender(Protocol):
    """Something that transmits rows of frames."""

    @property
    def name(self) -> str:
        """The word for it in summaries: `sendmmsg`, `af_xdp`, `raw-ip`."""
        ...

    def rows(self, template: Framed, count: int) -> U8:
        """Return rows to fill, uint8 (n, stride) with n at most `count` (often fewer: call again), holding `template`.

        They belong to the caller until the next call of `rows` or `send`.
        """
        ...

    def send(self, count: int) -> Sent:
        """Transmit the first `count` of the rows that `rows` gave last. Blocks for a quarter of a second at most."""
        ...

    def close(self) -> None:
        """Release the socket and its memory."""
        ...


class MessageSender:
    """Sends by `sendmmsg` through any socket. Use `packet_sender` or `ip_sender` to make one."""

    def __init__(self, name: str, sock: socket.socket, version: int = 0) -> None:
        """`version` is that of a raw IP socket, which needs each destination; 0 for packet sockets."""
        self.name = name
        self._socket = sock
        self._version = version
        self._template: Framed | None = None
        self._stamped = 0  # rows that hold the template
        self._memory = _lines(BATCH * STRIDE)
        self._frames: U8 = self._memory.reshape(BATCH, STRIDE)
        self._pieces = np.zeros(BATCH, _PIECE)
        self._messages = _lines(BATCH * _MESSAGE.itemsize).view(_MESSAGE)
        self._messages["pieces"] = _each_address(self._pieces)
        self._messages["piece_count"] = 1
        self._names = np.zeros((BATCH, 28), np.uint8)
        if version:
            self._address_messages()

    def _address_messages(self) -> None:
        """Let each message name its destination: `struct sockaddr_in` or `sockaddr_in6`."""
        family = socket.AF_INET if self._version == 4 else socket.AF_INET6
        self._names[:, :2] = np.frombuffer(int(family).to_bytes(2, sys.byteorder), np.uint8)
        self._messages["name"] = _each_address(self._names)
        self._messages["name_length"] = 16 if self._version == 4 else 28

    def rows(self, template: Framed, count: int) -> U8:
        """See `Sender`."""
        if template is not self._template:
            self._take_up(template)
        count = min(count, len(self._frames))
        if count > self._stamped:
            stamp(template, self._frames[self._stamped : count])
            self._stamped = count
        return self._frames[:count]

    def _take_up(self, template: Framed) -> None:
        """Lay the rows out anew, each in as few cache lines as its frame needs; fewer rows where these are long."""
        stride = -(-len(template) // _LINE) * _LINE
        count = min(BATCH, len(self._memory) // stride)
        self._frames = self._memory[: count * stride].reshape(count, stride)
        self._pieces["base"][:count] = _each_address(self._frames)
        self._pieces["length"] = len(template)
        self._template, self._stamped = template, 0

    def send(self, count: int) -> Sent:
        """See `Sender`."""
        if self._version == 4:
            self._names[:count, 4:8] = self._frames[:count, 16:20]
        elif self._version == 6:
            self._names[:count, 8:24] = self._frames[:count, 24:40]
        call, descriptor = libc().sendmmsg, self._socket.fileno()
        first, done, wait, waited = self._messages.ctypes.data, 0, _FIRST_WAIT, 0.0
        while done < count:
            went = call(descriptor, first + done * _MESSAGE.itemsize, count - done, socket.MSG_DONTWAIT)
            if went > 0:
                done, wait, waited = done + went, _FIRST_WAIT, 0.0
                continue
            error = ctypes.get_errno()
            if error not in _NO_ROOM or waited >= _PATIENCE:
                return Sent(done, error)
            time.sleep(wait)
            waited, wait = waited + wait, min(wait * 2, _LONGEST_WAIT)
        return Sent(done)

    def close(self) -> None:
        """See `Sender`."""
        self._socket.close()


def packet_sender(interface: str) -> MessageSender:
    """Open a sender of whole frames, through an interface.

    Raises:
        NotPermitted: this process may not open packet sockets.
        OSError: there is no such interface.
    """
    sock = packet_socket()
    try:
        sock.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        sock.bind((interface, 0))
    except OSError:
        sock.close()
        raise
    return MessageSender("sendmmsg", sock)


def ip_sender(version: int) -> MessageSender:
    """Open a sender of bare IP packets of one version, routed by the kernel: for this machine's own addresses.

    It is not bound to `lo`: own addresses belong to other interfaces, so a look-up limited to `lo` does not find them
    to be local, and the kernel sends no reset to what it does not take for local.

    Raises:
        NotPermitted: this process may not open raw sockets.
    """
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError as denied:
        raise not_permitted() from denied
    return MessageSender("raw-ip", sock, version)


def packet_socket(kind: socket.SocketKind = socket.SOCK_RAW) -> socket.socket:
    """Open a packet socket that receives nothing until it is bound to a protocol. SOCK_DGRAM leaves link headers out.

    Raises:
        NotPermitted: this process may not open packet sockets.
    """
    try:
        return socket.socket(socket.AF_PACKET, kind, 0)
    except PermissionError as denied:
        raise not_permitted() from denied


@cache
def libc() -> ctypes.CDLL:
    """Return the C library, with the calls that Python does not offer."""
    library = ctypes.CDLL(None, use_errno=True)
    library.sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    library.sendmmsg.restype = ctypes.c_int
    return library


def _lines(size: int) -> U8:
    """Return zeroed memory that begins with a cache line."""
    return np.frombuffer(mmap.mmap(-1, size), np.uint8)


def _each_address(array: npt.NDArray[Any]) -> U64:
    """Return the memory address of each element along the first axis."""
    return np.uint64(array.ctypes.data) + np.arange(len(array), dtype=np.uint64) * np.uint64(array.strides[0])


def not_permitted() -> NotPermitted:
    """Return the error for a process that may not open raw sockets."""
    cure = "run it with sudo, or grant CAP_NET_RAW (AmbientCapabilities in a systemd unit, or setpriv)"
    return NotPermitted(f"--engine syn may not open a raw socket; {cure}")
