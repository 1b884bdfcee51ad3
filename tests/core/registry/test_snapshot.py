"""The bundled snapshot held against IANA's own file, where that is at hand: every difference has a reason."""

import os
from pathlib import Path

import pytest

from scanner.core.model import RegistryStatus, Transport
from scanner.core.registry.csv import parse_iana_csv
from scanner.core.registry.registry import Registry
from scanner.registry.source import load_bundled

TCP, UDP, SCTP, DCCP = Transport
S = RegistryStatus

NEWER = {
    (4480, TCP): ("agtp",),
    (4480, UDP): ("agtp-quic",),
    (4794, UDP): ("veroce",),
    (5319, TCP): ("roughtime",),
    (5319, UDP): ("roughtime",),
    (5543, TCP): ("qftest-lic-mcp",),
    (6610, TCP): ("bencher",),
    (6610, UDP): ("bencher",),
    (7123, UDP): ("snif",),
    (9183, TCP): ("sirius-agent",),
    (9183, UDP): ("sirius-agent",),
    (30939, TCP): ("dilithium3",),
    (30939, UDP): ("dilithium3",),
    (34965, TCP): ("profinet-cm-sec",),
    (34965, UDP): ("profinet-cm-sec",),
    (34966, UDP): ("profinet-rt-sec",),
}
"""Assigned, or renamed, after IANA's file of 2026-02-13."""

NEWLY_RESERVED = {(4794, TCP), (34966, TCP)}
"""The other transport of such an assignment, which IANA then reserves."""


@pytest.fixture(scope="module")
def iana() -> Registry:
    root = Path(__file__).parents[3]
    given = os.environ.get("SCANNER_IANA_CSV")
    path = Path(given) if given else root / ".." / "shared" / "iana" / "service-names-port-numbers.csv"
    if not path.is_file():
        pytest.skip(f"IANA's CSV is not at {path}; set SCANNER_IANA_CSV")
    registry = parse_iana_csv(path.read_bytes(), source="IANA")
    if registry.identity.date != "2026-02-13":
        pytest.skip(f"IANA's CSV is of {registry.identity.date}; the differences listed here are to 2026-02-13")
    return registry


@pytest.fixture(scope="module")
def bundled() -> Registry:
    return load_bundled()


@pytest.mark.parametrize("transport", Transport)
def test_statuses_differ_only_where_the_snapshot_is_newer(
    iana: Registry, bundled: Registry, transport: Transport
) -> None:
    old, new = iana.status_codes(transport), bundled.status_codes(transport)
    differ = {(port, transport) for port in range(65536) if old[port] != new[port]}
    assert differ == {key for key in NEWER.keys() | NEWLY_RESERVED if key[1] is transport} - {(5543, TCP)}


def test_six_tcp_ports_are_newly_assigned(iana: Registry, bundled: Registry) -> None:
    before, after = (set(registry.ports_with_status(TCP, S.ASSIGNED)) for registry in (iana, bundled))
    assert after - before == {4480, 5319, 6610, 9183, 30939, 34965}
    assert before <= after


def test_names_are_the_same_in_the_same_order_elsewhere(iana: Registry, bundled: Registry) -> None:
    old, new = iana.assignments, bundled.assignments
    differ = {(key.number, key.transport): names for key, names in new.items() if old.get(key) != names}
    assert differ == NEWER
    assert old.keys() <= new.keys()


def reported(registry: Registry) -> set[tuple[int, Transport]]:
    """Where the registry reports unauthorised use."""
    return {
        (port, transport)
        for row in registry.rows
        if row.unauthorised_use
        for port in range(row.first, row.last + 1)
        for transport in row.transports
        if registry.lookup(transport, port).unauthorised_use
    }


def test_reports_of_unauthorised_use_are_about_the_same_ports(iana: Registry, bundled: Registry) -> None:
    assert reported(iana) == reported(bundled)
    assert len(reported(bundled)) > 200
