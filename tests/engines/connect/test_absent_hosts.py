"""Which rtnetlink messages say that a neighbour is absent."""

import socket
import struct
from ipaddress import ip_address

from scanner.engines.connect.absent_hosts import failed_neighbours


def neighbour(address: str, state: int, kind: int = 28) -> bytes:
    packed = ip_address(address).packed
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    body = struct.pack("=BxxxiHBB", family, 2, state, 0, 1) + struct.pack("=HH", 4 + len(packed), 1) + packed
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_only_failed_neighbours_are_absent() -> None:
    data = neighbour("10.0.0.1", 0x02) + neighbour("10.0.0.2", 0x20) + neighbour("fd00::3", 0x20)
    assert [*map(str, failed_neighbours(data))] == ["10.0.0.2", "fd00::3"]
    assert not [*failed_neighbours(neighbour("10.0.0.2", 0x20, kind=29))]


def test_truncated_news_is_no_news() -> None:
    whole = neighbour("10.0.0.2", 0x20)
    for size in range(len(whole)):
        assert [*failed_neighbours(whole[:size])] == []
