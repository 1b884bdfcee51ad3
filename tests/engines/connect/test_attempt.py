"""A connection to this machine ends at a listener or at a socket of ours; workers cannot see the sockets of others."""

import socket
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any, cast

from scanner.engines.connect.attempt import Attempt
from scanner.engines.connect.hosts import Host
from scanner.engines.connect.ways import Way, WayOut


def test_among_workers_an_own_address_is_doubted_once_and_then_believed() -> None:
    with socket.socket() as listener, socket.socket() as sock:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sock.connect(listener.getsockname())
        attempt = Attempt(sock)
        attempt.host, attempt.index = Host(ip_address("127.0.0.1"), None, Way(WayOut("lo", routed=False), 0)), 0
        wave = SimpleNamespace(local_failures=bytearray(1))
        attempt.wave = cast(Any, wave)
        assert not attempt.met_ourselves([], alone=True)
        assert attempt.met_ourselves([], alone=False)
        wave.local_failures[0] = 1
        assert not attempt.met_ourselves([], alone=False)
