"""The registry's rules, each on a table of a few rows."""

from datetime import date

import pytest

from scanner.core.model import PortKey, PortRange, RegistryIdentity, RegistryStatus, Transport
from scanner.core.registry.changes import changes
from scanner.core.registry.registry import STATUSES, Registry, RegistryRow, age_warning, port_range
from scanner.core.registry.words import row_status, use_reported

TCP, UDP, SCTP, DCCP = Transport
S = RegistryStatus


def row(
    service: str, ports: str, transports: tuple[Transport, ...] = (TCP, UDP), description: str = "", use: str = ""
) -> RegistryRow:
    first, _, last = ports.partition("-")
    return RegistryRow(service, int(first), int(last or first), transports, description, "", "", "", "", use, "")


def registry(*rows: RegistryRow) -> Registry:
    return Registry(RegistryIdentity("a test", "2026-02-13", "0" * 64, len(rows)), rows)


@pytest.mark.parametrize(
    ("description", "status"),
    [
        ("Unassigned", S.UNASSIGNED),
        ("unassigned", S.UNASSIGNED),
        ("(unassigned) Possibly assigned", S.UNASSIGNED),
        ("Unassigned [was netstat]", S.UNASSIGNED),
        ("Unassigned (FRP-Released 12/7/00)", S.UNASSIGNED),
        ("Possibly used by Sun Solaris????", S.UNASSIGNED),
        ("Reserved", S.RESERVED),
        ("Reserved - IANA", S.RESERVED),
        ("De-registered", S.DEREGISTERED),
        ("Removed", S.DEREGISTERED),
        ("Deprecated", S.DEREGISTERED),
        ("De-Commissioned Port", S.DEREGISTERED),
        ("Decomissioned Port 04/14/00, ms", S.DEREGISTERED),
        ("any private mail system", S.PRIVATE_USE),
        ("any private RJE service", S.PRIVATE_USE),
    ],
)
def test_a_nameless_rows_description_is_its_status(description: str, status: RegistryStatus) -> None:
    assert row_status("", description) is status


def test_a_name_assigns_whatever_the_description_says() -> None:
    assert row_status("sua", "De-Registered") is S.ASSIGNED


def test_without_a_row_the_range_decides() -> None:
    empty = registry()
    assert empty.status(TCP, 49151) is S.UNASSIGNED
    assert empty.status(TCP, 49152) is S.DYNAMIC
    assert empty.lookup(UDP, 65535).rows == ()


def test_a_row_decides_in_the_dynamic_range_too_but_unassigned_there_stays_dynamic() -> None:
    table = registry(
        row("late", "50000"), row("", "50001", description="Reserved"), row("", "50002-50009", description="Unassigned")
    )
    assert [table.status(TCP, port) for port in (50000, 50001, 50002)] == [S.ASSIGNED, S.RESERVED, S.DYNAMIC]


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_rows_the_strongest_holds_in_any_order(order: int) -> None:
    rows = [
        row("", "7700-7799", description="Unassigned"),
        row("", "7775", (UDP,), "Reserved"),
        row("inetfs", "7775", (TCP,)),
    ]
    table = registry(*rows[::order])
    assert table.status(TCP, 7775) is S.ASSIGNED
    assert table.status(UDP, 7775) is S.RESERVED
    assert table.status(TCP, 7776) is S.UNASSIGNED
    assert [found.first for found in table.lookup(TCP, 7775).rows] == [7775, 7700]


@pytest.mark.parametrize("order", [1, -1])
def test_a_name_outweighs_what_was_reserved_or_withdrawn(order: int) -> None:
    rows = [row("", "51", description="Reserved"), row("", "51", description="Removed"), row("new", "51")]
    assert registry(*rows[::order]).status(TCP, 51) is S.ASSIGNED
    assert registry(*rows[:2][::order]).status(TCP, 51) is S.DEREGISTERED


def test_statuses_are_ordered_from_nothing_said_to_assigned() -> None:
    assert STATUSES[0] is S.UNASSIGNED
    assert STATUSES[-1] is S.ASSIGNED
    assert set(STATUSES) == set(S)


def test_every_name_is_kept_in_order_and_once() -> None:
    table = registry(row("http", "80"), row("www", "80"), row("http", "80", (TCP,)))
    assert table.lookup(TCP, 80).names == ("http", "www")
    assert table.lookup(TCP, 80).service == "http www"


def test_names_are_found_whatever_their_case_on_every_port_and_transport_they_have() -> None:
    table = registry(row("X11", "6000-6002"), row("x11", "6000", (SCTP,)), row("", "1", description="Reserved"))
    assert table.by_name("x11") == table.by_name("X11")
    assert [key for key in table.by_name("x11") if key.transport is SCTP] == [PortKey(SCTP, 6000)]
    assert len(table.by_name("x11")) == 7
    assert table.by_name("nobody") == ()
    assert table.by_name("") == ()


