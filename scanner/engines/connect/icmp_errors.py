"""ICMP errors that answered a connecting socket, read from its error queue.

connect() reports an ICMP port-unreachable as ECONNREFUSED, the same errno as for a reset, and an ICMP error from a
router as EHOSTUNREACH, the same as for an unanswered ARP request. The socket's error queue knows better: with
IP_RECVERR or IPV6_RECVERR set, each entry holds the ICMP type and code, its sender, and the address and port of the
probe that it answers. That last part is checked, so that an entry can never be taken for the answer to a later probe of
the same socket.

Looking into an empty queue with recvmsg costs an exception. Queued entries count as received memory, so `SO_MEMINFO`
shows an empty queue for a fifth of the price. ip(7), ipv6(7), linux/errqueue.h, linux/sock_diag.h.
"""

import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from scanner.core.model import Address
from scanner.core.plan.reasons import Reason, icmp_reason

ERROR_QUEUE_SUPPORTED = sys.platform.startswith("linux")
"""Whether sockets of this system keep ICMP errors in a queue."""

_SOL_IP, _SOL_IPV6 = 0, 41
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_NOTES = frozenset({(_SOL_IP, _IP_RECVERR), (_SOL_IPV6, _IPV6_RECVERR)})
_MSG_ERRQUEUE = 0x2000
ERRORS_QUEUED = (socket.SOL_SOCKET, 55, 4)
"""Arguments of getsockopt() for the bytes that wait in a socket that received no data: Linux's SO_MEMINFO."""
NONE_QUEUED = bytes(4)
"""Its result where there are none."""

_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_OFFENDER4 = slice(_EXTENDED_ERROR.size + 4, _EXTENDED_ERROR.size + 8)
_OFFENDER6 = slice(_EXTENDED_ERROR.size + 8, _EXTENDED_ERROR.size + 24)
_VERSION_OF_ORIGIN = {2: 4, 3: 6}
_BYTES = 256
_MOST_ENTRIES = 8


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP error in answer to a probe."""

    reason: Reason
    """The reason for its type and code."""
    sender: Address
    """Its sender: a router, the target, or this machine."""
    errno: int
    """The errno that the kernel derives from it."""


def ask_for_icmp_errors(sock: socket.socket) -> None:
    """Make a socket keep the ICMP errors that it receives."""
    if not ERROR_QUEUE_SUPPORTED:
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(_SOL_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(_SOL_IP, _IP_RECVERR, 1)


def read_icmp_error(sock: socket.socket, target: tuple[str, int]) -> IcmpError | None:
    """Return the first error in the queue that answers a probe to `target` (address and port); drop the rest."""
    if not ERROR_QUEUE_SUPPORTED or sock.getsockopt(*ERRORS_QUEUED) == NONE_QUEUED:
        return None
    found: IcmpError | None = None
    for _ in range(_MOST_ENTRIES):
        try:
            _, notes, _, probed = sock.recvmsg(0, _BYTES, _MSG_ERRQUEUE)
        except BlockingIOError:
            break
        if found is None and probed[:2] == target[:2]:
            found = next((_parse(data) for level, kind, data in notes if (level, kind) in _NOTES), None)
    return found


def _parse(data: bytes) -> IcmpError | None:
    """Read a `sock_extended_err` with the address of the offender behind it; None where it is not about ICMP."""
    errno, origin, icmp_type, icmp_code, *_ = _EXTENDED_ERROR.unpack_from(data)
    version = _VERSION_OF_ORIGIN.get(origin)
    if version is None:
        return None
    sender: Address = IPv4Address(data[_OFFENDER4]) if version == 4 else IPv6Address(data[_OFFENDER6])
    return IcmpError(icmp_reason(version, icmp_type, icmp_code), sender, errno)
