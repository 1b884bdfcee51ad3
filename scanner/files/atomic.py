"""A file that is there whole or not at all.

It is written beside its place and renamed over it once it is on the disk (fsync of the file, rename, fsync of the
folder), so that a reader sees the old file or the new one. Where the system can (Linux, O_TMPFILE), the new file has
no name until it is whole: even a process that is killed leaves nothing behind. Elsewhere it has a hidden one.

The folder is tried in `open`, so that a place that cannot be written is known before anything is scanned. A link
stays a link: the file that it points to is replaced. But in a folder that everybody may write to, a link of another
user is refused, as Linux refuses to open it (proc(5), protected_symlinks): it could lead to any file of ours. An
existing file's mode and owner are kept.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scanner.core.errors import OutputFailed
from scanner.core.sanitise import sanitise

_CURES = {
    errno.ENOENT: "make its folder first or choose another",
    errno.ENOTDIR: "part of the path is a file; choose another",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that is not read-only",
    errno.ENOSPC: "make room or choose another disk",
    errno.EDQUOT: "make room or choose another disk",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EISDIR: "name a file in it",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "its links point at each other; choose another",
}

PARTIAL = ".partial"
"""What is added to the name of a file that an interrupted run wrote."""

_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
"""What a kernel or a file system says that does not know O_TMPFILE (open(2))."""


class AtomicFile:
    """A file that appears in its place on `commit`, or never. Text is written as UTF-8."""

    def __init__(self, path: str) -> None:
        self.reader_gone = False
        self._path = path
        self._target = Path()
        self._stream: BinaryIO | None = None
        self._name: Path | None = None
        self.note = ""
        """Where the file is, if it is not in its place; set by `commit`."""

    def open(self) -> None:
        """Begin the new file. Raises OutputFailed where the place cannot be written."""
        with reporting_failures(self._path):
            _refuse_foreign_link(Path(self._path))
            self._target = Path(os.path.realpath(self._path))
            _check_target(self._target)
            self._stream = os.fdopen(self._begin(), "wb")

    def write(self, text: str) -> None:
        """Add text. Raises OutputFailed (a full disk), and then nothing is left behind."""
        self.write_bytes(text.encode())

    def write_bytes(self, data: bytes) -> None:
        """Add bytes. Raises OutputFailed (a full disk), and then nothing is left behind."""
        with self._all_or_nothing() as stream:
            stream.write(data)

    def flush(self) -> None:
        """Do nothing: the file cannot be read before it is whole."""

    def commit(self, *, partial: bool = False) -> None:
        """Put the file in its place, or with `partial` beside it as `FILE.partial`, where it replaces nothing whole.

        Raises OutputFailed, and then nothing is left behind.
        """
        target = self._target.with_name(self._target.name + PARTIAL) if partial else self._target
        with self._all_or_nothing() as stream:
            stream.flush()
            _take_over(stream.fileno(), self._target)
            os.fsync(stream.fileno())
            self._named(stream.fileno()).replace(target)
            self._name = None
            stream.close()
            _sync_folder(self._target.parent)
        self._stream = None
        if partial:
            path = sanitise(self._path)
            kept = f"; {path} is still that of an earlier run" if self._target.exists() else ""
            self.note = f"interrupted: what was settled is in {path}{PARTIAL}{kept}"

    def discard(self) -> None:
        """Leave nothing behind. May be called at any time, and again."""
        stream, name = self._stream, self._name
        self._stream = self._name = None
        if stream:
            with contextlib.suppress(OSError):  # what cannot be written is not wanted any more
                stream.close()
        if name:
            name.unlink(missing_ok=True)

    def _begin(self) -> int:
        nameless = getattr(os, "O_TMPFILE", 0) if Path("/proc/self/fd").is_dir() else 0
        if nameless:
            try:
                return os.open(self._target.parent, os.O_WRONLY | nameless | os.O_CLOEXEC, 0o666)
            except OSError as error:
                if error.errno not in _NO_NAMELESS or not self._target.parent.is_dir():
                    raise
        self._name = self._hidden_name()
        return os.open(self._name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def _named(self, descriptor: int) -> Path:
        """The hidden name of the file, given to it now if it had none."""
        if self._name is None:
            name = self._hidden_name()
            # Only linkat(2) follows this link; Python calls it where a folder's descriptor is given.
            folder = os.open(name.parent, os.O_RDONLY)
            try:
                source = f"/proc/self/fd/{descriptor}"
                os.link(source, name.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=True)
            finally:
                os.close(folder)
            self._name = name
        return self._name

    def _hidden_name(self) -> Path:
        return self._target.with_name(f".{self._target.name[:200]}.{secrets.token_hex(4)}.part")

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[BinaryIO]:
        assert self._stream is not None, "open() comes first"
        try:
            with reporting_failures(self._path):
                yield self._stream
        except OutputFailed:
            self.discard()
            raise


def make_folder_of(path: str) -> None:
    """Make the folder that a file is to lie in, and those above it, where they are missing. Raises OutputFailed."""
    folder = Path(path).parent
    if not folder.exists():
        with reporting_failures(path):
            folder.mkdir(parents=True, exist_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`, whole and on the disk or not at all. Raises OutputFailed."""
    file = AtomicFile(str(path))
    file.open()
    try:
        file.write_bytes(data)
        file.commit()
    finally:
        file.discard()


def write_problem(path: Path) -> str:
    """What stands in the way of writing a file, in words; empty where nothing does. Touches nothing.

    Folders that are missing are no problem where they could be made.
    """
    if path.is_dir():
        return "is a folder"
    if path.exists() and not os.access(path, os.W_OK):
        return "is write-protected"
    folder = next(place for place in path.absolute().parents if place.exists())
    if not folder.is_dir():
        return "part of the path is a file"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"you may not write to {folder}"


@contextlib.contextmanager
def reporting_failures(path: str) -> Iterator[None]:
    """Turn what the system says about `path` into the one line of OutputFailed."""
    try:
        yield
    except ValueError as error:  # a NUL in the path
        raise OutputFailed(f"{sanitise(path)}: cannot be written: {error}") from error
    except OSError as error:
        words = os.strerror(error.errno or 0).lower()
        cure = _CURES.get(error.errno or 0, "")
        raise OutputFailed(f"{sanitise(path)}: cannot be written: {words}" + (f"; {cure}" if cure else "")) from error


def _refuse_foreign_link(path: Path) -> None:
    """Raise OutputFailed for a link in a shared folder that belongs neither to us nor to the folder's owner."""
    try:
        link, folder = path.lstat(), path.absolute().parent.stat()
    except OSError:
        return  # there is nothing yet, or opening says what is wrong
    shared = stat.S_ISVTX | stat.S_IWOTH
    is_shared_link = stat.S_ISLNK(link.st_mode) and folder.st_mode & shared == shared
    if is_shared_link and link.st_uid not in (os.geteuid(), folder.st_uid):
        problem = "is a link of another user in a shared folder; remove it or choose another folder"
        raise OutputFailed(f"{sanitise(str(path))}: {problem}")


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    effective = os.access in os.supports_effective_ids
    if target.exists() and not os.access(target, os.W_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, "is write-protected")


def _take_over(descriptor: int, target: Path) -> None:
    """Give the new file the mode and, where we may, the owner of the one that it replaces."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot; the rename is done all the same
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
