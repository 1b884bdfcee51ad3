"""Finds the line of a TOML text on which a key stands, which tomllib forgets, and bounds its nesting.

Headers and `key =` lines are enough: where they are not (an inline table, say) the nearest enclosing line is named.
The text is walked once and an index kept, so that asking for many keys costs no more than asking for one.
"""

import re
from functools import cached_property
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""A path of keys; entries of arrays by their index, from 0."""

MOST_DEEP = 32
"""Maximum number of parts of a dotted key. tomllib's time grows with the square of it."""

_HEADER = re.compile(r"\s*(\[\[|\[)\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_TOO_DEEP = re.compile(rf"(?:^|[\[{{,])[ \t]*+(?:{_PART}[ \t]*+\.[ \t]*+){{{MOST_DEEP}}}", re.MULTILINE)


def too_deep(text: str) -> int | None:
    """Return the line of a dotted key with more than `MOST_DEEP` parts, if there is one. Linear in the text."""
    found = _TOO_DEEP.search(text)
    return text.count("\n", 0, found.end()) + 1 if found else None


class KeyLines:
    """The lines of the keys of a TOML text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def line(self, keys: KeyPath) -> int | None:
        """Return the line of the longest beginning of `keys` that is spelled out, counted from 1."""
        lengths = range(len(keys), 0, -1)
        return next((self._index[keys[:length]] for length in lengths if keys[:length] in self._index), None)

    @cached_property
    def _index(self) -> dict[KeyPath, int]:
        index: dict[KeyPath, int] = {}
        prefix: KeyPath = ()
        counts: dict[KeyPath, int] = {}
        for number, line in enumerate(self._text.split("\n"), 1):
            if header := _HEADER.match(line):
                prefix = _enter(_words(header[2]), counts, repeated=header[1] == "[[")
                index.setdefault(prefix, number)
            elif key := _KEY.match(line):
                index.setdefault(prefix + _words(key[1]), number)
        return index


def key_path(keys: KeyPath) -> str:
    """Return keys as a person writes them: `expect[2].ports`; entries count from 1."""
    words = ""
    for key in keys:
        words += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if words else key
    return words


def _enter(names: tuple[str, ...], counts: dict[KeyPath, int], *, repeated: bool) -> KeyPath:
    """Return the path of a header: names, with the index of the current entry after each repeated one."""
    path: KeyPath = ()
    for depth, name in enumerate(names, 1):
        path = (*path, name)
        if repeated and depth == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))
