"""TOML files that people write: read whole, checked by a pydantic model, complaints named to the line.

pydantic says at which keys something is wrong, `toml_lines.py` on which line they stand, `toml_problems.py` puts
both into words.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from scanner.core.errors import InvalidInput
from scanner.core.targets.ranges import network_span
from scanner.core.text import decode_text
from scanner.files.text import read_bytes
from scanner.files.toml_lines import KeyLines, key_path, too_deep
from scanner.files.toml_problems import first_line, problems_of

Model = TypeVar("Model", bound=BaseModel)

MOST_TOML_BYTES = 16 * 1024 * 1024
"""A larger file is not something a person wrote."""

NonEmptyText: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]
"""A text that may not be empty."""

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def _is_network(text: str) -> str:
    try:
        network_span(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address or a network ({error})") from None
    return text


NetworkText: TypeAlias = Annotated[str, AfterValidator(_is_network)]
"""An address or a CIDR network without host bits."""


@dataclass(frozen=True, slots=True)
class TomlFile(Generic[Model]):
    """A file that was read and is valid."""

    path: Path
    """Its path."""
    content: Model
    """Its content."""
    sha256: str
    """Hex digest of its bytes."""
    lines: KeyLines
    """The lines of its keys."""

    def line(self, *keys: str | int) -> int | None:
        """Return the line that spells out a path of keys, or the nearest around it."""
        return self.lines.line(keys)

    def where(self, *keys: str | int) -> str:
        """Return `file:line: key.path` of a path of keys."""
        where = _at(self.path, self.lines.line(keys))
        return f"{where}: {key_path(keys)}" if keys else where

    def wrong(self, problem: str, *keys: str | int, cure: str = "") -> InvalidInput:
        """Return the error for something wrong at a path of keys that the model could not know."""
        return InvalidInput(problem, where=self.where(*keys), cure=cure)


def read_toml(path: Path, model: type[Model]) -> TomlFile[Model]:
    """Read and check a file.

    Raises:
        InvalidInput: it cannot be read, is not TOML, or is not what the model wants; with file and line.
    """
    data = read_bytes(path, most=MOST_TOML_BYTES)
    text = decode_text(data, str(path)).replace("\r\n", "\n")
    table, lines = _parse(path, text), KeyLines(text)
    try:
        content = model.model_validate(table)
    except ValidationError as error:
        where = _at(path, first_line(error, table, lines))
        raise InvalidInput(problems_of(error, table, model, lines), where=where) from None
    return TomlFile(path, content, hashlib.sha256(data).hexdigest(), lines)


def _parse(path: Path, text: str) -> dict[str, Any]:
    if line := too_deep(text):
        raise InvalidInput("is nested too deeply", where=_at(path, line))
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and numbers with thousands of digits
        words = str(error)
        found = _AT_LINE.search(words)
        where = _at(path, int(found[1]) if found else None)
        raise InvalidInput(f"is not TOML: {_AT_LINE.sub('', words).strip()}", where=where) from None
    except RecursionError:
        raise InvalidInput("is nested too deeply", where=str(path)) from None


def _at(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)
