"""A lock that the kernel holds, so that a run that was killed does not hold it any more.

A file with a process id in it lies after a crash; flock(2) belongs to the open file and goes with the process. The
locked file lies in a folder of our own: anyone who can read a file can lock it, so a lock on a world-readable audit
file would let another user keep every sweep from starting. It is named by a hash of what it stands for and is never
removed, because a lock on a removed file excludes no other run.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from scanner.core.errors import AlreadyRunning, OutputFailed


def lock_name(path: str) -> str:
    """Return the name of the lock that stands for a file, given its real path."""
    return f"{sha256(os.fsencode(path)).hexdigest()[:32]}.lock"


def lock_for(file: Path, folder: Path) -> Path:
    """Return where the lock for `file` lies in `folder`; the same by whatever links the file is reached."""
    return folder / lock_name(os.path.realpath(file))


@contextmanager
def lock_held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock on a file, which is made where it is missing, while the block runs.

    Raises:
        AlreadyRunning: another process holds it; `what` says what that is doing.
        OutputFailed: the file cannot be made, opened or locked.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise OutputFailed(f"{path}: the lock cannot be opened: {error.strerror}") from None
    try:
        _lock(descriptor, path, what)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, what: str) -> None:
    try:
        import fcntl
    except ImportError:
        raise OutputFailed(f"{what}: cannot be locked, because this system has no flock(2)") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise AlreadyRunning(f"{what} is already running ({path} is locked)") from None
        raise OutputFailed(f"{path}: cannot be locked: {error.strerror}") from None
