"""Ports as TOML files write them: `22`, `"https"`, `"8000-8010"`, `"U:53"`, one or a list of them."""

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from scanner.core.targets.ports import FIRST, LAST


def _is_port_word(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{_toml(value)} is not a port; write a number, or text as for -p")  # noqa: TRY004
    if not FIRST <= value <= LAST:
        raise ValueError(f"{value} is not a port; ports are {FIRST} to {LAST}")
    return value


def _are_port_words(value: Any) -> Any:
    return value if isinstance(value, list) else [_is_port_word(value)]


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


PortWord: TypeAlias = Annotated[int | str, BeforeValidator(_is_port_word)]
"""One port, range, name or class."""

PortWords: TypeAlias = Annotated[list[PortWord], BeforeValidator(_are_port_words)]
"""Several, or a single one without brackets."""
