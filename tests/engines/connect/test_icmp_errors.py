"""What the entries of a socket's error queue say, and to which probe they belong."""

import errno
import socket
import struct
from ipaddress import ip_address
from typing import Any, cast

from scanner.core.plan.reasons import Reason
from scanner.engines.connect import icmp_errors
from scanner.engines.connect.icmp_errors import IcmpError


class Queue:
    """A socket with nothing but an error queue."""

    def __init__(self, *entries: tuple[tuple[str, int], bytes]) -> None:
        self._entries = list(entries)

    def getsockopt(self, *_: int) -> bytes:
        return (832 * len(self._entries)).to_bytes(4, "little")

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, tuple[str, int]]:
        if not self._entries:
            raise BlockingIOError
        target, data = self._entries.pop(0)
        return b"", [(socket.SOL_IP, 11, data)], 0, target


def entry(icmp_type: int, icmp_code: int, sender: str, origin: int = 2) -> bytes:
    head = struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, icmp_type, icmp_code, 0, 0, 0)
    return head + struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(sender))


def test_an_old_entry_is_not_the_answer_to_a_later_probe() -> None:
    queue = Queue((("10.0.0.1", 80), entry(3, 13, "10.0.0.9")), (("10.0.0.1", 81), entry(3, 1, "10.0.0.8")))
    assert icmp_errors.read_icmp_error(cast(Any, queue), ("10.0.0.1", 81)) == IcmpError(
        Reason.ICMP_HOST_UNREACHABLE, ip_address("10.0.0.8"), errno.EHOSTUNREACH
    )
    queue = Queue((("10.0.0.1", 80), entry(3, 13, "10.0.0.9")))
    assert icmp_errors.read_icmp_error(cast(Any, queue), ("10.0.0.1", 81)) is None
    assert icmp_errors.read_icmp_error(cast(Any, queue), ("10.0.0.1", 80)) is None  # and it is gone


def test_an_entry_of_local_origin_is_no_icmp_error() -> None:
    queue = Queue((("10.0.0.1", 80), entry(0, 0, "0.0.0.0", origin=1)))
    assert icmp_errors.read_icmp_error(cast(Any, queue), ("10.0.0.1", 80)) is None
