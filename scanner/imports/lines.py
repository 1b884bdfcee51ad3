"""Lines of a source with their numbers, in bounded memory.

A line may be long (nmap's -oG has one a host, with up to 65,535 ports), but not endless. Bytes that are not UTF-8 are
kept as escapes: a process may have any name.
"""

from collections.abc import Iterator

from scanner.imports.interface import Source

LONGEST_LINE = 16 << 20
"""Bytes of a line."""


def lines_of(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line number, from 1, and text without its end. Raises InvalidInput for what is not text."""
    source.stream.seek(0)
    for number, raw in enumerate(iter(lambda: source.stream.readline(LONGEST_LINE + 1), b""), 1):
        if len(raw) > LONGEST_LINE:
            raise source.refuse(number, f"the line is longer than {LONGEST_LINE >> 20} MiB")
        if b"\0" in raw:
            raise source.refuse(number, "holds a NUL byte, so it is not a text file")
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8", "backslashreplace")
        yield number, text.rstrip("\r\n")
