"""How the snapshot is made, and that the facts which the package lacks are in it."""

import csv
import json
from pathlib import Path

import pytest

from scanner.core.model import RegistryStatus, Transport
from scanner.core.registry.csv import parse_iana_csv
from scanner.core.registry.registry import Registry
from scanner.registry.source import load_bundled
from scripts.build_registry import FOLDER, Line, merge, packaged, snapshot

TCP, UDP = Transport.TCP, Transport.UDP
S = RegistryStatus


def built(package: dict[str, list[str]], *facts: Line) -> Registry:
    data = snapshot(merge(packaged(json.dumps(package).encode()), facts))
    return parse_iana_csv(data, source="t", date="2026-01-01", whole=False)


def test_rows_that_say_the_same_of_tcp_and_udp_become_one() -> None:
    package = {"22/tcp": ["ssh", "Shell"], "22/udp": ["ssh", "Shell"], "22/sctp": ["ssh", "Shell"], "23/tcp": ["t", ""]}
    registry = built(package)
    assert [row.transports for row in registry.rows] == [(TCP, UDP), (Transport.SCTP,), (TCP,)]


def test_a_fact_fills_the_row_of_its_name_on_each_transport() -> None:
    package = {"7/tcp": ["echo", "Echo"], "7/udp": ["echo", "Echo over UDP"]}
    registry = built(package, Line("echo", "7", "", unauthorised_use="by others"))
    descriptions = [registry.lookup(transport, 7).rows[0].description for transport in (TCP, UDP)]
    assert descriptions == ["Echo", "Echo over UDP"]
    assert registry.lookup(UDP, 7).unauthorised_use == "by others"


def test_a_fact_that_only_one_transport_has_is_a_row_for_the_other() -> None:
    registry = built({"7/tcp": ["echo", "Echo"]}, Line("echo", "7", "", "Echo", notes="n"))
    assert [(row.transports, row.notes) for row in registry.rows] == [((UDP,), "n"), ((TCP,), "n")]


def test_another_name_of_a_port_comes_before_the_packaged_one() -> None:
    registry = built({"80/tcp": ["www-http", "Web"]}, Line("http", "80", "", "Web"))
    assert registry.lookup(TCP, 80).names == ("http", "www-http")


@pytest.mark.parametrize(
    ("ports", "transports", "name"),
    [
        (range(3322, 3326), (TCP, UDP), "active-net"),
        (range(3367, 3372), (TCP, UDP), "satvid-datalnk"),
        (range(4200, 4300), (TCP, UDP), "vrml-multi-use"),
        (range(6000, 6064), (TCP, UDP), "x11"),
        (range(6665, 6670), (TCP,), "ircu"),
        (range(7300, 7360), (TCP, UDP), "swx"),
        (range(27000, 27010), (TCP, UDP), "flex-lm"),
        (range(6404, 6405), (TCP, UDP), "boe-filesvr"),
        (range(6410, 6411), (TCP, UDP), "boe-resssvr4"),
    ],
)
def test_runs_of_ports_are_in_the_snapshot(ports: range, transports: tuple[Transport, ...], name: str) -> None:
    registry = load_bundled()
    assert {key.transport for key in registry.by_name(name)} == set(transports)
    assert {key.number for key in registry.by_name(name)} == set(ports)


def test_reserved_and_deregistered_ports_are_in_the_snapshot() -> None:
    registry = load_bundled()
    reserved = [0, 51, *range(225, 242), *range(249, 256), *range(1011, 1021), 1023, 1024, *range(1030, 1033), 1109]
    reserved += [4324, 6567, 8010, 49151]
    deregistered = [585, 659, 1028, 1783, 2682, 3403, 3404, 9006, 26264]
    for transport in (TCP, UDP):
        assert {registry.status(transport, port) for port in reserved} == {S.RESERVED}
        assert {registry.status(transport, port) for port in deregistered} == {S.DEREGISTERED}


def test_every_fact_is_in_the_snapshot() -> None:
    registry = load_bundled()
    with (Path(FOLDER) / "facts.csv").open(newline="") as file:
        facts = [Line(*cells) for cells in list(csv.reader(file))[1:]]
    assert len(facts) > 300
    for fact in facts:
        for transport in [Transport(fact.transport)] if fact.transport else [TCP, UDP]:
            record = registry.lookup(transport, fact.port)
            assert fact.service == "" or fact.service in record.names
            assert fact.unauthorised_use in record.unauthorised_use or "port 6003" in fact.unauthorised_use
            assert any(fact.notes == row.notes for row in record.rows) or not fact.notes
