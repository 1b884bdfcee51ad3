"""Words of other scanners: understood, or answered in one line. None is ever read as a target."""

import json
from pathlib import Path

import pytest

from scanner.cli.foreign_words import REFUSED, UNDERSTOOD, OwnFlag, translate
from scanner.core.errors import InvalidInput
from tests.cli.conftest import Command

OWN = {
    "-p": OwnFlag(takes_value=True),
    "-o": OwnFlag(takes_value=True),
    "-q": OwnFlag(takes_value=False),
    "-v": OwnFlag(takes_value=False),
    "--rate": OwnFlag(takes_value=True),
    "--identify": OwnFlag(takes_value=False),
}


@pytest.mark.parametrize("word", ["-oA", "-oN", "-oG", "-oJ", "-oL", "-oS", "-oZ", "-oNAME", "-iR", "-sQ", "-e0", "-x"])
def test_what_follows_a_foreign_word_is_never_a_target(command: Command, tmp_path: Path, word: str) -> None:
    status, out, _ = command("scan", "127.0.0.1", "-p", "80", word, "127.0.0.99", "--dry-run", "--json")
    if status == 0:
        assert json.loads(out)["addresses"] == 1
    else:
        assert status == 2
    assert not list(tmp_path.glob("[A-Z]*")), "no file named after the tail of a word"


@pytest.mark.parametrize("word", sorted(REFUSED))
def test_a_word_without_meaning_here_is_one_line_that_says_what_to_use(command: Command, word: str) -> None:
    status, out, err = command("scan", "127.0.0.1", word)
    assert (status, out) == (2, "")
    assert err == f"scanner: {word}: {REFUSED[word]}\n"


@pytest.mark.parametrize("word", sorted(UNDERSTOOD.keys() - {"-V", "-sS", "--privileged", "--send-eth"}))
def test_a_word_with_a_meaning_here_is_understood(command: Command, word: str) -> None:
    value = {"--adapter": ["lo", "--engine", "syn"], "--max-rtt-timeout": ["1"], "--output-format": ["csv"]}
    more = value.get(word, ["x"] if UNDERSTOOD[word].takes_value else [])
    status, _, err = command("scan", "127.0.0.1", "-p", "1", word, *more, "--dry-run")
    assert status == 0, err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["-p22,80", "h"], ["-p", "22,80", "h"]),
        (["-p-", "h"], ["-p", "-", "h"]),
        (["-qvv"], ["-q", "-v", "-v"]),
        (["-T3", "h"], ["--pace", "3", "h"]),
        (["-T", "sneaky"], ["--pace", "1"]),
        (
            ["-oA", "base"],
            ["--format", "nmap-xml=base.xml", "--format", "jsonl=base.jsonl", "--format", "csv=base.csv"],
        ),
        (["-o", "-oA", "h"], ["-o", "-oA", "h"]),
        (["--rate=5"], ["--rate=5"]),
        (["--", "-oN"], ["--", "-oN"]),
        (["-", "h"], ["-", "h"]),
    ],
)
def test_words_become_our_own(words: list[str], meant: list[str]) -> None:
    assert translate(words, OWN) == meant


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-p", "80", "443"], "TARGET: '443' is not a target; did you mean -p 80,443?"),
        (["-p80", "h", "443"], "TARGET: '443' is not a target; did you mean -p 80,443?"),
        (["-rate", "5"], "-rate: no such option; did you mean --rate?"),
        (["--identfy"], "--identfy: no such option; did you mean --identify?"),
        (["-oA"], "-oA: the value is missing; write -oA VALUE"),
        (["-T9"], "-T9: no such option; `scanner scan --help` lists the options"),
        (["-PS22", "h"], f"-PS22: {REFUSED['-sn']}"),
        (["-sT", "--engine", "syn"], "-sT/-sS/--engine: two engines are named; choose one"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(words: list[str], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        translate(words, OWN)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["10.0.0.0/24"], "'10.0.0.0/24' is not a command; did you mean `scanner scan 10.0.0.0/24`?"),
        (["scna", "h"], "'scna' is not a command; did you mean `scanner scan`?"),
        (["xyzzy"], "'xyzzy' is not a command; `scanner --help` lists them"),
    ],
)
def test_a_first_word_that_is_no_command_is_answered(command: Command, words: list[str], said: str) -> None:
    assert command(*words) == (2, "", f"scanner: {said}\n")


@pytest.mark.parametrize("words", [["-V"], ["version"], ["--version"], ["scan", "-V"]])
def test_the_version_is_shown_however_it_is_asked_for(command: Command, words: list[str]) -> None:
    status, out, _ = command(*words)
    assert status == 0
    assert out.startswith("scanner ")


def test_help_is_a_word_too(command: Command) -> None:
    assert command("help", "port")[1].startswith("Usage: scanner port")
    assert command("help")[1].startswith("Usage: scanner ")


def test_the_ranked_ports_add_to_those_that_are_named(command: Command) -> None:
    def ports(*words: str) -> int:
        status, out, err = command("scan", "127.0.0.1", "--dry-run", "--json", *words)
        assert status == 0, err
        count = json.loads(out)["ports_per_address"]
        assert isinstance(count, int)
        return count

    assert ports("-F") == 100
    assert ports("--top-ports", "10", "-p", "12345") == 11
    assert command("scan", "127.0.0.1", "--top-ports", "101")[0] == 2


def test_one_ip_version_of_a_name(command: Command) -> None:
    status, out, _ = command("scan", "localhost", "-4", "-p", "1", "--dry-run", "--json")
    assert status == 0
    assert json.loads(out)["names"] == {"localhost": ["127.0.0.1"]}
    assert command("scan", "localhost", "-4", "-6", "-p", "1", "--dry-run")[0] == 2
