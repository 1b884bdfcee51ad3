"""How many sockets this process may hold."""

import pytest

from scanner.engines.socket_budget import socket_budget


def test_the_budget_leaves_room_for_everything_else() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert socket_budget(400) == 400
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 400 + 32
        assert 1 <= socket_budget(1 << 30) < hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
