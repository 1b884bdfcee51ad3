"""Real servers on odd ports: every one that is installed here must be named, and named rightly.

Those that need many seconds to start are left to `tests/bench/bench_identify.py`, unless SCANNER_ALL_SERVERS is set.
"""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.core.rate.limits import UNLIMITED
from scanner.core.recognise.hellos import HELLOS
from scanner.core.recognise.identity import Identity
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.identifier import ServiceIdentifier
from tests.netlab.servers import ADDRESS, SERVERS, Running, Server, installed, running

pytestmark = pytest.mark.netlab

SLOW = {"rabbitmq", "zookeeper", "postgresql", "mariadb", "kamailio", "etcd"}
WANTED = [server for server in SERVERS if server.name not in SLOW or os.environ.get("SCANNER_ALL_SERVERS")]


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Identity]]:
    """What was found, by the name of the server; all were asked together, without any hint and with every question."""
    if os.geteuid() != 0:
        pytest.skip("the servers are started as root")
    folder: Path = tmp_path_factory.mktemp("servers")
    folder.parent.chmod(0o755)
    with running(folder, WANTED) as up:
        asker = ServiceIdentifier(
            permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED), most_hellos=len(HELLOS)
        )
        found = asyncio.run(asker.identify([_open(each) for each in up]))
        yield {each.server.name: seen.identity for each, seen in zip(up, found, strict=True) if seen.identity}


def _open(each: Running) -> Observation:
    endpoint = Endpoint(ip_address(ADDRESS), Transport.TCP, each.port)
    return Observation(endpoint, State.OPEN, "syn-ack", datetime.now(UTC))


@pytest.mark.parametrize("server", WANTED, ids=lambda server: server.name)
def test_a_real_server_is_named_rightly(server: Server, identities: dict[str, Identity]) -> None:
    if not installed(server):
        pytest.skip(f"apt-get install {server.package}")
    found = identities[server.name]
    assert (found.protocol, found.encrypted) == (server.protocol, server.tls), found
    assert server.product.lower() in found.product.lower()
    if server.tls:
        assert found.tls is not None
        assert found.tls.certificate is not None
        assert found.tls.certificate.names == ("lab.invalid",)
