"""From declared options to the flags of a command: the parameters that typer reads are made from `ScanOptions`.

A command that sweeps is written as a function of `ScanOptions`; `takes_scan_options` gives it a signature with one
parameter an option, in the order of declaration, and gathers what typer hands over. Other commands take single flags
of the same declaration with `declared`, so that `--history` reads the same everywhere.
"""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

import typer

from scanner.app.option import Kind, Option, options_of
from scanner.app.options import ScanOptions
from scanner.cli.completion import complete_interface, complete_ports
from scanner.core.errors import InvalidInput

MOST_RETRIES = 20
"""Retries that may be asked for by number."""

_SUFFIXES: Mapping[str, int] = MappingProxyType({"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000})


def parse_rate(text: str) -> float:
    """Return a number of probes per second: `500`, `10k`, `1.5M`. Raises InvalidInput."""
    digits = str(text).rstrip("kKmMgG")
    try:
        return float(digits) * _SUFFIXES[str(text)[len(digits) :].lower()]
    except (ValueError, KeyError) as error:
        cure = "write 500, 10k or 1M"
        raise InvalidInput(f"{text!r} is not a number of probes per second", where="--rate", cure=cure) from error


def parse_retries(text: str) -> int | None:
    """Return a number of retries; None for `auto`. Raises InvalidInput."""
    if str(text).lower() == "auto":
        return None
    if str(text).isascii() and str(text).isdigit() and int(text) <= MOST_RETRIES:
        return int(text)
    problem = f"{text!r} is not a number of retries"
    raise InvalidInput(problem, where="--retries", cure=f"write auto, or 0 to {MOST_RETRIES}")


_TYPES: Mapping[Kind, Any] = MappingProxyType(
    {
        Kind.TARGETS: list[str] | None,
        Kind.WORDS: list[str] | None,
        Kind.PORTS: list[str] | None,
        Kind.FILES: list[str] | None,
        Kind.FILE: str | None,
        Kind.TEXT: str,
        Kind.INTERFACE: str,
        Kind.RATE: float | None,
        Kind.SECONDS: float | None,
        Kind.COUNT: int | None,
        Kind.RETRIES: int | None,
        Kind.FLAG: bool,
        Kind.VERBOSITY: int,
    }
)
"""The type by which typer parses each kind; a choice is parsed by its enumeration."""

_COMPLETIONS: Mapping[Kind, Callable[..., Any]] = MappingProxyType(
    {Kind.PORTS: complete_ports, Kind.INTERFACE: complete_interface}
)
"""What the shell offers for the values of a kind; file names where nothing else is said."""

_EMPTY: Mapping[Any, Any] = MappingProxyType({(): None})


def takes_scan_options(
    command: Callable[..., int], more: Mapping[str, inspect.Parameter], gather: Callable[[dict[str, Any]], ScanOptions]
) -> Callable[..., int]:
    """Return a command for typer: its flags are all options of a scan and `more`.

    `gather` takes the values of options (those of `more` included, which it may take out) and makes `ScanOptions`; what
    it leaves of `more` is handed to `command` by name.
    """

    def run(**values: Any) -> int:
        options = gather(values)
        return command(options, **{name: values[name] for name in more if name in values})

    parameters = {**scan_parameters(), **more}
    run.__signature__ = inspect.Signature(list(parameters.values()), return_annotation=int)  # type: ignore[attr-defined]
    run.__annotations__ = {name: each.annotation for name, each in parameters.items()} | {"return": int}
    run.__doc__ = command.__doc__
    return run


def scan_parameters() -> Mapping[str, inspect.Parameter]:
    """Return one typer parameter for each option of a scan that has a flag of its own."""
    return {
        name: parameter(name, _type(option, default), _info(name, option), _EMPTY.get(default, default))
        for name, (option, default) in options_of(ScanOptions).items()
        if option.kind not in (Kind.OUTPUTS, Kind.INTERNAL)
    }


def scan_options(values: Mapping[str, Any], **more: Any) -> ScanOptions:
    """Gather options from what typer parsed; `more` are those without a flag of their own.

    Raises:
        InvalidInput: a file was named by an empty text, as `--policy "$UNSET"` does in a script.
    """
    given: dict[str, Any] = {}
    for name, (option, _) in options_of(ScanOptions).items():
        value = values.get(name)
        if value == "" and option.kind is Kind.FILE:
            raise InvalidInput("the file name is empty", where=flag_of(name, option))
        if value is not None:
            given[name] = tuple(value) if isinstance(value, list) else value
    return ScanOptions(**given, **more)


def declared(name: str, help_text: str = "") -> Any:
    """Return typer's declaration of one option of a scan, for the parameter of another command."""
    option, _ = options_of(ScanOptions)[name]
    return _info(name, option, help_text)


def parameter(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    """Return one keyword parameter that typer understands."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def flag_of(name: str, option: Option) -> str:
    """Return the flag by which messages name an option."""
    return option.flags[0] if option.flags else f"--{name.replace('_', '-')}"


def _type(option: Option, default: Any) -> Any:
    return type(default) if option.kind is Kind.CHOICE else _TYPES[option.kind]


def _info(name: str, option: Option, help_text: str = "") -> Any:
    text = help_text or option.help
    if option.kind is Kind.TARGETS:
        return typer.Argument(metavar=option.metavar, show_default=False, help=text)
    flags = option.flags or (flag_of(name, option),)
    more: dict[str, Any] = {"metavar": option.metavar or None, "rich_help_panel": option.panel.value}
    if option.kind in _COMPLETIONS:
        more["autocompletion"] = _COMPLETIONS[option.kind]
    if option.kind is Kind.RATE:
        more["parser"] = parse_rate
    if option.kind is Kind.RETRIES:
        more["parser"] = parse_retries
    if option.kind is Kind.COUNT:
        more |= {"min": 0, "max": option.most}
    if option.kind is Kind.VERBOSITY:
        more |= {"count": True, "show_default": False}
    return typer.Option(*flags, help=text, **more)
