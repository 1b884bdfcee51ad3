"""Where an output goes: a file that appears whole, standard output, or a device or pipe that is there already.

`destination_for` chooses by what the path is, as `tee` or `curl -o` would: `-` is standard output; a device, a FIFO or
`/dev/fd/63` (a shell's `>(gzip > x.gz)`) is written to and never replaced by a file; anything else is a file.

An interrupted run must not replace the complete file of the run before. It commits with `partial`: its file is then
called `FILE.partial`, and `note` says so. Streams have nothing to replace.

When the reader of a pipe goes away (`| head`), that is no failure: the rest is dropped quietly and `reader_gone` lets
the sweep stop.
"""

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

from scanner.core.errors import OutputFailed
from scanner.files.atomic import AtomicFile, reporting_failures

STANDARD_OUTPUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
"""The paths that mean standard output; replacing what they point to would cut it off from the shell."""


class Destination(Protocol):
    """Takes text, and keeps all of it or nothing where it can."""

    reader_gone: bool
    """Whether the reader of what is written here has gone."""
    note: str
    """What a user should know of where the result is, once it is committed; else empty."""

    def open(self) -> None:
        """Get ready. Raises OutputFailed where this cannot be written to."""
        ...

    def write(self, text: str) -> None:
        """Add text. Raises OutputFailed."""
        ...

    def flush(self) -> None:
        """Hand what was written to the reader now, if there may be one. Raises OutputFailed."""
        ...

    def commit(self, *, partial: bool = False) -> None:
        """Make it last. `partial`: not at the cost of an earlier file that is complete. Raises OutputFailed."""
        ...

    def discard(self) -> None:
        """Leave nothing half-written behind, where that can be helped. May be called at any time."""
        ...


def destination_for(path: str) -> Destination:
    """Return the destination that a path on the command line means."""
    if path in STANDARD_OUTPUT:
        return StandardStream()
    return Device(path) if _is_device(path) else AtomicFile(path)


def collide(first: str, second: str) -> bool:
    """Whether two paths mean one file or standard output, so that one output would spoil the other."""
    if first in STANDARD_OUTPUT or second in STANDARD_OUTPUT:
        return first in STANDARD_OUTPUT and second in STANDARD_OUTPUT
    return os.path.realpath(first) == os.path.realpath(second) and not _is_device(first)


class _Stream:
    """What standard streams and devices share: bytes go out at once or on flush, and cannot be taken back."""

    def __init__(self, name: str) -> None:
        self.reader_gone = False
        self.note = ""
        self._name = name
        self._stream: BinaryIO | None = None

    def write(self, text: str) -> None:
        """Add text, unless its reader has gone. Raises OutputFailed."""
        self._try(text.encode())

    def flush(self) -> None:
        """Hand it to the reader. Raises OutputFailed."""
        self._try(b"")

    def _try(self, data: bytes) -> None:
        assert self._stream is not None, "open() comes first"
        if self.reader_gone:
            return
        with reporting_failures(self._name):
            try:
                self._stream.write(data)
                if not data:
                    self._stream.flush()
            except BrokenPipeError:
                self.reader_gone = True
                self._silence(self._stream)

    @staticmethod
    def _silence(stream: BinaryIO) -> None:
        """Let what is still buffered go nowhere, or the interpreter complains when it flushes it on exit."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class StandardStream(_Stream):
    """Standard output, or another stream of the process. Never closed here."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream`: where to; standard output, as it is when `open` is called, by default."""
        super().__init__("standard output")
        self._given = stream

    @property
    def text(self) -> TextIO:
        """The stream itself. Raises OutputFailed where the process was started without one."""
        stream: TextIO | None = self._given or sys.stdout
        if stream is None:
            raise OutputFailed("standard output is closed; name a file with -o")
        return stream

    def open(self) -> None:
        """Find the stream. Raises OutputFailed."""
        self.text.flush()
        self._stream = self.text.buffer

    def commit(self, *, partial: bool = False) -> None:  # noqa: ARG002 - there is no earlier one to keep
        """Hand the rest to the reader. Raises OutputFailed."""
        self.flush()

    def discard(self) -> None:
        """Nothing: what is gone cannot be taken back."""


class Device(_Stream):
    """A device, FIFO or descriptor that is there already. Opened for writing, never replaced."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._path = path

    def open(self) -> None:
        """Open it. Raises OutputFailed, also for a FIFO without a reader, where waiting would hang in silence."""
        try:
            with reporting_failures(self._path):
                descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OutputFailed as failure:
            if isinstance(failure.__cause__, OSError) and failure.__cause__.errno == errno.ENXIO:
                raise OutputFailed(f"{failure}; start its reader first") from failure
            raise
        os.set_blocking(descriptor, True)
        self._stream = os.fdopen(descriptor, "wb")

    def commit(self, *, partial: bool = False) -> None:  # noqa: ARG002 - there is no earlier one to keep
        """Write the rest and close it. Raises OutputFailed."""
        self.flush()
        self.discard()

    def discard(self) -> None:
        """Close it; what is gone cannot be taken back."""
        stream, self._stream = self._stream, None
        if stream:
            with contextlib.suppress(OSError):  # what cannot be written is not wanted any more
                stream.close()


def _is_device(path: str) -> bool:
    """Whether something is there that is neither a file nor a folder, or that another process opened for us."""
    if path.startswith(("/dev/fd/", "/proc/self/fd/")) or path == "/dev/stderr":
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
