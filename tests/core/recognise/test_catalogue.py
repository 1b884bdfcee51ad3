"""The rows of the catalogue: complete, apart, and true to the registry."""

from collections import Counter

import pytest

from scanner.core.model import Transport
from scanner.core.recognise.catalogue import CATALOGUE, PROTOCOLS
from scanner.core.recognise.identity import WITH_TLS
from scanner.core.recognise.protocol import Protocol
from scanner.registry.source import load_registry

RECOGNISED_BY_OTHERS = {"onc-rpc", "clickhouse", "hadoop-ipc"}
"""Rows whose bytes another row's recogniser knows: answers to its question, or pages that name the protocol."""


def test_every_protocol_has_one_row() -> None:
    assert [name for name, count in Counter(row.name for row in CATALOGUE).items() if count > 1] == []
    assert len(PROTOCOLS) == len(CATALOGUE)


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_a_row_can_be_recognised_and_says_where_its_bytes_come_from(row: Protocol) -> None:
    assert row.source
    assert row.name == row.name.lower().strip()
    assert (
        row.recognise
        or (row.hello and (row.hello.answers or not row.hello.payload))
        or (row.name in RECOGNISED_BY_OTHERS)
    )
    assert all(0 < port < 65536 for port in row.default_ports)


def test_whose_server_speaks_first_is_only_asked_after_its_greeting() -> None:
    assert [row.name for row in CATALOGUE if row.hello and row.greets_first != row.hello.after_greeting] == []


def test_the_names_of_a_row_are_names_of_the_registry() -> None:
    registry = load_registry()
    known = {name.lower() for port in range(65536) for name in registry.lookup(Transport.TCP, port).names}
    wrong = {row.name: sorted(row.names - known) for row in CATALOGUE}
    assert {name: names for name, names in wrong.items() if names} == {}


def test_the_words_for_tls_are_of_known_protocols() -> None:
    assert set(WITH_TLS) <= set(PROTOCOLS)
