"""Words from arguments and from files, each with the place where it stands, for errors to point at.

A file is whitespace-separated words with `#` comments. A byte-order mark and CRLF are accepted, since Windows
tools write them; NUL and anything that is not UTF-8 is refused, since a binary file is a mistake.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from scanner.core.errors import InvalidInput
from scanner.core.targets.targets import Word

LARGEST_FILE = 256 << 20
"""In bytes; a list of targets is smaller than this, a mistaken file may not be."""


def argument_words(texts: Sequence[str], where: str, *, split: str | None = None) -> Iterator[Word]:
    """The words of an argument that may be given several times; `split` separates words within one."""
    for text in texts:
        for part in text.split(split) if split else (text,):
            yield Word(part.strip(), where)


def file_words(path: str) -> Iterator[Word]:
    """The words of a file; `-` is standard input.

    Raises:
        InvalidInput: the file cannot be read, or is not text.
    """
    name = "standard input" if path == "-" else path
    for number, line in enumerate(_text(path, name).splitlines(), start=1):
        for text in line.partition("#")[0].split():
            yield Word(text, f"{name}:{number}")


def _text(path: str, name: str) -> str:
    try:
        data = sys.stdin.buffer.read(LARGEST_FILE + 1) if path == "-" else _read(Path(path))
    except OSError as error:
        raise InvalidInput(f"cannot be read ({error.strerror})", where=name) from error
    if len(data) > LARGEST_FILE:
        raise InvalidInput(f"larger than {LARGEST_FILE >> 20} MiB", where=name, cure="name a list of targets")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise InvalidInput("a NUL byte: this is not a text file", where=f"{name}:{line}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput("not UTF-8 text", where=f"{name}:{line}") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_FILE + 1)
