"""Laws of the registry that hold for any table of rows."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.errors import RegistryUnusable
from scanner.core.model import RegistryIdentity, RegistryStatus, Transport
from scanner.core.registry.changes import changes
from scanner.core.registry.csv import IANA_COLUMNS, parse_iana_csv
from scanner.core.registry.registry import STATUSES, Registry, RegistryRow, port_range
from scanner.core.registry.words import use_reported
from tests.property.strategies import port_numbers, registry_tables, transports, visible_text

IDENTITY = RegistryIdentity("a test", "2026-02-13", "0" * 64, 0)
Rows = list[RegistryRow]


@given(registry_tables, transports, port_numbers)
@settings(deadline=None)
def test_table_and_record_agree_with_the_rows(table: Rows, transport: Transport, port: int) -> None:
    registry = Registry(IDENTITY, table)
    record = registry.lookup(transport, port)
    covering = [row for row in table if row.first <= port <= row.last and transport in row.transports]
    assert sorted(record.rows) == sorted(covering)
    floor = RegistryStatus.DYNAMIC if port >= 49152 else RegistryStatus.UNASSIGNED
    said = max([STATUSES.index(row.status) for row in covering], default=0)
    assert record.status is STATUSES[max(said, STATUSES.index(floor))]
    assert record.status is registry.status(transport, port)
    assert (record.status is RegistryStatus.ASSIGNED) == bool(record.names)


@given(registry_tables)
@settings(max_examples=20, deadline=None)
def test_statuses_partition_the_ports_and_stats_count_them(table: Rows) -> None:
    registry = Registry(IDENTITY, table)
    for transport in Transport:
        parts = {status: registry.ports_with_status(transport, status) for status in RegistryStatus}
        assert sorted(port for ports in parts.values() for port in ports) == list(range(65536))
        counts = [found for found in registry.stats() if found.transport is transport]
        for status, ports in parts.items():
            assert sum(found.counts[status] for found in counts) == len(ports)


@given(registry_tables)
@settings(max_examples=30, deadline=None)
def test_names_and_assignments_are_two_views_of_one_thing(table: Rows) -> None:
    registry = Registry(IDENTITY, table)
    by_name = {key for name in registry.names for key in registry.by_name(name)}
    assert by_name == set(registry.assignments)
    assert all(registry.status(key.transport, key.number) is RegistryStatus.ASSIGNED for key in by_name)


@given(registry_tables, registry_tables)
@settings(max_examples=30, deadline=None)
def test_changes_are_symmetric(one: Rows, two: Rows) -> None:
    there = changes(Registry(IDENTITY, one), Registry(IDENTITY, two))
    back = changes(Registry(IDENTITY, two), Registry(IDENTITY, one))
    assert (there.added, there.removed, there.renamed) == (back.removed, back.added, back.renamed)
    assert 0 <= there.lost <= 1


@given(registry_tables)
@settings(deadline=None)
def test_what_is_written_as_csv_is_read_back(table: Rows) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(IANA_COLUMNS)
    for row in table:
        for transport in row.transports:
            writer.writerow((row.service, f"{row.first}-{row.last}", transport, *row[4:]))
    registry = parse_iana_csv(text.getvalue().encode(), source="t", date="2026-02-13", whole=False)
    expected = [row._replace(transports=(transport,)) for row in table for transport in row.transports]
    assert list(registry.rows) == expected


def refusal(data: bytes) -> str:
    """Why a file is refused; empty if it is not."""
    try:
        parse_iana_csv(data, source="t", date="2026-02-13", whole=False)
    except RegistryUnusable as error:
        return str(error)
    return ""


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_a_registry_or_one_line(data: bytes) -> None:
    assert refusal(data).isprintable()
    assert refusal((",".join(IANA_COLUMNS) + "\n").encode() + data).isprintable()


@given(visible_text, port_numbers)
def test_a_report_without_numbers_speaks_of_every_port(text: str, port: int) -> None:
    if not any(letter.isdigit() for letter in text):
        assert use_reported(text, port, port, port) == text


@given(port_numbers)
def test_every_port_lies_in_one_range(port: int) -> None:
    assert port_range(port) == ("system" if port < 1024 else "user" if port < 49152 else "dynamic")
