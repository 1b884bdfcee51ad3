"""What is wrong in a TOML file is said in one line: every problem, its line, and the key that was probably meant."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from scanner.app.audit_options import audit_scan_options, read_audit_file
from scanner.app.options import words_of
from scanner.core.errors import InvalidInput
from scanner.core.targets.targets import Word
from scanner.files.toml import read_toml
from scanner.files.toml_lines import MOST_DEEP, KeyLines, too_deep


class Door(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: str
    number: Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True)] = 0


class House(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = ""
    rate: Annotated[float, Field(gt=0)] = 1
    doors: list[Door] = []
    main: Door | None = None
    written: Annotated[str, Field(validation_alias="json")] = ""


def complaint(folder: Path, text: str) -> str:
    path = folder / "bad.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_toml(path, House)
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nam = "x"', 'bad.toml:1: unknown key "nam", did you mean "name"?'),
        ("zzz = 1", 'bad.toml:1: unknown key "zzz"'),
        ("jsn = 1", 'bad.toml:1: unknown key "jsn", did you mean "json"?'),
        ("written = 'x'", 'bad.toml:1: unknown key "written"'),
        ("[[doors]]\ncolour = ''\ncolor = ''", 'bad.toml:3: doors[1]: unknown key "color", did you mean "colour"?'),
        ("[main]\ncolour = 'x'\nnumbr = 2", 'bad.toml:3: main: unknown key "numbr", did you mean "number"?'),
        ("[[doors]]\n\n[[doors]]\ncolour = 'x'", "bad.toml:1: doors[1].colour: is missing"),
        ("rate = 0", "bad.toml:1: rate: should be greater than 0"),
        ("[main]\ncolour = 'x'\nnumber = true",
         "bad.toml:3: main.number: should be a valid integer, or should be a valid string"),
        ("\nnam = 1\nrate = 0\nfoo = 2\n",
         'bad.toml:3: rate: should be greater than 0; also line 2: unknown key "nam", did you mean "name"?; '
         'line 4: unknown key "foo"'),
        ('"\x1b[2J" = 1', "bad.toml:1: is not TOML: Illegal character '\\x1b'"),
        ('"\\u001b[2J" = 1', 'bad.toml: unknown key "\\x1b[2J"'),
    ],
)  # fmt: skip
def test_every_problem_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert complaint(tmp_path, text) == said


def test_of_very_many_problems_the_first_ten_are_written_out(tmp_path: Path) -> None:
    said = complaint(tmp_path, "".join(f"k{number} = 1\n" for number in range(5000)))
    assert said.count("unknown key") == 10
    assert said.endswith("; and 4990 more")


@pytest.mark.parametrize(
    "text",
    [
        ".".join("a" * 100_000) + " = 1",
        "[" + ".".join("a" * 100_000) + "]",
        "x = {" + " . ".join("a" * 1000) + " = 1}",
        'x = [{"a".' + ".".join("'b'" for _ in range(MOST_DEEP)) + " = 1}]",
    ],
)
def test_a_bomb_of_one_dotted_key_is_refused_before_it_is_parsed(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, "# a bomb\n" + text) == "bad.toml:2: is nested too deeply"


@pytest.mark.parametrize(
    "text",
    [
        "name = '" + ".".join("a" * 100) + "'",
        "# " + ".".join("a" * 100),
        ".".join("a" * MOST_DEEP) + " = 1",
        "x = [" + ",".join(["1.5"] * 1000) + "]",
    ],
)
def test_long_values_and_lists_are_no_bombs(text: str) -> None:
    assert too_deep(text) is None


def test_looking_for_bombs_in_megabytes_of_openings_is_linear() -> None:
    for opening in ('{"', "{'a'.", "[[,{", "a.", '"a".', "{a . "):
        assert too_deep(opening * 200 + "\n" + (opening * 20 + "\n") * 40_000) in (None, 1)


def test_a_key_is_found_by_header_dotted_key_and_nearest_table() -> None:
    lines = KeyLines("a = 1\n[b.c]\nd = 2\n[[e]]\nf.g = 3\n[[e]]\nf = {g = 4}\n")
    found = [lines.line(keys) for keys in (("a",), ("b", "c", "d"), ("e", 0, "f", "g"), ("e", 1, "f", "g"), ("z",))]
    assert found == [1, 3, 5, 7, None]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ports", "[true]", "a.toml:2: ports[1]: true is not a port; write a number, or text as for -p"),
        ("ports", "true", "a.toml:2: ports: true is not a port; write a number, or text as for -p"),
        ("exclude_ports", "[22, 1.5]", "a.toml:2: exclude_ports[2]: 1.5 is not a port; write a number"),
        ("ports", "[0]", "a.toml:2: ports[1]: 0 is not a port; ports are 1 to 65535"),
        ("history", "true", "a.toml:2: history: should be a valid string, or should be False"),
    ],
)
def test_audits_name_what_is_no_port_in_the_words_of_the_file(tmp_path: Path, key: str, value: str, said: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f"targets = ['127.0.0.1']\n{key} = {value}\n")
    with pytest.raises(InvalidInput) as caught:
        read_audit_file(path)
    assert said in str(caught.value)


def test_an_audit_knows_where_each_of_its_words_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("targets = ['127.0.0.1']\n\nexclude = ['10.0.0.1', '10.0.0.300']\nports = '80'\n")
    options = audit_scan_options(read_audit_file(path))
    assert [word.where for word in words_of(options.exclude, "")] == [f"{path}:3: exclude[1]", f"{path}:3: exclude[2]"]
    assert words_of(options.ports, "") == [Word("80", f"{path}:4: ports[1]")]
