"""Opens one SQLite file, brings it to the current version, and turns every failure into one clear line.

WAL mode lets `history` and `diff` read while a sweep writes. `synchronous=NORMAL` is enough for the promise that
is made: after a power cut the last waves may be missing, but what is there is whole, and a resumed sweep
probes again what is missing.

A history on a read-only medium can be read. The latest waves may then still be in the log beside it (`-wal`): SQLite
reads them there if the log's index (`-shm`) is beside it too. Without the index the file alone would show an old
state as if it were the newest, so it is refused.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from scanner.core.errors import HistoryUnusable
from scanner.history.schema import STEPS, VERSION

APPLICATION_ID = 0x73636E72
"""Marks the file as ours (`scnr`); no other program's database is ever written to."""

LOCK_PATIENCE = 10.0
"""Seconds to wait for another process's transaction."""

_SETTINGS = ("synchronous = NORMAL", "cache_size = -65536", "temp_store = MEMORY", "wal_autocheckpoint = 8000")
"""64 MiB of pages in memory, and a log of up to 32 MiB: a whole wave of open endpoints fits into either."""

_WHAT = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: "is locked by another program; try again when that has ended",
        sqlite3.SQLITE_LOCKED: "is locked by another program; try again when that has ended",
        sqlite3.SQLITE_READONLY: "cannot be written; choose another file with --history FILE",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened; choose another file with --history FILE",
        sqlite3.SQLITE_PERM: "may not be opened; choose another file with --history FILE",
        sqlite3.SQLITE_FULL: "is on a full disk; free some space",
        sqlite3.SQLITE_IOERR: "cannot be read or written (input/output error); check the disk",
        sqlite3.SQLITE_CORRUPT: "is damaged; move it away, and the next sweep starts a new one",
        sqlite3.SQLITE_NOTADB: "is not a history; choose another file with --history FILE",
    }
)
"""What SQLite's primary result codes mean for the user."""


_NEEDS_LOG = (
    "cannot be read here: its latest changes are in the file with -wal at the end of the name, and the folder is "
    "read-only; copy both files to a folder that you may write and use --history COPY"
)
_LOG_UNREADABLE = MappingProxyType(
    _WHAT | dict.fromkeys((sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM), _NEEDS_LOG)
)


class Database:
    """An open history file at the current version. Use it in a `with` statement, or call `close`."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the file; with `create`, make it first where it does not exist, readable for its owner alone.

        Without `create`, a file that may not be written is opened for reading.

        Raises:
            HistoryUnusable: it does not exist, is locked, damaged, no history, or was written by a newer version.
        """
        self.path = path
        with reported(path):
            _make(path, create=create)
            self._read_only = not create and not _writable(path)
            self._log = self._read_only and _has_log(path)
            mode = "" if not self._read_only else "?mode=ro" if self._log else "?immutable=1"
            where = path.absolute().as_uri() + mode
            self.connection = sqlite3.connect(where, timeout=LOCK_PATIENCE, isolation_level=None, uri=True)
        try:
            with reported(path, _LOG_UNREADABLE if self._log else _WHAT):
                self._begin()
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with reported(self.path):
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything in the block, or nothing of it. Raises HistoryUnusable."""
        with reported(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled it back already.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, for reading. Raises HistoryUnusable."""
        with reported(self.path):
            yield self.connection

    def _begin(self) -> None:
        version = self._one("PRAGMA user_version")
        if version > VERSION:
            raise HistoryUnusable(
                f"{self.path}: was written by a newer version of scanner (schema {version}, this one knows {VERSION}); "
                "use that version, or another file with --history FILE"
            )
        if self._one("PRAGMA application_id") != APPLICATION_ID and self._one("SELECT count(*) FROM sqlite_schema"):
            raise HistoryUnusable(f"{self.path}: {_WHAT[sqlite3.SQLITE_NOTADB]}")
        if self._read_only:
            if version < VERSION:
                raise HistoryUnusable(
                    f"{self.path}: was written by an older version of scanner (schema {version}, this one needs "
                    f"{VERSION}) and is read-only; copy it to a folder that you may write and use --history COPY"
                )
            return
        self._one("PRAGMA journal_mode = WAL")
        for setting in _SETTINGS:
            self.connection.execute(f"PRAGMA {setting}")
        if version < VERSION:
            self._migrate()

    def _migrate(self) -> None:
        """Take the missing steps. Another process may be doing the same at the same time."""
        with self.transaction() as connection:
            for step in range(self._one("PRAGMA user_version"), VERSION):
                for statement in statements(STEPS[step]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {step + 1}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _one(self, query: str) -> int:
        return self.connection.execute(query).fetchone()[0]  # type: ignore[no-any-return]


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one: `executescript` would commit the open transaction."""
    return (statement for each in script.split(";") if (statement := each.strip()))


@contextmanager
def reported(path: Path, what: Mapping[int, str] = _WHAT) -> Iterator[None]:
    """Turn the errors of SQLite and of the system into the one line of HistoryUnusable."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise HistoryUnusable(f"{path}: {what.get(code, f'fails: {error}')}") from error
    except OSError as error:
        words = os.strerror(error.errno or 0).lower()
        raise HistoryUnusable(f"{path}: cannot be opened ({words}); choose another file with --history FILE") from error


def _writable(path: Path) -> bool:
    """Whether the file and the folder, for the files beside it, may be written."""
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)


def _has_log(path: Path) -> bool:
    """Whether a write-ahead log lies beside a history and holds something."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _make(path: Path, *, create: bool) -> None:
    """Make the file, readable for its owner alone; SQLite gives the same mode to the files beside it."""
    if path.exists():
        return
    if not create:
        raise HistoryUnusable(f"{path}: there is no history yet; `scanner scan` and `scanner sweep` start one")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
