"""`scanner accept`: an entry in the policy makes exit status and CSV green, for a time, and harms nothing else."""

import csv
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import socket

import pytest

from scanner import Endpoint, Judge, Observation, Policy, State, Transport, Verdict
from scanner.core.model import PortKey
from scanner.core.policy.policy import Acceptance, Entry, EntryKind
from scanner.core.targets.ranges import network_span
from scanner.registry.source import load_bundled
from tests.cli.conftest import Command

POLICY = """\
# Ours. Do not touch.
name = "office"

[[expect]]
networks = ["10.0.0.0/8"]  # the office
ports = [22]
owner = "IT"

[severity]
open-dynamic = "high"      # we have none"""
"""With comments, and without a last line end."""
WORDS = ("--ticket", "OPS-1", "--until", "2999-12-31", "--by", "Dana")


@pytest.fixture
def swept(tmp_path: Path, command: Command, listening: Callable[[int], socket], monkeypatch: pytest.MonkeyPatch) -> str:
    """A night with findings on one port; returns the id of the first."""
    monkeypatch.chdir(tmp_path)
    port = listening(0).getsockname()[1]
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "audit.toml").write_text(
        f'targets = ["127.0.0.1"]\nports = [{port}]\nhistory = "h.db"\npolicy = "policy.toml"\n'
        '[outputs]\ncsv = "night-{date}.csv"\n'
    )
    assert command("sweep", "audit.toml")[0] == 1
    return findings(tmp_path)[0]


def findings(folder: Path) -> list[str]:
    with (folder / "latest.csv").open(newline="") as file:
        return [row["finding_id"] for row in csv.DictReader(file)]


def test_exit_status_and_latest_csv_become_green_and_comments_stay(
    tmp_path: Path, swept: str, command: Command
) -> None:
    for each in findings(tmp_path):
        status, out, error = command("accept", each, "--history", "h.db", *WORDS)
        assert status == 0, error
        assert out.startswith("[[accepted]]\n")
    text = (tmp_path / "policy.toml").read_text()
    assert text.startswith(POLICY + "\n")
    assert command("sweep", "audit.toml")[0] == 0
    assert findings(tmp_path) == []
    assert command("policy", "check", "policy.toml")[0] == 0
    first = tomllib.loads(text)["accepted"][0]
    assert (first["ticket"], first["owner"], first["expires"]) == ("OPS-1", "Dana", date(2999, 12, 31))


def test_another_port_is_not_accepted_with_it(
    tmp_path: Path, swept: str, command: Command, listening: Callable[[int], socket]
) -> None:
    command("accept", swept, "--history", "h.db", *WORDS)
    other = listening(0).getsockname()[1]
    assert command("scan", "127.0.0.1", "-p", str(other), "--policy", "policy.toml", "--no-history", "-q")[0] == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("f0000000000000000", *WORDS), "no such finding"),
        (("f", *WORDS, "--policy", "absent.toml"), "cannot be read"),
        (("f", "--ticket", "T", "--until", "2001-01-01", "--by", "D"), "has passed"),
        (("f", "--ticket", " ", "--until", "2999-01-01", "--by", "D"), "--ticket"),
    ],
)
def test_what_cannot_be_accepted_changes_nothing(
    tmp_path: Path, swept: str, command: Command, words: tuple[str, ...], problem: str
) -> None:
    word = swept if words[0] == "f" else words[0]
    status, _, error = command("accept", word, "--history", "h.db", *words[1:])
    assert (status, problem in error) == (2, True), error
    assert (tmp_path / "policy.toml").read_text() == POLICY


def test_the_same_finding_is_accepted_once(tmp_path: Path, swept: str, command: Command) -> None:
    command("accept", swept, "--history", "h.db", *WORDS)
    status, _, error = command("accept", swept, "--history", "h.db", *WORDS)
    assert (status, "nothing to accept" in error) == (2, True)


def test_a_file_that_cannot_take_the_entry_stays_as_it_is(tmp_path: Path, swept: str, command: Command) -> None:
    broken = POLICY.replace('name = "office"', 'name = "office"\naccepted = []')
    (tmp_path / "policy.toml").write_text(broken)
    status, _, error = command("accept", swept, "--history", "h.db", *WORDS)
    assert (status, "policy.toml:" in error, "does not fit" in error) == (2, True, True), error
    assert (tmp_path / "policy.toml").read_text() == broken


def test_hostile_words_stay_words(tmp_path: Path, swept: str, command: Command) -> None:
    attack = '"\n[[expect]]\nnetworks=["0.0.0.0/0"]\x1b[31m'
    assert command("accept", swept, "--history", "h.db", "--ticket", attack, *WORDS[2:])[0] == 0
    assert len(tomllib.loads((tmp_path / "policy.toml").read_text())["expect"]) == 1


def test_line_ends_of_windows_are_kept(tmp_path: Path, swept: str, command: Command) -> None:
    (tmp_path / "policy.toml").write_bytes(POLICY.replace("\n", "\r\n").encode())
    assert command("accept", swept, "--history", "h.db", *WORDS)[0] == 0
    data = (tmp_path / "policy.toml").read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n")


def test_an_acceptance_ends_and_is_about_its_rule_place_and_port_only() -> None:
    day = date(2026, 6, 1)
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    entry = Entry(
        "mine", EntryKind.ACCEPTED, (network_span("10.0.0.0/30"),), frozenset(),
        frozenset({PortKey(Transport.TCP, 8069)}), owner="Dana", ticket="T", expires=day,
    )  # fmt: skip
    judge = Judge(load_bundled(), Policy("p", (), accepted=[Acceptance(entry, frozenset({"open-unassigned"}))]))

    def verdicts(address: str, port: int, when: datetime) -> set[Verdict]:
        seen = Observation(Endpoint(ip_address(address), Transport.TCP, port), State.OPEN, "syn-ack", when)
        return {each.verdict for each in judge.judge(seen).findings if each.rule == "open-unassigned"}

    assert verdicts("10.0.0.1", 8069, at) == {Verdict.EXPECTED}
    assert verdicts("10.0.0.1", 8069, at + timedelta(days=1)) == {Verdict.UNEXPECTED}
    assert verdicts("10.0.0.4", 8069, at) == {Verdict.UNEXPECTED}
    assert verdicts("10.0.0.1", 8071, at) == {Verdict.UNEXPECTED}
