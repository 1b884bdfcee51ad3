"""Counts the SYNs that reach a host, endpoint by endpoint: what was sent, whatever the scanner says of it."""

import socket
import struct
import threading
from types import TracebackType
from typing import Self

import numpy as np

from tests.netlab.lab import Namespace

_ETH_P_IP = 0x0800
_SO_RCVBUFFORCE = 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SYN = 0x02
_FLAGS = 0x17
"""FIN, SYN, RST and ACK."""


class FrameCount:
    """Hears every SYN that comes in on a link while the block runs; `frames[last octet, port]` are their numbers."""

    def __init__(self, host: Namespace, link: str = "v0") -> None:
        with host.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 256 << 20)
            self._socket.bind((link, _ETH_P_IP))
        self._socket.settimeout(0.2)
        self.frames = np.zeros((256, 1 << 16), np.uint8)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hear)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
        self._socket.close()
        if kind is None and dropped:
            raise RuntimeError(f"the counter itself lost {dropped} frames")

    @property
    def total(self) -> int:
        """Every SYN so far."""
        return int(self.frames.sum())

    def _hear(self) -> None:
        frame = bytearray(128)
        while True:
            try:
                size = self._socket.recv_into(frame)
            except TimeoutError:
                if self._over.is_set():  # and nothing is left to be read
                    return
                continue
            transport = 14 + (frame[14] & 15) * 4
            if size >= transport + 20 and frame[23] == socket.IPPROTO_TCP and frame[transport + 13] & _FLAGS == _SYN:
                self.frames[frame[33], frame[transport + 2] << 8 | frame[transport + 3]] += 1