def test_where_only_another_transport_is_assigned() -> None:
    table = registry(row("game", "2000", (UDP,)), row("", "2000", (TCP,), "Reserved"))
    assert table.other_transport_only(TCP, 2000) == (UDP,)
    assert table.other_transport_only(UDP, 2000) == ()
    assert table.other_transport_only(TCP, 2001) == ()


def test_ports_with_a_status_are_exact() -> None:
    table = registry(row("a", "1-3"), row("b", "49151", (TCP,)))
    assert table.ports_with_status(TCP, S.ASSIGNED) == (1, 2, 3, 49151)
    assert table.ports_with_status(UDP, S.ASSIGNED) == (1, 2, 3)
    assert table.ports_with_status(SCTP, S.DYNAMIC) == tuple(range(49152, 65536))


def test_stats_count_every_port_once() -> None:
    table = registry(row("a", "1000-1100"), row("", "5", description="Reserved"))
    stats = {(counts.range, counts.transport): counts for counts in table.stats()}
    assert len(stats) == 3 * len(Transport)
    assert all(sum(counts.counts.values()) == counts.ports for counts in stats.values())
    assert stats[PortRange.SYSTEM, TCP].counts[S.ASSIGNED] == 24
    assert stats[PortRange.USER, TCP].counts[S.ASSIGNED] == 77
    assert stats[PortRange.SYSTEM, UDP].counts[S.RESERVED] == 1
    assert stats[PortRange.DYNAMIC, DCCP].ports == 16384


@pytest.mark.parametrize(
    ("port", "name"),
    [(0, "system"), (1023, "system"), (1024, "user"), (49151, "user"), (49152, "dynamic"), (65535, "dynamic")],
)
def test_ranges_meet_where_rfc_6335_says(port: int, name: str) -> None:
    assert port_range(port) == name


@pytest.mark.parametrize(
    ("text", "run", "speaks"),
    [
        ("Known Unauthorized Use on port 6003", (6000, 6063), {6003}),
        ("Known Unauthorized Use on ports 33436-33534", (33436, 33655), set(range(33436, 33535))),
        ("Known UNAUTHORIZED USE: Ports 44515 & 44516", (44446, 44543), {44515, 44516}),
        ("Unauthorized use by some mail users (see [RFC4146] for details)", (79, 79), {79}),
        ("Unauthorized Use Known on ports 5151 and 5152", (5152, 5152), {5152}),
        ("Known Unauthorized Use on 7011", (7012, 7012), {7012}),
        ("yes", (8010, 8011), {8010, 8011}),
        ("", (1, 3), set()),
    ],
)
def test_a_report_of_unauthorised_use_holds_for_the_ports_it_names(
    text: str, run: tuple[int, int], speaks: set[int]
) -> None:
    assert {port for port in range(run[0], run[1] + 1) if use_reported(text, run[0], run[1], port)} == speaks


def test_unauthorised_use_is_told_of_the_port_asked_for() -> None:
    table = registry(row("x11", "6000-6063", use="Known Unauthorized Use on port 6003"))
    assert table.lookup(TCP, 6003).unauthorised_use == "Known Unauthorized Use on port 6003"
    assert table.lookup(TCP, 6004).unauthorised_use == ""


def test_changes_between_registries() -> None:
    old = registry(row("a", "1", (TCP,)), row("b", "2", (TCP,)), row("c", "3", (TCP,)))
    new = registry(row("a", "1", (TCP,)), row("B2", "2", (TCP,)), row("d", "4", (TCP,)))
    found = changes(old, new)
    assert (found.added, found.removed, found.renamed) == ((PortKey(TCP, 4),), (PortKey(TCP, 3),), (PortKey(TCP, 2),))
    assert (found.before, found.after) == (3, 3)
    assert found.lost == pytest.approx(1 / 3)
    assert changes(registry(), new).lost == 0


def test_a_registry_warns_from_a_year_on() -> None:
    identity = registry().identity
    assert age_warning(identity, date(2027, 2, 12)) == ""
    assert "365 days" in age_warning(identity, date(2027, 2, 13))
    assert "scanner registry update" in age_warning(identity, date(2027, 2, 13))


def test_a_registry_of_the_future_is_said_and_a_day_of_difference_between_zones_is_not() -> None:
    identity = RegistryIdentity("x", "2026-02-12", "0", 1)
    assert age_warning(identity, date(2026, 2, 11)) == ""
    assert "2026-02-12, which is in the future" in age_warning(identity, date(2026, 2, 10))
