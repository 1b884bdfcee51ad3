"""Reading IANA's CSV: its traps on small tables, its figures on the real file where that is at hand."""

import os
from pathlib import Path

import pytest

from scanner.core.errors import RegistryUnusable
from scanner.core.model import PortKey, RegistryStatus, Transport
from scanner.core.registry.csv import IANA_COLUMNS, parse_iana_csv
from scanner.core.registry.registry import Registry

TCP, UDP = Transport.TCP, Transport.UDP
HEADER = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,"
    "Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes"
)
SSH = "ssh,22,tcp,Secure Shell,[A],[B],2001-01,2024-05-06,[RFC4251],,,"


def parse(*lines: str, header: str = HEADER, end: str = "\n", prefix: bytes = b"") -> Registry:
    return parse_iana_csv(prefix + end.join([header, *lines, ""]).encode(), source="table", whole=False)


def refusal(data: bytes, *, whole: bool = True) -> str:
    with pytest.raises(RegistryUnusable) as refused:
        parse_iana_csv(data, source="table", whole=whole)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_row_is_read_by_its_headings() -> None:
    (found,) = parse(SSH).lookup(TCP, 22).rows
    assert (found.service, found.first, found.last, found.transports) == ("ssh", 22, 22, (TCP,))
    assert (found.description, found.assignee, found.reference) == ("Secure Shell", "[A]", "[RFC4251]")
    assert (found.registered, found.modified) == ("2001-01", "2024-05-06")


def test_columns_may_come_in_any_order_and_new_ones_do_no_harm() -> None:
    names = ["New", *reversed(IANA_COLUMNS)]
    cells = dict.fromkeys(names, "") | {
        "Service Name": "ssh",
        "Port Number": "22",
        "Transport Protocol": "tcp",
        "Modification Date": "2020-01-01",
    }
    assert parse(",".join(cells[name] for name in names), header=",".join(names)).lookup(TCP, 22).names == ("ssh",)


def test_byte_order_mark_and_crlf_are_accepted() -> None:
    assert parse(SSH, end="\r\n", prefix=b"\xef\xbb\xbf").lookup(TCP, 22).names == ("ssh",)


def test_line_breaks_inside_a_field_do_not_end_the_row() -> None:
    table = parse('a,5,tcp,"one\ntwo",,,,2020-01-01,,,,"x\r\ny"', SSH)
    assert table.lookup(TCP, 5).rows[0].description == "one\ntwo"
    assert table.lookup(TCP, 22).names == ("ssh",)


def test_runs_and_missing_transports() -> None:
    table = parse("flex-lm,27000-27009,,FLEX,,,,2020-01-01,,,,", ",81,,Unassigned,,,,,,,,")
    assert table.by_name("flex-lm")[0] == PortKey(TCP, 27000)
    assert {key.transport for key in table.by_name("flex-lm")} == {TCP, UDP}
    assert table.status(Transport.SCTP, 27000) is RegistryStatus.UNASSIGNED
    assert table.status(TCP, 81) is RegistryStatus.UNASSIGNED


def test_rows_without_a_port_or_of_other_transports_are_counted_and_left_out() -> None:
    table = parse(SSH, "airdrop,,tcp,,,,,,,,,", "odd,7,quic,,,,,,,,,")
    assert len(table.rows) == 1
    assert table.identity.rows == 3


def test_the_date_is_the_newest_in_the_data_unless_given() -> None:
    assert parse(SSH, "z,,tcp,,,,2025-12-31,,,,,", "y,,tcp,,,,2026-03,,,,,").identity.date == "2025-12-31"
    data = f"{HEADER}\n{SSH}\n".encode()
    assert parse_iana_csv(data, source="t", date="2026-01-02", whole=False).identity.date == "2026-01-02"


def test_the_identity_is_that_of_the_bytes() -> None:
    one, two = parse(SSH), parse(SSH, end="\r\n")
    assert len(one.identity.sha256) == 64
    assert one.identity.sha256 != two.identity.sha256
    assert one.identity.source == "table"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no column 'Service Name'"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\n  <html>", "HTML"),
        (b"a,b,c\n1,2,3\n", "no column 'Service Name'"),
        (b"\xff\xfe\x00S", "UTF-16"),
        (b"Service\x00Name", "NUL"),
        (f"{HEADER}\n{SSH}\nftp,21,tc".encode(), "table:3: 3 cells where the heading has 12"),
        (f'{HEADER}\n{SSH}\nftp,21,tcp,"File'.encode(), "table:3: unexpected end of data"),
        (f"{HEADER}\nssh,0x16,tcp,,,,,,,,,\n".encode(), "table:2: '0x16' is not a port"),
        (f"{HEADER}\nssh,65536,tcp,,,,,,,,,\n".encode(), "table:2: '65536' is not a range"),
        (f"{HEADER}\nssh,30-20,tcp,,,,,,,,,\n".encode(), "table:2: '30-20' is not a range"),
        ((HEADER + "\nssh,٢٢,tcp,,,,,,,,,\n").encode(), "is not a port"),
        (f"{HEADER}\nssh,22,tcp,,,,,,,,,\n".encode(), "no row has a date"),
    ],
)
def test_what_is_not_the_registry_is_refused_with_its_place(data: bytes, words: str) -> None:
    assert words in refusal(data, whole=False)


