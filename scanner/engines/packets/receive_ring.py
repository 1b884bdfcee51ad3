"""Receiving: a ring of packets that the kernel writes and numpy reads.

The kernel puts every packet that passes the filter (`answer_filter.py`) into the next slot of a memory-mapped ring
(PACKET_RX_RING, TPACKET_V2: slots of one size, so that the ring is a plain two-dimensional array) and sets the slot's
status word. Reading is then: find the run of ready slots, copy it out in one step, hand the slots back. No system call
and no Python object for a packet. V3's blocks of variable size save memory, but would have to be walked.

The socket is bound to IPv4 or to IPv6, and to no interface: it receives where the kernel's own IP layer does. So
packets come from every interface, even one made later; each comes once, through however many layers of bridge, bond,
VLAN or macvlan (bound to "everything", it would come from each of them); what we send does not come back; and without
link headers (SOCK_DGRAM) all kinds of interface look alike. What this machine drops before IP (by XDP, traffic control,
an `ingress` chain of nftables) is not seen.

The filter is set before the socket is bound, so nothing unfiltered is ever queued. When the ring is full the kernel
drops and counts; its counter is cleared by each reading, so readings are added up here.

The status word and the packet are written by another processor; `memory_barrier.py` keeps their order.
"""

import ctypes
import mmap
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from scanner.core.columns import F64, U8, U32
from scanner.engines.bpf import attach_filter
from scanner.engines.packets.answer_filter import TCP, answer_filter
from scanner.engines.packets.memory_barrier import fence
from scanner.engines.packets.sendmmsg import libc, packet_socket

_SOL_PACKET: Final = 263
_PACKET_RX_RING: Final = 5
_PACKET_STATISTICS: Final = 6
_PACKET_VERSION: Final = 10
_TPACKET_V2: Final = 1
_PROTOCOL: Final = {4: 0x0800, 6: 0x86DD}
"""ETH_P_IP and ETH_P_IPV6."""

_SLOT: Final = 256
"""Bytes of a slot: 80 of headers leave 176, and the longest answer to a SYN needs 136."""
LONG_SLOT: Final = 2048
"""Bytes of a slot that holds what any Ethernet frame does."""
_BLOCK: Final = 1 << 20
_SLOT_HEADERS: Final = 80
"""Bytes of a slot that the kernel's headers take; the rest holds the packet's first bytes."""
_USER: Final = 1
"""TP_STATUS_USER: the slot is ours to read."""

_HEADER: Final = np.dtype(
    [
        ("status", np.uint32),
        ("original", np.uint32),
        ("captured", np.uint32),
        ("link", np.uint16),
        ("network", np.uint16),
        ("seconds", np.uint32),
        ("nanoseconds", np.uint32),
    ]
)
"""The beginning of `struct tpacket2_hdr` (linux/if_packet.h)."""


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A batch of received packets, copied out of the ring."""

    packets: U8
    """uint8 (n, 176), or wider for longer slots: one packet a row, IP header first; what lies beyond its length means
    nothing."""
    lengths: U32
    """How many bytes of each row are the packet's, padding of short Ethernet frames included."""
    original: U32
    """How long each packet was on the wire, padding included."""
    at: F64
    """When the kernel took each, seconds since the epoch."""

    def __len__(self) -> int:
        return len(self.packets)


class Receiver:
    """The receive ring of one IP version. `fileno` can be watched for reading."""

    def __init__(
        self,
        version: int,
        *,
        first_port: int,
        last_port: int,
        slots: int = 1 << 17,
        slot_bytes: int = _SLOT,
        protocol: int = TCP,
    ) -> None:
        """Begin to receive what may answer probes sent from ports `first_port` to `last_port`.

        Args:
            version: IP version, 4 or 6.
            first_port: lowest of our source ports.
            last_port: highest of our source ports.
            slots: packets that the ring holds; together they take a multiple of a mebibyte.
            slot_bytes: what each of them takes, 80 bytes more than what is kept of a packet: 256 or `LONG_SLOT`.
            protocol: `answer_filter.TCP` or `UDP`.

        Raises:
            NotPermitted: this process may not open packet sockets.
            InvalidInput: the machine is of a kind that is not known here.
            OSError: there is no memory for the ring.
        """
        self._order = fence()
        self._socket = packet_socket(socket.SOCK_DGRAM)
        try:
            attach_filter(
                self._socket, answer_filter(version, first_port=first_port, last_port=last_port, protocol=protocol)
            )
            self._open(version, slots, slot_bytes)
        except BaseException:
            self._socket.close()
            raise
        self._next = 0
        self._taken = self._dropped = 0

    def _open(self, version: int, slots: int, slot_bytes: int) -> None:
        sock = self._socket
        sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        size = slots * slot_bytes
        sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, struct.pack("4I", _BLOCK, size // _BLOCK, slot_bytes, slots))
        self._ring: U8 = np.frombuffer(mmap.mmap(sock.fileno(), size), np.uint8).reshape(slots, slot_bytes)
        self._headers = self._ring[:, : _HEADER.itemsize].view(_HEADER)[:, 0]
        self._status = self._headers["status"]
        _bind(sock, _PROTOCOL[version])

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        return self._socket.fileno()

    def read(self, limit: int = 8192) -> Received:
        """Take the packets that are ready, `limit` at most; perhaps none. Call again until there are none."""
        count = self._ready(limit)
        here = slice(self._next, self._next + count)
        self._order()
        headers = self._headers[here].copy()
        start = int(headers["network"][0]) if count else 0
        packets = self._ring[here, start : start + self._ring.shape[1] - _SLOT_HEADERS].copy()
        self._order()
        self._status[here] = 0
        self._next = (self._next + count) % len(self._ring)
        return Received(
            packets=packets,
            lengths=np.minimum(headers["captured"], packets.shape[1]).astype(np.uint32),
            original=headers["original"],
            at=headers["seconds"] + headers["nanoseconds"] * 1e-9,
        )

    def _ready(self, limit: int) -> int:
        """Return how many slots from the next one on are ready, up to the ring's end."""
        ready = self._status[self._next : self._next + limit] & _USER
        return len(ready) if ready.all() else int(ready.argmin())

    @property
    def dropped(self) -> int:
        """Packets that passed the filter and were lost because the ring was full, since the beginning."""
        self._count()
        return self._dropped

    @property
    def taken(self) -> int:
        """Packets that passed the filter since the beginning, lost ones included."""
        self._count()
        return self._taken

    def _count(self) -> None:
        """Add up the kernel's counters, which each reading clears."""
        taken, dropped = struct.unpack("2I", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._taken += taken
        self._dropped += dropped

    def close(self) -> None:
        """Stop receiving."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _bind(sock: socket.socket, protocol: int) -> None:
    """Let a packet socket receive a protocol from every interface; Python's own `bind` needs the name of one.

    Raises:
        OSError: as the kernel has it.
    """
    address = struct.pack("=HHiHBB8x", socket.AF_PACKET, socket.htons(protocol), 0, 0, 0, 0)
    if libc().bind(sock.fileno(), address, len(address)):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
