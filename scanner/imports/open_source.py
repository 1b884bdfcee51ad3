"""Opens a file to be imported so that it can be read twice: standard input and pipes are first copied to disk."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from scanner.core.errors import InvalidInput, os_problem
from scanner.core.model import Address
from scanner.imports.interface import Source

STANDARD_INPUT_NAME = "-"
_CHUNK = 1 << 20


@contextmanager
def opened(path: Path | str, hosts: tuple[Address, ...] = ()) -> Iterator[tuple[Source, str]]:
    """Give a source and the hex digest of its bytes; the text `-` is standard input. Raises InvalidInput."""
    name = "standard input" if str(path) == STANDARD_INPUT_NAME else str(path)
    with ExitStack() as closing:
        try:
            stream = _opened(path, closing)
            written = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
            digest = sha256()
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        except (OSError, ValueError) as error:
            why = os_problem(error).lower() if isinstance(error, OSError) else str(error)
            raise InvalidInput(f"cannot be read: {why}", where=name) from None
        yield Source(name, stream, written, hosts), digest.hexdigest()


def _opened(path: Path | str, closing: ExitStack) -> BinaryIO:
    if str(path) == STANDARD_INPUT_NAME:
        stream: BinaryIO = sys.stdin.buffer
    else:
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        stream = closing.enter_context(os.fdopen(os.open(path, flags), "rb", buffering=1 << 16))
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    copy = cast("BinaryIO", closing.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115
    shutil.copyfileobj(stream, copy, _CHUNK)
    copy.seek(0)
    return copy
