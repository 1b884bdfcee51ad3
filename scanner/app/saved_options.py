"""What a sweep was started with, kept in the history so that `scanner resume` goes on alike.

Which options are kept, and which of them are paths, is said where they are declared (`options.py`). Paths are made
absolute, because a resumed sweep may start in another folder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scanner.app.option import Kind, Option, options_of
from scanner.app.options import ScanOptions, shown_words
from scanner.app.prepare import Prepared
from scanner.config.local_zone import local_zone
from scanner.core.model import Address
from scanner.outputs.formats import OutputRequest

STANDARD = "-"
"""The path that means a standard stream."""


@dataclass(frozen=True, slots=True)
class KeptSettings:
    """The settings of an earlier run."""

    options: ScanOptions
    """What the user asked for."""
    excluded: int
    """How many endpoints the exclusions took out."""
    hostnames: Mapping[Address, str]
    """The name by which an address was asked for."""


def saved_settings(options: ScanOptions, prepared: Prepared) -> Mapping[str, object]:
    """Return everything that is not in the plan, ready for JSON."""
    kept = {
        name: _SAVED.get(option.kind, _as_it_is)(getattr(options, name))
        for name, (option, default) in options_of(ScanOptions).items()
        if option.kept and getattr(options, name) != default
    }
    names = {str(address): name for address, name in prepared.hostnames.items()}
    return {"options": kept, "excluded": prepared.excluded, "hostnames": names, "zone": str(local_zone())}


def kept_settings(settings: Mapping[str, Any]) -> KeptSettings:
    """Return what `saved_settings` made. Raises ValueError for settings of a version that this one cannot read."""
    declared = options_of(ScanOptions)
    saved = settings["options"]
    if unknown := saved.keys() - declared.keys():
        raise ValueError(f"unknown options: {', '.join(sorted(unknown))}")
    values = {name: _restored(*declared[name], value) for name, value in saved.items()}
    return KeptSettings(
        options=ScanOptions(**values),
        excluded=settings["excluded"],
        hostnames={ip_address(address): name for address, name in settings["hostnames"].items()},
    )


def _lasting(path: object) -> str | None:
    """Return a path that means the same from every folder; None for a value that is no path."""
    if not isinstance(path, str | Path):
        return None
    return str(path) if str(path) in ("", STANDARD) else str(Path(path).absolute())


def _word(choice: Any) -> str:
    """Return the word of a choice; an engine of the caller's has its own."""
    return str(choice.value if isinstance(choice, Enum) else choice.name)


def _as_it_is(value: object) -> object:
    return value


_SAVED: Mapping[Kind, Callable[[Any], object]] = MappingProxyType(
    {
        Kind.TARGETS: shown_words,
        Kind.WORDS: shown_words,
        Kind.PORTS: shown_words,
        Kind.FILES: lambda paths: [_lasting(path) for path in paths],
        Kind.FILE: _lasting,
        Kind.CHOICE: _word,
        Kind.OUTPUTS: lambda requests: [[each.format, each.absolute().path] for each in requests],
        Kind.INTERNAL: lambda value: _lasting(value) if isinstance(value, Path) else value,
    }
)
"""From a value to what JSON keeps of it, by kind; other kinds are kept as they are."""


def _restored(option: Option, default: Any, value: Any) -> Any:
    if option.kind is Kind.OUTPUTS:
        return tuple(OutputRequest(*each) for each in value)
    if option.kind is Kind.CHOICE:
        return type(default)(value)
    if isinstance(value, list):
        return tuple(value)
    return Path(value) if option.kind is Kind.INTERNAL and default is None and value else value
