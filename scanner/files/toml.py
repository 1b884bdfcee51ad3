"""TOML files that people write: read whole, checked by a pydantic model, complaints named to the line.

pydantic knows the path of keys at which something is wrong, tomllib forgets where keys stood. So the text
is walked once more, only when there is something to complain of: headers and `key =` lines are enough to find
the line again, and where they are not (an inline table, say) the nearest enclosing line is named.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from scanner.core.errors import InvalidInput
from scanner.core.sanitise import sanitise
from scanner.core.targets.ranges import network_span

Model = TypeVar("Model", bound=BaseModel)

MOST_TOML_BYTES = 16 * 1024 * 1024
"""A larger file is not something a person wrote."""

NonEmptyText: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]
"""A text that may not be empty."""

_HEADER = re.compile(r"\s*(\[\[|\[)\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")
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
    """A file that was read and found right."""

    path: Path
    """Where it was read."""
    content: Model
    """What it says."""
    sha256: str
    """Hex digest of its bytes."""
    text: str
    """Its text, for naming lines later."""

    def line(self, *keys: str | int) -> int | None:
        """The line that spells out a path of keys, or the nearest around it."""
        return _line_of(self.text, keys)

    def where(self, *keys: str | int) -> str:
        """`file:line: key.path` of a path of keys."""
        return place(self.path, self.text, keys)

    def wrong(self, problem: str, *keys: str | int, cure: str = "") -> InvalidInput:
        """The error for something wrong at a path of keys, that the model could not know."""
        return InvalidInput(problem, where=self.where(*keys), cure=cure)


def read_toml(path: Path, model: type[Model]) -> TomlFile[Model]:
    """Read and check a file.

    Raises:
        InvalidInput: it cannot be read, is not TOML, or is not what the model wants; with file and line.
    """
    data = _read(path)
    text = _decode(path, data)
    try:
        content = model.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise _not_valid(path, text, error) from None
    except ValueError as error:  # TOMLDecodeError, and numbers with thousands of digits
        raise _not_toml(path, error) from None
    except RecursionError:
        raise InvalidInput("is nested too deeply", where=str(path)) from None
    return TomlFile(path, content, hashlib.sha256(data).hexdigest(), text)


def place(path: Path, text: str, keys: tuple[str | int, ...]) -> str:
    """`file:line: key.path` of a path of keys in a text, as exactly as it can be found."""
    line = _line_of(text, keys)
    where = f"{path}:{line}" if line else f"{path}"
    return f"{where}: {sanitise(key_path(keys))}" if keys else where


def key_path(keys: tuple[str | int, ...]) -> str:
    """Keys as a person writes them: `expect[2].ports`; entries count from 1."""
    words = ""
    for key in keys:
        words += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if words else key
    return words


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_TOML_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(data) > MOST_TOML_BYTES:
        raise InvalidInput(f"is larger than {MOST_TOML_BYTES >> 20} MiB", where=str(path))
    return data


def _decode(path: Path, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput("is not UTF-8 text", where=f"{path}:{line}") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InvalidInput("holds a NUL byte", where=f"{path}:{line}")
    return text.replace("\r\n", "\n")


def _not_toml(path: Path, error: ValueError) -> InvalidInput:
    words = str(error)
    found = _AT_LINE.search(words)
    where = f"{path}:{found[1]}" if found else str(path)
    return InvalidInput("is not TOML: " + sanitise(_AT_LINE.sub("", words).strip()), where=where)


def _not_valid(path: Path, text: str, error: ValidationError) -> InvalidInput:
    problems = error.errors(include_url=False)
    first = problems[0]
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        problem = "unknown key"
    if len(problems) > 1:
        problem += f" (and {len(problems) - 1} more)"
    return InvalidInput(sanitise(problem), where=place(path, text, first["loc"]))


def _line_of(text: str, keys: tuple[str | int, ...]) -> int | None:
    """The line of the longest beginning of `keys` that a header or a `key =` line spells out."""
    best, best_length = None, 0
    prefix: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            prefix = _enter(_words(header[2]), counts, repeated=header[1] == "[[")
            spelled = prefix
        elif key := _KEY.match(line):
            spelled = prefix + _words(key[1])
        else:
            continue
        length = len(spelled)
        if best_length < length <= len(keys) and spelled == keys[:length]:
            best, best_length = number, length
    return best


def _enter(
    names: tuple[str, ...], counts: dict[tuple[str | int, ...], int], *, repeated: bool
) -> tuple[str | int, ...]:
    """The path of a header: names, with the index of the current entry after each repeated one."""
    path: tuple[str | int, ...] = ()
    for depth, name in enumerate(names, 1):
        path = (*path, name)
        if repeated and depth == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))
