"""The README names what there is: every format and exit status, and no option that does not exist."""

import re
from pathlib import Path

import pytest

from scanner.app.exit_status import ExitStatus
from scanner.cli.foreign_words import UNDERSTOOD
from scanner.outputs.formats import FORMATS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text("utf-8")
OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")
OF_OTHERS = {"-m", "-w", "--no-deps"}
"""Options of pip and python."""


def code(text: str) -> str:
    """Return everything that is set as code."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([*fenced, *re.findall(r"`([^`]+)`", rest)])


def test_every_format_is_named() -> None:
    assert [each.name for each in FORMATS if f"`{each.name}`" not in README] == []
    assert [each.suffixes[0] for each in FORMATS if each.suffixes[0] not in README] == []


def test_every_exit_status_is_named() -> None:
    table = README.partition("## Exit status")[2].partition("\n## ")[0]
    named = {int(number) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for number in row.split(",")}
    assert named == {*map(int, ExitStatus), 4, 5}


@pytest.mark.parametrize("option", sorted(set(OPTION.findall(code(README))) - OF_OTHERS))
def test_every_option_exists(option: str) -> None:
    paces = {f"-T{number}" for number in range(6)}
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", COMMANDS) or option in {*UNDERSTOOD, *paces}
