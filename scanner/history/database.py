"""One SQLite file: opened, brought to the current version, and with every failure turned into one clear line.

WAL mode lets `history` and `diff` read while a sweep writes. `synchronous=NORMAL` is enough for the promise that
is made: after a power cut the last waves may be missing, but what is there is whole, and a resumed sweep
probes again what is missing.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from scanner.core.errors import HistoryUnusable
from scanner.history.schema import STEPS, VERSION

APPLICATION_ID = 0x73636E72
"""Marks the file as ours (`scnr`), so that no other program's database is ever written to."""

LOCK_PATIENCE = 10.0
"""Seconds to wait for another process's transaction."""

_SETTINGS = ("synchronous = NORMAL", "cache_size = -65536", "temp_store = MEMORY", "wal_autocheckpoint = 8000")
"""64 MiB of pages in memory, and a log of up to 32 MiB: a whole wave of open endpoints fits into either."""

_WHAT = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: "is locked by another program; try again when that has ended",
        sqlite3.SQLITE_LOCKED: "is locked by another program; try again when that has ended",
        sqlite3.SQLITE_READONLY: "cannot be written; choose another place with --history FILE",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened; choose another place with --history FILE",
        sqlite3.SQLITE_PERM: "may not be opened; choose another place with --history FILE",
        sqlite3.SQLITE_FULL: "is on a full disk; make room",
        sqlite3.SQLITE_IOERR: "cannot be read or written (input/output error); check the disk",
        sqlite3.SQLITE_CORRUPT: "is damaged; move it away, and a new one is begun",
        sqlite3.SQLITE_NOTADB: "is not a history; move it away, or choose another with --history FILE",
    }
)
"""What SQLite's primary result codes mean to whoever runs this."""


class Database:
    """An open history file at the current version."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open it, and with `create` make it, for its owner alone, where it is not there yet. One that may
        not be written (on a medium that is read-only, say) can still be read.

        Raises:
            HistoryUnusable: it is not there, locked, damaged, read-only, somebody else's, or newer than this.
        """
        self.path = path
        with reported(path):
            _make(path, create=create)
            self._fixed = not create and not os.access(path, os.W_OK)
            where = path.absolute().as_uri() + ("?immutable=1" if self._fixed else "")
            self.connection = sqlite3.connect(where, timeout=LOCK_PATIENCE, isolation_level=None, uri=True)
        try:
            with reported(path):
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
        """Everything in the block or nothing of it. Raises HistoryUnusable."""
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
        """A connection for reading. Raises HistoryUnusable."""
        with reported(self.path):
            yield self.connection

    def _begin(self) -> None:
        version = self._one("PRAGMA user_version")
        if version > VERSION:
            raise HistoryUnusable(
                f"{self.path}: was written by a newer version of this program "
                f"(its schema is {version}, this knows {VERSION}); use that, or another --history FILE"
            )
        if self._one("PRAGMA application_id") != APPLICATION_ID and self._one("SELECT count(*) FROM sqlite_schema"):
            raise HistoryUnusable(f"{self.path}: {_WHAT[sqlite3.SQLITE_NOTADB]}")
        if self._fixed:
            if version < VERSION:
                raise HistoryUnusable(f"{self.path}: is of an older version and cannot be written; copy it first")
            return
        self._one("PRAGMA journal_mode = WAL")
        for setting in _SETTINGS:
            self.connection.execute(f"PRAGMA {setting}")
        if version < VERSION:
            self._migrate()

    def _migrate(self) -> None:
        """Take the steps that are missing. Another process may be doing so at the same time."""
        with self.transaction() as connection:
            for step in range(self._one("PRAGMA user_version"), VERSION):
                for statement in statements(STEPS[step]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {step + 1}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _one(self, query: str) -> int:
        return self.connection.execute(query).fetchone()[0]  # type: ignore[no-any-return]


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit what is under way."""
    return (statement for each in script.split(";") if (statement := each.strip()))


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into the one line of HistoryUnusable."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise HistoryUnusable(f"{path}: {_WHAT.get(code, f'fails: {error}')}") from error
    except OSError as error:
        words = os.strerror(error.errno or 0).lower()
        raise HistoryUnusable(f"{path}: cannot be opened ({words}); choose another --history FILE") from error


def _make(path: Path, *, create: bool) -> None:
    """Make the file, readable for its owner alone; SQLite gives the same mode to the files beside it."""
    if path.exists():
        return
    if not create:
        raise HistoryUnusable(f"{path}: there is no history yet; `scanner scan` and `scanner sweep` begin one")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
