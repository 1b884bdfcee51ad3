"""The JSON objects of a file, one after the other, in bounded memory: one a line, or in one array.

`json` has no streaming parser, but it finds the end of the next value in a buffer (`raw_decode`). Between the values
stand white space and, in an array, commas; an array that does not end is a truncated file.
"""

import json
from collections.abc import Iterator
from typing import Any

from scanner.imports.interface import Source

JSON_CHUNK_BYTES = 1 << 16
"""Bytes that are read at a time."""
LONGEST_VALUE = 8 << 20
"""Characters of one value."""

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def objects_of(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each object with the line on which it begins.

    Raises:
        InvalidInput: a value is no object, the text is no JSON, or it ends too early; with the line.
    """
    text = _Text(source)
    in_array = text.take("[")
    first = True
    while True:
        if in_array and text.take("]"):
            break
        if text.ended:
            if in_array:
                raise source.refuse(text.line, "the file ends inside of the list: it is truncated")
            return
        if in_array and not first and not text.take(","):
            raise source.refuse(text.line, "no comma between two values")
        if in_array and not first and text.take("]"):  # masscan ended its list so for years
            break
        line = text.line
        yield line, text.value()
        first = False
    if not text.ended:
        raise source.refuse(text.line, "something follows the end of the list: two files in one?")


class _Text:
    """A file's text and how far it was read."""

    def __init__(self, source: Source) -> None:
        source.stream.seek(0)
        self._source = source
        self._buffer, self._at, self.line = "", 0, 1
        self._done = False

    @property
    def ended(self) -> bool:
        """Whether nothing but white space is left."""
        return not self._skip_space()

    def take(self, mark: str) -> bool:
        """Skip white space, then a mark if it is the next character; return whether it was."""
        found = self._skip_space() and self._buffer[self._at] == mark
        self._at += found
        return found

    def value(self) -> dict[str, Any]:
        """Return the next value."""
        while True:
            try:
                found, end = _DECODER.raw_decode(self._buffer, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more(error):
                    raise self._broken(error) from None
                continue
            if end == len(self._buffer) and self._fill():  # a number may go on
                continue
            if not isinstance(found, dict):
                raise self._source.refuse(self.line, f"{str(found)[:40]!r} is not a JSON object")
            self.line += self._buffer.count("\n", self._at, end)
            self._at = end
            return found

    def _more(self, error: json.JSONDecodeError) -> bool:
        """Read on where the value may only not be whole yet."""
        if len(self._buffer) - self._at > LONGEST_VALUE:
            raise self._source.refuse(self.line, f"a value is longer than {LONGEST_VALUE >> 20} million characters")
        near_end = len(self._buffer) - error.pos < JSON_CHUNK_BYTES or "Unterminated string" in error.msg
        return near_end and self._fill()

    def _broken(self, error: Exception) -> Exception:
        if isinstance(error, json.JSONDecodeError):
            line = self.line + self._buffer.count("\n", self._at, error.pos)
            cut = error.pos >= len(self._buffer.rstrip()) or error.msg.startswith("Unterminated")
            return self._source.refuse(line, "the file is truncated" if cut else f"is not JSON: {error.msg}")
        return self._source.refuse(self.line, "is nested too deeply")

    def _skip_space(self) -> bool:
        """Skip white space; return whether something follows."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _SPACE:
                self.line += self._buffer[self._at] == "\n"
                self._at += 1
            if self._at < len(self._buffer):
                return True
            if not self._fill():
                return False

    def _fill(self) -> bool:
        if self._done:
            return False
        raw = self._source.stream.read(JSON_CHUNK_BYTES)
        raw += self._source.stream.readline(JSON_CHUNK_BYTES) if raw else b""  # so that no character is cut in two
        self._done = not raw
        self._buffer = self._buffer[self._at :] + raw.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
        self._at = 0
        return bool(raw)
