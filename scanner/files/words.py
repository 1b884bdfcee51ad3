"""Words from lists, each with the place where it stands, for errors to point at.

A list is whitespace-separated words with `#` comments. An address followed by its netmask or wildcard mask is one
network (`core/targets/masks.py`).
"""

from collections.abc import Iterator, Sequence

from scanner.core.errors import InvalidInput
from scanner.core.targets.masks import joined_masks
from scanner.core.targets.targets import Word
from scanner.files.text import shown_name, text_lines

LARGEST_FILE = 256 << 20
"""In bytes; no list of targets is larger."""


def file_words(path: str) -> Iterator[Word]:
    """Yield the words of a file; `-` is standard input.

    Raises:
        InvalidInput: the file cannot be read, is not text, or has a line that could mean two things.
    """
    name = shown_name(path)
    for number, line in enumerate(text_lines(path, most=LARGEST_FILE), start=1):
        where = f"{name}:{number}"
        for text in _line_words(line.partition("#")[0].split(), where):
            yield Word(text, where)


def _line_words(words: list[str], where: str) -> Sequence[str]:
    if len(words) < 2:
        return words
    try:
        return joined_masks(words)
    except ValueError as error:
        raise InvalidInput(str(error), where=where) from None
