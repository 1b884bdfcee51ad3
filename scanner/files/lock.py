"""A lock that the kernel holds, so that a run that was killed does not hold it any more.

A file with a process id in it lies after a crash; flock(2) belongs to the open file and goes with the process. Any
file will do that both runs name, the audit file itself for one: it needs no right to write, and nothing is left.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scanner.core.errors import AlreadyRunning, OutputFailed


@contextmanager
def lock_held(path: Path, what: str, *, create: bool = False) -> Iterator[None]:
    """Hold the lock on a file while the block runs; `create` makes the file where it is not there.

    Raises:
        AlreadyRunning: somebody else holds it; `what` says what they are doing.
        OutputFailed: the file cannot be opened or locked.
    """
    flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutputFailed(f"{path}: the lock cannot be opened: {error.strerror}") from None
    try:
        _lock(descriptor, path, what)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise AlreadyRunning(f"{what} is already running ({path} is locked)") from None
        raise OutputFailed(f"{path}: cannot be locked: {error.strerror}") from None
