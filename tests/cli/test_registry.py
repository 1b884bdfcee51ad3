"""`scanner registry`, as a user types it."""

import json
from functools import partial
from pathlib import Path

import pytest

from scanner.core.registry.csv import IANA_COLUMNS
from tests.cli.conftest import Command


@pytest.fixture
def say(command: Command) -> Command:
    return partial(command, "registry")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A whole registry of 6,000 ports."""
    path = tmp_path / "source.csv"
    lines = [f"s{port},{port},,,,2026-01-02,,,," for port in range(1, 6001)]
    path.write_text("\n".join([",".join(IANA_COLUMNS), *lines, ",49151,,Reserved,,,,,,", ""]))
    return path


def test_info_says_which_registry_is_in_use(say: Command) -> None:
    status, text, errors = say("info")
    assert (status, errors) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert facts["source"].startswith("bundled snapshot")
    assert len(facts["sha256"]) == 64
    fields = json.loads(say("info", "--json")[1])
    assert (fields["type"], fields["date"], str(fields["rows"])) == ("registry", facts["date"], facts["rows"])


def test_stats_count_every_port_of_every_range_and_transport(say: Command) -> None:
    text = say("stats")[1]
    header, first = (line.split() for line in text.splitlines()[:2])
    assert header[:4] == ["range", "transport", "ports", "assigned"]
    assert first[:3] == ["system", "tcp", "1024"]
    lines = [json.loads(line) for line in say("stats", "--json")[1].splitlines()]
    assert len(lines) == 12
    for line in lines:
        assert line["ports"] == sum(line["counts"].values())
    assert sum(line["ports"] for line in lines if line["transport"] == "udp") == 65536
    assert all(name in header for name in lines[0]["counts"])


def test_update_takes_a_file_says_what_changed_and_is_used_from_then_on(say: Command, source: Path) -> None:
    status, text, errors = say("update", "--from", str(source), "--force")
    assert status == 0
    assert "of 2026-01-02, older than the registry that it replaces (2026-07-07)" in errors
    assert text.startswith("updated: 12000 assignments, ")
    assert f"source  {source}" in say("info")[1]
    assert say("update", "--from", str(source))[1].startswith("unchanged: ")
    source.write_text(source.read_text().replace("s22,22,,", "ssh,22,,"))
    fields = json.loads(say("update", "--from", str(source), "--json")[1])
    assert (fields["outcome"], fields["added"], fields["removed"], fields["renamed"]) == ("updated", 0, 0, 2)


def test_update_refuses_what_lost_assignments_or_is_no_registry_in_one_line(
    say: Command, source: Path, tmp_path: Path
) -> None:
    status, text, errors = say("update", "--from", str(source))
    assert (status, text) == (2, "")
    assert "--force takes it all the same" in errors
    source.write_bytes(b"\x00")
    for name in (str(source), str(tmp_path / "none.csv"), "ftp://127.0.0.1/x", "http://192.0.2.1/x"):
        status, text, errors = say("update", "--from", name, "--force")
        assert (status, text, errors.count("\n")) == (2, "", 1)
    assert "bundled snapshot" in say("info")[1]


def test_a_damaged_copy_is_told_once_and_the_bundle_speaks(say: Command, source: Path, tmp_path: Path) -> None:
    say("update", "--from", str(source), "--force")
    (copy,) = (tmp_path / "data").rglob("*.csv")
    copy.write_bytes(copy.read_bytes()[:5000])
    status, text, errors = say("info")
    assert status == 0
    assert "bundled snapshot" in text
    assert errors.count("\n") == 1
    assert "the updated registry is damaged" in errors
