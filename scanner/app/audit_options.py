"""From an audit file to the options of a sweep, by the declarations in `options.py`.

An option that says `audit=True` is a key of the audit file under its own name. Paths are relative to the file, and
words keep the line on which they stand, so that errors point at it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from scanner.app.option import Kind, Option, options_of
from scanner.app.options import ScanOptions
from scanner.config.audit import Audit, PathText, read_audit
from scanner.config.port_words import PortWords
from scanner.core.targets.targets import Word
from scanner.outputs.formats import audit_keys

Text: TypeAlias = Annotated[str, Field(strict=True, min_length=1)]
Rate: TypeAlias = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]


def read_audit_file(path: Path) -> Audit:
    """Read an audit file. Raises InvalidInput with file, line and key path."""
    return read_audit(path, options=_keys(), formats=audit_keys())


def audit_scan_options(audit: Audit) -> ScanOptions:
    """Return the options that an audit asks for; its outputs depend on the day and are added when it runs."""
    values = {
        name: _VALUES.get(option.kind, _as_it_is)(audit, name, getattr(audit.keys, name))
        for name, (option, default) in options_of(ScanOptions).items()
        if option.audit and getattr(audit.keys, name) != default
    }
    history = audit.keys.history
    return ScanOptions(
        **values,
        history=audit.beside(history) if history else None,
        no_history=history is False,
        all_open=audit.keys.outputs.all_open,
        audit=audit.name,
        audit_file=audit.path,
        quiet=True,
    )


def _keys() -> Mapping[str, Any]:
    declared = options_of(ScanOptions).items()
    return {name: (_type(option, default), default) for name, (option, default) in declared if option.audit}


def _type(option: Option, default: Any) -> Any:
    if option.kind is Kind.CHOICE:
        return type(default)
    if option.kind is Kind.RETRIES:
        return Annotated[int, Field(ge=0, le=option.most, strict=True)] | Literal["auto"] | None
    if option.kind is Kind.COUNT:
        return Annotated[int, Field(ge=0, le=option.most, strict=True)] | None
    return _TYPES[option.kind]


_TYPES: Mapping[Kind, Any] = MappingProxyType(
    {
        Kind.TARGETS: list[Text],
        Kind.WORDS: list[Text],
        Kind.PORTS: PortWords,
        Kind.FILES: list[PathText],
        Kind.FILE: PathText | None,
        Kind.TEXT: str,
        Kind.INTERFACE: str,
        Kind.RATE: Rate | None,
        Kind.SECONDS: Seconds | None,
        Kind.FLAG: Annotated[bool, Field(strict=True)],
    }
)
"""What pydantic is asked to accept, by kind."""


def _words(audit: Audit, key: str, value: list[int | str]) -> tuple[Word, ...]:
    return tuple(Word(str(text), audit.where(key, number)) for number, text in enumerate(value))


def _as_it_is(_audit: Audit, _key: str, value: Any) -> Any:
    return value


_VALUES: Mapping[Kind, Callable[[Audit, str, Any], Any]] = MappingProxyType(
    {
        Kind.TARGETS: _words,
        Kind.WORDS: _words,
        Kind.PORTS: _words,
        Kind.FILES: lambda audit, _, paths: tuple(str(audit.beside(path)) for path in paths),
        Kind.FILE: lambda audit, _, path: audit.beside(path),
        Kind.RETRIES: lambda _audit, _key, value: None if value == "auto" else value,
    }
)
"""From the key's value to the option's, by kind; other kinds are taken as they are."""
