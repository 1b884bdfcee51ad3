"""`scanner port`, as a user types it."""

import json
from functools import partial
from pathlib import Path

import pytest

from scanner.core.registry.csv import IANA_COLUMNS
from scanner.registry.source import bundled_file
from tests.cli.conftest import Command


@pytest.fixture
def say(command: Command) -> Command:
    return partial(command, "port")


def registry_with(path: Path, *rows: dict[str, str]) -> Path:
    """The bundled registry as of 2020, with some more rows of a test's choice."""
    lines = [*bundled_file("snapshot.csv").decode().splitlines(), "s,,tcp,,,2020-01-01,,,,"]
    for row in rows:
        cells = [row.get(column, "").replace('"', '""') for column in IANA_COLUMNS]
        lines.append(",".join(f'"{cell}"' for cell in cells))
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_a_number_gets_a_page_with_range_status_names_and_the_registry_that_said_so(say: Command) -> None:
    status, page, errors = say("1551")
    assert (status, errors) == (0, "")
    assert page.startswith("Port 1551, user range (1024-49151)\n")
    assert "tcp, udp    assigned      hecmtl-db" in page
    assert "nor that it is safe" in page
    assert page.splitlines()[-1].startswith("Registry: bundled snapshot")
    assert "sha256 " in page.splitlines()[-1]


def test_a_name_gets_the_page_of_its_port_whatever_its_case(say: Command) -> None:
    assert say("SSH")[1] == say("22")[1]


def test_every_name_on_a_port_is_there(say: Command) -> None:
    assert "http www www-http" in say("80")[1]


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("60000", "Dynamic: IANA assigns nothing"),
        ("8010", "Reserved: IANA keeps"),
        ("1028", "Deregistered: the assignment was withdrawn"),
        ("24", "Private use"),
        ("1008", "Unassigned: no service"),
        ("0", "system range (0-1023)"),
        ("65535", "dynamic range (49152-65535)"),
    ],
)
def test_each_status_says_what_it_means(say: Command, port: str, words: str) -> None:
    assert words in say(port)[1]


def test_a_transport_narrows_the_page(say: Command) -> None:
    page = say("6667/udp")[1]
    assert "udp  reserved      (assigned for tcp only)" in page
    assert "ircu" not in page


def test_a_slash_in_a_name_is_part_of_it(say: Command) -> None:
    assert "Port 172," in say("cl/1")[1]
    assert "Port 172," in say("cl/1/udp")[1]


def test_a_name_with_many_ports_gets_one_page_and_says_so(say: Command) -> None:
    page = say("x11")[1]
    assert page.count("range (") == 1
    assert "x11 has ports 6000 to 6063" in page


def test_unauthorised_use_is_told_of_the_port_it_is_reported_for(say: Command) -> None:
    assert "reported: unauthorised use" in say("6003")[1]
    assert "unauthorised" not in say("6004")[1]


def test_several_words_give_several_pages_and_one_registry_line(say: Command) -> None:
    page = say("ssh", "53/udp", "8080")[1]
    assert [line for line in page.splitlines() if line.startswith("Port ")][1].startswith("Port 53,")
    assert page.count("Registry: ") == 1


def test_json_is_one_object_a_line_on_every_transport(say: Command) -> None:
    lines = say("--json", "1551", "ssh/tcp")[1].splitlines()
    one, two = map(json.loads, lines)
    assert (one["schema_version"], one["type"], one["port"], one["range"]) == (1, "port", 1551, "user")
    assert set(one["transports"]) == {"tcp", "udp", "sctp", "dccp"}
    assert one["transports"]["tcp"]["names"] == ["hecmtl-db"]
    assert one["transports"]["sctp"] == {
        "status": "unassigned",
        "names": [],
        "assigned_only_for": ["tcp", "udp"],
        "unauthorised_use": "",
        "rows": [],
    }
    assert (two["query"], list(two["transports"])) == ("ssh/tcp", ["tcp"])
    assert len(two["registry"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("sssh", "did you mean ssh"),
        ("no-such-service-at-all", "no service name"),
        ("70000", "70000 is no port; ports are 0 to 65535"),
        ("9" * 5000, "is no port"),
        ("022", "leading zeros; write 22"),
        ("ssh/dccp", "no port on that transport"),
        ("٢٢", "no service name"),
        ("/tcp", "no service name"),
        ("a\x1b[2Jb", r"a\\x1b[2Jb"),
    ],
)
def test_a_bad_word_is_one_line_and_exit_2(say: Command, word: str, words: str) -> None:
    status, page, errors = say("80", word)
    assert (status, page) == (2, "")
    assert errors.count("\n") == 1
    assert words in errors
    assert len(errors) < 300


def test_a_registry_of_ones_own_speaks_and_is_named(say: Command, tmp_path: Path) -> None:
    path = registry_with(
        tmp_path / "mine.csv", {"Service Name": "mine", "Port Number": "7", "Transport Protocol": "tcp"}
    )
    page = say("7", "--registry", str(path))[1]
    assert "mine" in page
    assert f"Registry: {path}, of 2020-01-01" in page
    assert say("7", "--registry", str(tmp_path / "none.csv"))[0] == 2


def test_an_old_registry_is_said_on_standard_error(say: Command, tmp_path: Path) -> None:
    path = registry_with(tmp_path / "old.csv")
    assert "days ago" in say("7", "--registry", str(path))[2]


def test_what_strangers_wrote_into_the_registry_cannot_reach_the_terminal_raw(say: Command, tmp_path: Path) -> None:
    nasty = "\x1b[31mred\u202e\x07\x7f\u2066\x9b"
    row = dict.fromkeys(IANA_COLUMNS, nasty) | {"Port Number": "7", "Transport Protocol": "tcp"}
    path = registry_with(tmp_path / "nasty.csv", row | {"Registration Date": "", "Modification Date": ""})
    for options in ((), ("--json",)):
        status, page, _ = say("7", "--registry", str(path), *options)
        assert status == 0
        assert "red" in page
        assert not [letter for letter in page if letter != "\n" and not letter.isprintable()]


def test_long_notes_are_shortened_on_the_page_and_whole_in_json(say: Command, tmp_path: Path) -> None:
    row = {"Service Name": "wordy", "Port Number": "7", "Transport Protocol": "tcp", "Assignment Notes": "word\n" * 400}
    path = registry_with(tmp_path / "wordy.csv", row)
    assert "[...]" in say("wordy", "--registry", str(path))[1]
    fields = json.loads(say("wordy", "--json", "--registry", str(path))[1])
    assert fields["transports"]["tcp"]["rows"][-1]["notes"].count("word") == 400