def test_a_part_of_the_registry_is_refused_unless_asked_for() -> None:
    assert "1 rows" in refusal(f"{HEADER}\n{SSH}\n".encode())
    many = "\n".join(f"s{port},{port},tcp,,,,,2020-01-01,,,," for port in range(1, 6001))
    assert "no row for port 49151" in refusal(f"{HEADER}\n{many}\n".encode())


# --- IANA's own file ---


def iana_file() -> Path:
    root = Path(__file__).parents[3]
    given = os.environ.get("SCANNER_IANA_CSV")
    return Path(given) if given else root / ".." / "shared" / "iana" / "service-names-port-numbers.csv"


@pytest.fixture(scope="module")
def iana() -> Registry:
    path = iana_file()
    if not path.is_file():
        pytest.skip(f"IANA's CSV is not at {path}; set SCANNER_IANA_CSV")
    return parse_iana_csv(path.read_bytes(), source="IANA")


def test_the_figures_of_the_real_file(iana: Registry) -> None:
    """A port is assigned on a transport if a row with a name holds for it; no transport means TCP and UDP."""
    tcp = set(iana.ports_with_status(TCP, RegistryStatus.ASSIGNED))
    udp = set(iana.ports_with_status(UDP, RegistryStatus.ASSIGNED))
    assert (len(tcp), len(udp), len(udp - tcp)) == (6142, 5747, 171)
    assert (iana.identity.rows, iana.identity.date) == (14499, "2026-02-13")
    assert sum(1 for port in range(49152) if not iana.lookup(TCP, port).rows) == 17


def test_what_folklore_gets_wrong(iana: Registry) -> None:
    assert [iana.lookup(TCP, port).service for port in (1551, 31337, 12345)] == ["hecmtl-db", "eldim", "italk"]


def test_endpoints_of_every_kind_in_the_real_file(iana: Registry) -> None:
    statuses = {port: iana.status(TCP, port) for port in (24, 1028, 8010, 81, 716, 49151, 60000)}
    assert statuses == {
        24: RegistryStatus.PRIVATE_USE,
        1028: RegistryStatus.DEREGISTERED,
        8010: RegistryStatus.RESERVED,
        81: RegistryStatus.UNASSIGNED,
        716: RegistryStatus.UNASSIGNED,
        49151: RegistryStatus.RESERVED,
        60000: RegistryStatus.DYNAMIC,
    }
    assert iana.lookup(TCP, 80).names == ("http", "www", "www-http")
    assert iana.status(UDP, 7775) is RegistryStatus.RESERVED


def test_the_real_file_cut_where_it_has_ports_is_refused(iana: Registry) -> None:
    """The last tenth are names without a port, which are not looked at."""
    data = iana_file().read_bytes()
    for share in (0.001, 0.3, 0.62, 0.88):
        cut = int(len(data) * share)
        assert refusal(data[:cut])
        assert refusal(data[: data.rindex(b"\n", 0, cut) + 1])


def test_the_headings_of_earlier_years_are_read() -> None:
    header = (
        "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,Modification Date,"
        "Reference,Service Code,Known Unauthorized Uses,Assignment Notes"
    )
    finger = "finger,79,tcp,Finger,[A],[A],,2017-06-05,,,Unauthorized use by some mail users,"
    table = parse(finger, header=header)
    assert table.lookup(TCP, 79).unauthorised_use == "Unauthorized use by some mail users"
    assert table.identity.date == "2017-06-05"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_lines_are_no_damage(end: str) -> None:
    table = parse(SSH, "", "", end=end)
    assert table.identity.rows == 1


def test_a_day_that_does_not_exist_is_no_date() -> None:
    assert parse(SSH, "z,,tcp,,,,2026-02-30,,,,,").identity.date == "2024-05-06"


def test_utf_16_is_named_as_such() -> None:
    assert "table: is UTF-16 text; save it as UTF-8" in refusal("Service Name".encode("utf-16"))
