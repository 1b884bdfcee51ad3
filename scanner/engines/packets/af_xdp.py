"""Sending through AF_XDP: frames in memory shared with the kernel, announced through a ring.

A packet socket costs a message header, an address check and a look-up for each frame; an AF_XDP socket (Linux 4.18,
Documentation/networking/af_xdp.rst) only a 16-byte descriptor in shared memory, and one system call as a kick
for many. That saves about a quarter of the time a frame takes. For sending, no BPF program is needed.

There is a region for frames (UMEM), a ring in which we announce frames to transmit, and one in which the kernel
names those it has done with; all are numpy arrays over the mapped memory. The kernel thinks of the region in
chunks of 2,048 bytes, but lets a frame to send lie anywhere inside of one: sixteen rows fit, and rows that
lie close together stay in the cache. Rows to fill are simply the next free stretch. A long frame takes 2, 4, 8 or 16
rows, from a multiple of that number on, so that no chunk ends inside of it.

The socket is bound in copy mode: the kernel reads ring and chunks only inside of our own kick, in our own thread,
and copies the bytes. So no memory order can go wrong on the way down, slots announced but not yet read may be
rewritten, and a row is free once it was read. (Completions are written elsewhere, and read behind a
`fence`.) Zero copy is deliberately not asked for, not even from drivers that offer it: binding for it takes over
the receive queue of the same number, on which answers arrive, and most drivers then neither transmit nor deliver on
that queue until an XDP program is loaded. Answers would be lost silently.

Linux 6.17 is needed: before, the kernel did not say at once how far it had read (its commit "xsk: update tx queue
consumer immediately after transmission"), and what cannot be counted exactly is left to the packet socket.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct
import time
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, Mask
from scanner.core.packets.build import stamp
from scanner.core.packets.frame_columns import Framed
from scanner.engines.packets.memory_barrier import fence
from scanner.engines.packets.sendmmsg import STRIDE, Sent, libc, not_permitted

_AF_XDP: Final = 44
_SOL_XDP: Final = 283
_MMAP_OFFSETS: Final = 1
_TX_RING: Final = 3
_UMEM_REG: Final = 4
_FILL_RING: Final = 5
_COMPLETION_RING: Final = 6
_MAX_TX_BUDGET: Final = 9
_COPY: Final = 1 << 1
_TX_AT: Final = 0x8000_0000
_COMPLETION_AT: Final = 0x1_8000_0000

_ROWS: Final = 8192
_SLOT_MASK: Final = _ROWS - 1
"""Mask that turns a count into a slot of a ring; `_ROWS` is a power of two."""
_BATCH: Final = _ROWS // 2
"""Maximum number of rows handed out at once: as many again may lie in the ring, refused, when they are announced."""
_CHUNK: Final = 2048
"""Bytes of a chunk, the minimum that the kernel takes."""
_UNFIT: Final = 2 * _CHUNK
"""A length that no frame can have."""
_DESCRIPTOR: Final = np.dtype([("address", np.uint64), ("length", np.uint32), ("options", np.uint32)])

_PATIENCE: Final = 0.25
_BIND_PATIENCE: Final = 2.0
_WAIT: Final = 50e-6
_NO_ROOM: Final = frozenset({errno.EAGAIN, errno.ENOBUFS})
_WORD: Final = 0xFFFF_FFFF


class XdpSender:
    """A `Sender` through one transmit queue of an interface. Use `xdp_sender` to make one."""

    name = "af_xdp"

    def __init__(self, sock: socket.socket, interface: str, queue: int) -> None:
        """Set up the memory and rings of a fresh AF_XDP socket, and bind it."""
        self._order = fence()
        self._socket = sock
        self._rows: U8 = np.frombuffer(mmap.mmap(-1, _ROWS * STRIDE), np.uint8).reshape(_ROWS, STRIDE)
        region = struct.pack("QQ4I", self._rows.ctypes.data, _ROWS * STRIDE, _CHUNK, 0, 0, 0)
        sock.setsockopt(_SOL_XDP, _UMEM_REG, region)
        for ring in (_FILL_RING, _COMPLETION_RING, _TX_RING):
            sock.setsockopt(_SOL_XDP, ring, _ROWS)
        self._map_rings()
        _raise_budget(sock)
        _bind(sock, interface, queue)
        self._next = 0  # frames announced so far
        self._reaped = 0  # frames the kernel has named as done with
        self._at = self._handed = 0  # first of the rows handed out last, and how many of them were sent
        self._width = 1  # rows that a frame takes
        self._busy = np.zeros(_ROWS, np.bool_)
        self._holds = np.zeros(_ROWS, np.intp)  # which template each row holds, as a count of templates
        self._template: Framed | None = None
        self._templates = 0

    def _map_rings(self) -> None:
        """Map both rings; their words are where XDP_MMAP_OFFSETS says."""
        sock = self._socket
        offsets = struct.unpack("16Q", sock.getsockopt(_SOL_XDP, _MMAP_OFFSETS, 128))
        producer, consumer, entries, _ = offsets[4:8]
        ring = mmap.mmap(sock.fileno(), entries + _ROWS * _DESCRIPTOR.itemsize, offset=_TX_AT)
        self._announced = np.frombuffer(ring, np.uint32, 1, producer)
        self._consumed = np.frombuffer(ring, np.uint32, 1, consumer)
        self._descriptors = np.frombuffer(ring, _DESCRIPTOR, _ROWS, entries)
        producer, consumer, entries, _ = offsets[12:16]
        ring = mmap.mmap(sock.fileno(), entries + _ROWS * 8, offset=_COMPLETION_AT)
        self._completed = np.frombuffer(ring, np.uint32, 1, producer)
        self._taken_back = np.frombuffer(ring, np.uint32, 1, consumer)
        self._freed = np.frombuffer(ring, np.uint64, _ROWS, entries)

    def rows(self, template: Framed, count: int) -> U8:
        """See `Sender`. No rows after a quarter of a second without room."""
        width = _rows_for(len(template))
        first = -(-(self._at + self._handed) // width) * width % _ROWS
        count = min(count, _BATCH // width)
        free, waited = self._free(first, count, width), 0.0
        while not free and count and waited < _PATIENCE:
            self._kick()
            time.sleep(_WAIT)
            free, waited = self._free(first, count, width), waited + _WAIT
        self._at, self._handed, self._width = first, 0, width
        here = slice(first, first + free * width)
        rows = self._rows[here].reshape(free, width * STRIDE)
        self._stamp(template, rows, self._holds[here])
        return rows

    def _free(self, first: int, count: int, width: int) -> int:
        """Return how many frames from row `first` on, `count` at most, may be written."""
        self._reap()
        busy: Mask = self._busy[first : first + count * width]
        if width > 1:
            busy = np.any(busy.reshape(-1, width), axis=1)
        return int(busy.argmax()) if busy.any() else len(busy)

    def _reap(self) -> None:
        """Take back the rows that the kernel has done with, in whatever order that was."""
        ready = (int(self._completed[0]) - self._reaped) & _WORD
        if ready:
            self._order()
            slots = np.arange(self._reaped, self._reaped + ready) & _SLOT_MASK
            self._busy[self._freed[slots] // np.uint64(STRIDE)] = False
            self._order()
            self._reaped += ready
            self._taken_back[0] = self._reaped & _WORD

    def _stamp(self, template: Framed, rows: U8, holds: npt.NDArray[np.intp]) -> None:
        """Write the template into the rows, unless they hold it already."""
        if template is not self._template:
            self._template = template
            self._templates += 1
        if (holds != self._templates).any():
            stamp(template, rows)
            holds[...] = self._templates

    def send(self, count: int) -> Sent:
        """See `Sender`."""
        numbers = np.arange(self._at, self._at + count * self._width, self._width)
        self._handed = count * self._width
        done, wait, waited = 0, _WAIT, 0.0
        while True:
            went, error = self._transmit(numbers[done:])
            done += went
            if done == count or error not in _NO_ROOM or waited >= _PATIENCE:
                return Sent(done, 0 if done == count else error)
            time.sleep(wait)
            waited, wait = (0.0, _WAIT) if went else (waited + wait, wait * 2)

    def _transmit(self, numbers: npt.NDArray[np.intp]) -> tuple[int, int]:
        """Have rows sent: return how many of them were, in order, and what stopped the next one."""
        start = self._read()
        self._announce(start, numbers)
        went, error = self._pump(start, start + len(numbers))
        self._busy[numbers[went:]] = False
        return went, error

    def _announce(self, start: int, numbers: npt.NDArray[np.intp]) -> None:
        """Put rows into the ring from `start` on, where the kernel will read next.

        Slots that were announced and refused before are overwritten; if there are more of those, the rest is made
        unfit, and the kernel passes over it.
        """
        slots = np.arange(start, start + len(numbers)) & _SLOT_MASK
        surplus = np.arange(start + len(numbers), self._next) & _SLOT_MASK
        self._descriptors["address"][slots] = numbers * STRIDE
        self._descriptors["length"][slots] = len(self._template or ())
        self._descriptors["length"][surplus] = _UNFIT
        self._busy[numbers] = True
        self._next = max(self._next, start + len(numbers))
        self._announced[0] = self._next & _WORD

    def _pump(self, start: int, end: int) -> tuple[int, int]:
        """Kick until the kernel has read up to `end`: return how many went out since `start`, and an errno.

        EBUSY means that the device dropped the frame that was read last (`xsk_generic_xmit` in net/xdp/xsk.c).
        """
        waited = 0.0
        while (before := self._read()) < end:
            error = self._kick()
            now = self._read()
            if error == errno.EBUSY:
                return now - 1 - start, errno.ENOBUFS
            if error not in (0, errno.EAGAIN) or waited >= _PATIENCE:
                return now - start, error or errno.EAGAIN
            if now == before:
                self._reap()
                time.sleep(_WAIT)
                waited += _WAIT
        return end - start, 0

    def _read(self) -> int:
        """Return how many of the announced frames the kernel has read."""
        return self._next - ((self._next - int(self._consumed[0])) & _WORD)

    def _kick(self) -> int:
        """Have the kernel look at the ring; return its errno."""
        failed = libc().sendto(self._socket.fileno(), None, 0, socket.MSG_DONTWAIT, None, 0) < 0
        return ctypes.get_errno() if failed else 0

    def close(self) -> None:
        """See `Sender`. The queue is free once nothing maps the rings any more: the socket alone does not hold it."""
        self._socket.close()
        self._announced = self._consumed = self._completed = self._taken_back = np.zeros(1, np.uint32)
        self._descriptors, self._freed = np.zeros(1, _DESCRIPTOR), np.zeros(1, np.uint64)


def xdp_sender(interface: str, *, queue: int = 0) -> XdpSender:
    """Open a sender through one transmit queue of an interface.

    Raises:
        NotPermitted: this process may not open such a socket.
        OSError: kernel, interface or memory limit does not allow it; use a packet sender.
    """
    try:
        sock = socket.socket(_AF_XDP, socket.SOCK_RAW, 0)
    except PermissionError as denied:
        raise not_permitted() from denied
    try:
        return XdpSender(sock, interface, queue)
    except BaseException:
        sock.close()
        raise


def _rows_for(size: int) -> int:
    """Return how many rows a frame of that many bytes takes: a power of two."""
    return 1 << (-(-size // STRIDE) - 1).bit_length()


def _raise_budget(sock: socket.socket) -> None:
    """Let one kick send a whole batch. The kernels that can are those that count exactly."""
    try:
        sock.setsockopt(_SOL_XDP, _MAX_TX_BUDGET, _BATCH)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        raise OSError(errno.ENOPROTOOPT, "it needs Linux 6.17 or newer") from error


def _bind(sock: socket.socket, interface: str, queue: int) -> None:
    """Bind to a queue; one that was just released stays busy for a moment."""
    address = struct.pack("HHIII", _AF_XDP, _COPY, socket.if_nametoindex(interface), queue, 0)
    waited = 0.0
    while libc().bind(sock.fileno(), address, len(address)):
        error = ctypes.get_errno()
        if error != errno.EBUSY or waited >= _BIND_PATIENCE:
            raise OSError(error, os.strerror(error), interface)
        time.sleep(0.01)
        waited += 0.01
