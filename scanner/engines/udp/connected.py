"""One connected UDP socket for each endpoint: what every system can do, and hears less.

A connected socket learns of a port-unreachable as a refused connection (ECONNREFUSED, on Windows WSAECONNRESET) and of
other ICMP errors as unreachable. The system does not say who sent the error, so it is taken to be the target.
Answers from another port (TFTP) or another address never reach it. As many sockets are kept as the system allows; the
oldest are given up for new ones, and what comes later for them is lost.
"""

import errno
import selectors
import socket
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from scanner.core.plan.reasons import Reason
from scanner.engines.udp.kernel_routed import KernelRouted
from scanner.engines.udp.wire import Datagram, ErrorAbout, News

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_LARGEST = 65_535
_REASONS: Mapping[int, Reason] = MappingProxyType(
    {
        errno.ECONNREFUSED: Reason.ICMP_PORT_UNREACHABLE,
        errno.ECONNRESET: Reason.ICMP_PORT_UNREACHABLE,
        errno.EHOSTUNREACH: Reason.ICMP_HOST_UNREACHABLE,
        errno.ENETUNREACH: Reason.ICMP_NET_UNREACHABLE,
        errno.EACCES: Reason.ICMP_ADMIN_PROHIBITED,
    }
)


class ConnectedWire(KernelRouted):
    """See `wire.UdpWire`."""

    notes = ("UDP questions went out through a socket for each port: answers from other ports were not heard",)

    def __init__(self, most: int = 512) -> None:
        """Keep at most `most` sockets at once."""
        self._most = most
        self._sockets: OrderedDict[tuple[str, int], socket.socket] = OrderedDict()
        self._selector = selectors.DefaultSelector()
        self._sent: dict[tuple[str, int], bytes] = {}
        self._news: list[News] = []

    def send_one(self, version: int, address: str, port: int, payload: bytes, source: str = "") -> int:
        """See `kernel_routed.KernelRouted`. All datagrams to an endpoint leave from the source of the first."""
        key = (address, port)
        try:
            sock = self._sockets.get(key) or self._open(version, key, source)
        except OSError as error:
            return error.errno or errno.EIO
        try:
            sock.send(payload)
        except OSError as error:
            if not self._refused(key, error.errno):
                return error.errno or errno.EIO
            with suppress(OSError):
                sock.send(payload)
        self._sent[key] = payload
        return 0

    def hear(self) -> Iterator[News]:
        """See `wire.UdpWire`."""
        for ready, _ in self._selector.select(0):
            key: tuple[str, int] = ready.data
            try:
                data = self._sockets[key].recv(_LARGEST)
            except BlockingIOError:
                continue
            except OSError as error:
                self._refused(key, error.errno)
            else:
                self._news.append(Datagram(key[0], key[1], data))
        news, self._news = self._news, []
        yield from news

    def own_ports(self) -> frozenset[int]:
        """See `wire.UdpWire`. A connected socket receives from its peer only."""
        return frozenset()

    def done_with(self, address: str, port: int) -> None:
        """See `wire.UdpWire`."""
        self._shut((address, port))

    def filenos(self) -> Sequence[int]:
        """See `wire.UdpWire`. The engine looks at its ticks instead: there may be thousands."""
        return ()

    def close(self) -> None:
        """See `wire.UdpWire`."""
        for key in list(self._sockets):
            self._shut(key)
        self._selector.close()

    def _open(self, version: int, key: tuple[str, int], source: str) -> socket.socket:
        while len(self._sockets) >= self._most:
            self._shut(next(iter(self._sockets)))
        sock = _connected(version, key, source)
        if sock.getsockname()[1] == key[1]:  # it would hear itself
            other = _connected(version, key, source)
            sock.close()
            sock = other
        self._sockets[key] = sock
        self._selector.register(sock, selectors.EVENT_READ, key)
        return sock

    def _refused(self, key: tuple[str, int], error: int | None) -> bool:
        """Note an error that the network sent; return whether it was one."""
        reason = _REASONS.get(error or 0)
        if reason is None or key not in self._sent:
            return False
        self._news.append(ErrorAbout(key[0], key[1], reason, "", b""))
        return True

    def _shut(self, key: tuple[str, int]) -> None:
        sock = self._sockets.pop(key, None)
        self._sent.pop(key, None)
        if sock is not None:
            self._selector.unregister(sock)
            sock.close()


def _connected(version: int, key: tuple[str, int], source: str) -> socket.socket:
    sock = socket.socket(_FAMILY[version], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if source:
            sock.bind((source, 0))
        sock.connect(key)
    except OSError:
        sock.close()
        raise
    return sock
