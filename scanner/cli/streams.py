"""Standard streams that were closed before we started, or that cannot take what we write.

A closed stream leaves its number to the next file or socket that is opened: findings would be written into a probe.
So each number is held, as GNU's `stdopen` does it, by /dev/null opened the wrong way round, and reading from it or
writing to it fails. Python leaves `None` in `sys.stdout`, and what writes there asks; in `sys.stderr` it must not
stay, since `print(file=None)` prints to standard output, where only data belongs.
"""

import errno
import os
import sys

from scanner.core.sanitise import sanitise

_HELD_BY = {0: os.O_WRONLY, 1: os.O_RDONLY, 2: os.O_RDWR}
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def hold_closed_streams() -> None:
    """See that the descriptors 0, 1 and 2, `sys.stdin` and `sys.stderr` are there. First thing in a process."""
    for number, flags in _HELD_BY.items():  # ascending: open(2) gives the lowest number that is free
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lasts as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - it lasts as long as the process


def output_failure(error: Exception) -> str:
    """Why standard output cannot take what was written, if that is what `error` is about; else empty.

    Files and sockets are opened where their errors are understood, so what arrives here without a file's name and
    with one of these numbers came from a plain write.
    """
    if sys.stdout is None:
        return os.strerror(errno.EBADF).lower()
    if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
        return os.strerror(error.errno).lower()
    return ""


def silence_output() -> None:
    """Let what is still buffered go nowhere, or the interpreter complains when it flushes it on exit."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def warn(text: str) -> None:
    """Print one line for the user on standard error, under the program's name."""
    print(f"scanner: {sanitise(text)}", file=sys.stderr)


def say_nothing(_: str) -> None:
    """Drop a warning, for `--quiet`."""
