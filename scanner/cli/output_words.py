"""The flags that say where results are written, made from the table of formats.

`-o FILE` takes the format from the file's ending (CSV where that says nothing), `--format NAME=FILE` names it, and
formats with a short option of their own have it (`-oX`). `--csv` and `--json` write to standard output, or decide the
format of `-o`.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import typer

from scanner.app.option import Panel
from scanner.cli.completion import complete_format
from scanner.cli.signature import parameter
from scanner.core.errors import InvalidInput
from scanner.outputs.formats import FORMATS, OutputRequest, format_for, format_names, parse_request

_STANDARD_OUTPUT = "-"


def output_parameters() -> Mapping[str, inspect.Parameter]:
    """Return the typer parameters of all output flags."""
    panel = Panel.OUTPUT.value
    names = ", ".join(format_names())
    flags: dict[str, tuple[Any, Any, Any]] = {
        "output": (
            list[str] | None,
            typer.Option(
                "-o",
                "--output",
                metavar="FILE",
                help="Write findings here; the ending says the format.",
                rich_help_panel=panel,
            ),
            None,
        ),
        "formats": (
            list[str] | None,
            typer.Option(
                "--format",
                metavar="NAME[=FILE]",
                help=f"Write in this format: {names}. Repeatable.",
                autocompletion=complete_format,
                rich_help_panel=panel,
            ),
            None,
        ),
        "csv": (bool, typer.Option("--csv", help="CSV on standard output, or in -o.", rich_help_panel=panel), False),
        "json": (
            bool,
            typer.Option("--json", help="JSON lines on standard output, or in -o.", rich_help_panel=panel),
            False,
        ),
    }
    for each in FORMATS:
        if each.option:
            info = typer.Option(each.option, metavar="FILE", help=f"Also write {each.title}.", rich_help_panel=panel)
            flags[_name(each.option)] = (str | None, info, None)
    return {name: parameter(name, *flag) for name, flag in flags.items()}


def requests_of(values: dict[str, Any]) -> tuple[OutputRequest, ...]:
    """Take the output flags out of parsed values and return the files that they ask for; `json` stays.

    Raises:
        InvalidInput: flags that contradict each other, or a file without a name.
    """
    csv, json = values.pop("csv"), values["json"]
    if csv and json:
        raise InvalidInput("--csv and --json exclude each other", where="--csv/--json", cure="choose one")
    named = "csv" if csv else "jsonl" if json else ""
    paths = values.pop("output") or ([_STANDARD_OUTPUT] if named else [])
    requests = [OutputRequest(named or format_for(_file(path, "-o")).name, path) for path in paths]
    requests += [_parsed(text) for text in values.pop("formats") or ()]
    for each in FORMATS:
        if each.option and (path := values.pop(_name(each.option))) is not None:
            requests.append(OutputRequest(each.name, _file(path, each.option)))
    return tuple(requests)


def _parsed(text: str) -> OutputRequest:
    return parse_request(text if "=" in text else f"{text}={_STANDARD_OUTPUT}")


def _file(path: str, option: str) -> str:
    if not path:
        raise InvalidInput("the file name is empty", where=option, cure="- is standard output")
    return path


def _name(option: str) -> str:
    return option.lstrip("-")
