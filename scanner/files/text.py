"""Reads files that people name: bounded, and never a thing that would hang or that is not a file.

Opening a FIFO without a writer blocks, and a device may never end, so the file is opened without blocking and
its kind is checked before a byte is read. Standard input is read whatever it is: `-` where the caller allows
it, and the names that the system gives to open descriptors (`/dev/stdin`, `/dev/fd/63` of a shell's `<(...)`).
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from scanner.core.errors import InvalidInput
from scanner.core.text import decode_text

STANDARD_INPUT = "-"
"""The name by which a list is read from standard input."""

_PART = 1 << 20
"""Bytes, and what is missing to the end of a line, that are decoded at a time."""

_DESCRIPTORS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a FIFO"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISBLK, "it is a device"),
    (stat.S_ISCHR, "it is a device"),
)


def read_text(path: Path | str, *, most: int) -> str:
    r"""Return the text of a file of at most `most` bytes with `\n` line ends.

    Raises:
        InvalidInput: it cannot be read, or is not text; with the line where there is one.
    """
    return decode_text(read_bytes(path, most=most), shown_name(path)).replace("\r\n", "\n")


def text_lines(path: Path | str, *, most: int) -> Iterator[str]:
    r"""Yield the lines of a file of at most `most` bytes, without `\n`; a part of the text at a time is in memory.

    Raises:
        InvalidInput: it cannot be read, or is not text; with the line where there is one.
    """
    data = read_bytes(path, most=most)
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _PART) + 1 or len(data)
        yield from _decoded(data, start, end, shown_name(path)).removesuffix("\n").split("\n")
        start = end


def _decoded(data: bytes, start: int, end: int, name: str) -> str:
    part = data[start:end]
    if start and b"\0" not in part:
        with suppress(UnicodeDecodeError):
            return part.decode()
    return decode_text(part if not start else data, name)  # all of it where something is wrong, to name the line


def read_bytes(path: Path | str, *, most: int) -> bytes:
    """Return the bytes of a file; the text `-` is standard input.

    Raises:
        InvalidInput: it cannot be read, is no file, or is larger than `most` bytes.
    """
    name = shown_name(path)
    try:
        data = _read(path, most + 1)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InvalidInput(f"cannot be read: {why}", where=name) from None
    except ValueError as error:  # a NUL in the path
        raise InvalidInput(f"cannot be read: {error}", where=name) from None
    if len(data) > most:
        raise InvalidInput(f"is larger than {most >> 20} MiB", where=name, cure="check that it is the right file")
    return data


def shown_name(path: Path | str) -> str:
    """Return what errors call a file."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def _read(path: Path | str, size: int) -> bytes:
    if path == STANDARD_INPUT:
        if sys.stdin is None:  # the program was started with it closed
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return sys.stdin.buffer.read(size)
    named = str(path).startswith(_DESCRIPTORS)
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | (0 if named else getattr(os, "O_NONBLOCK", 0)))
    try:
        found = os.fstat(descriptor)
        if not named:
            _check_kind(found, shown_name(path))
        if stat.S_ISREG(found.st_mode) and found.st_size:  # read() makes room for all that it may return; /proc says 0
            size = min(size, found.st_size + 1)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    finally:
        os.close(descriptor)


def _check_kind(found: os.stat_result, name: str) -> None:
    """Refuse what is not a regular file; the null device is an empty one."""
    if stat.S_ISREG(found.st_mode) or os.path.samestat(found, os.stat(os.devnull)):  # noqa: PTH116
        return
    why = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "it is not a file")
    raise InvalidInput(f"cannot be read: {why}", where=name, cure="name a file")
