"""One unconnected UDP socket, whose error queue says which endpoint an ICMP error was about.

There is one for each IP version, and for each address that the user wants to ask from.

With IP_RECVERR or IPV6_RECVERR an unconnected socket keeps the errors that it is sent: each entry holds the address and
port of the datagram, what the error quotes of it, type, code, and who sent it (ip(7), ipv6(7), linux/errqueue.h). So
one socket asks all endpoints and receives everything, answers from other ports and addresses included, without any
privilege.

An error that waits is also reported by the next send, which then sends nothing: it is simply sent again.
"""

import errno
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from scanner.core.plan.reasons import icmp_reason
from scanner.engines.udp.kernel_routed import KernelRouted
from scanner.engines.udp.wire import Datagram, ErrorAbout, News

AVAILABLE = sys.platform.startswith("linux")

_SOL_IP, _SOL_IPV6 = 0, 41
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_NOTES = frozenset({(_SOL_IP, _IP_RECVERR), (_SOL_IPV6, _IPV6_RECVERR)})
_MSG_ERRQUEUE = 0x2000
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_OFFENDER4 = slice(_EXTENDED_ERROR.size + 4, _EXTENDED_ERROR.size + 8)
_OFFENDER6 = slice(_EXTENDED_ERROR.size + 8, _EXTENDED_ERROR.size + 24)
_VERSION_OF_ORIGIN = {2: 4, 3: 6}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_ROOM = 1 << 22
"""Bytes of datagrams and errors that may wait in a socket, and of datagrams that wait for neighbours to be found."""
_LARGEST = 65_535
_NOTE_BYTES = 256
_AT_ONCE = 512
_PENDING = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EPROTO,
        errno.EACCES,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.EMSGSIZE,
        errno.ENONET,
        errno.EOPNOTSUPP,
    }
)
"""Errors that may be about an earlier datagram. Sent again, the next answer is about this one."""
_MOST_PENDING = 4


class ErrorQueueWire(KernelRouted):
    """See `wire.UdpWire`."""

    notes = ("UDP questions went out through one socket (no frames)",)

    def __init__(self) -> None:
        self._sockets: dict[tuple[int, str], socket.socket] = {}

    def send_one(self, version: int, address: str, port: int, payload: bytes, source: str = "") -> int:
        """See `kernel_routed.KernelRouted`."""
        try:
            sock = self._sockets.get((version, source)) or self._open(version, source)
        except OSError as error:
            return error.errno or errno.EIO
        found = 0
        for _ in range(_MOST_PENDING):
            try:
                sock.sendto(payload, (address, port))
            except OSError as error:
                found = error.errno or errno.EIO
                if found not in _PENDING:
                    return found
            else:
                return 0
        return found

    def hear(self) -> Iterator[News]:
        """See `wire.UdpWire`."""
        for sock in tuple(self._sockets.values()):
            yield from _errors(sock)
            yield from _datagrams(sock)

    def own_ports(self) -> frozenset[int]:
        """See `wire.UdpWire`."""
        return frozenset(sock.getsockname()[1] for sock in self._sockets.values())

    def done_with(self, address: str, port: int) -> None:
        """See `wire.UdpWire`. One socket hears for all."""

    def filenos(self) -> Sequence[int]:
        """See `wire.UdpWire`."""
        return [sock.fileno() for sock in self._sockets.values()]

    def close(self) -> None:
        """See `wire.UdpWire`."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()

    def _open(self, version: int, source: str) -> socket.socket:
        sock = socket.socket(_FAMILY[version], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        if version == 6:
            sock.setsockopt(_SOL_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(_SOL_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(_SOL_IP, _IP_RECVERR, 1)
        for wish, force in ((socket.SO_RCVBUF, _SO_RCVBUFFORCE), (socket.SO_SNDBUF, _SO_SNDBUFFORCE)):
            sock.setsockopt(socket.SOL_SOCKET, wish, _ROOM)
            with suppress(PermissionError):
                sock.setsockopt(socket.SOL_SOCKET, force, _ROOM)
        try:
            sock.bind((source, 0))
        except OSError:
            sock.close()
            raise
        self._sockets[version, source] = sock
        return sock


def _errors(sock: socket.socket) -> Iterator[ErrorAbout]:
    for _ in range(_AT_ONCE):
        try:
            quoted, notes, _, probed = sock.recvmsg(_LARGEST, _NOTE_BYTES, _MSG_ERRQUEUE)
        except OSError:  # nothing waits
            return
        for level, kind, data in notes:
            if (level, kind) in _NOTES and (error := _parse(data, quoted, probed)):
                yield error


def _parse(data: bytes, quoted: bytes, probed: tuple[str, int]) -> ErrorAbout | None:
    """Return a `sock_extended_err` with its offender's address behind it; None where it is not about ICMP."""
    _, origin, icmp_type, icmp_code, *_ = _EXTENDED_ERROR.unpack_from(data)
    version = _VERSION_OF_ORIGIN.get(origin)
    if version is None:
        return None
    sender = str(IPv4Address(data[_OFFENDER4]) if version == 4 else IPv6Address(data[_OFFENDER6]))
    return ErrorAbout(probed[0], probed[1], icmp_reason(version, icmp_type, icmp_code), sender, quoted)


def _datagrams(sock: socket.socket) -> Iterator[Datagram]:
    for _ in range(_AT_ONCE):
        try:
            data, sender = sock.recvfrom(_LARGEST)
        except BlockingIOError:
            return
        except OSError:  # an error that waits, not a datagram: it is in the queue too
            continue
        yield Datagram(sender[0], sender[1], data)
