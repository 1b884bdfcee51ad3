"""Opening a history: old ones are brought forward, bad ones are refused in one line."""

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from scanner.core.errors import HistoryUnusable
from scanner.history import database as module
from scanner.history.compare import compare_sweeps
from scanner.history.database import APPLICATION_ID, Database, statements
from scanner.history.schema import STEPS, VERSION
from scanner.history.store import Store, open_history

DATABASES = Path(__file__).with_name("databases")
"""Histories that older versions of the program wrote, as SQL."""
RELEASED = ("45c8b1bf76f6474c", "7a7b46bdf08dabf2", "fb3e67368c39e07b")
"""Digests of the steps of the schema, white space aside."""


def tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    query = "SELECT m.name, p.name FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'"
    return sorted(connection.execute(query).fetchall())


def at_version(path: Path, version: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for step in STEPS[:version]:
        for statement in statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return connection


@pytest.mark.parametrize("version", range(VERSION + 1))
def test_any_version_is_brought_to_the_current_one(tmp_path: Path, version: int) -> None:
    at_version(tmp_path / "old.db", version).close()
    with Database(tmp_path / "old.db") as old, Database(tmp_path / "new.db", create=True) as new:
        assert tables(old.connection) == tables(new.connection)
        for each in (old, new):
            assert each.connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
            assert each.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_sweep_written_by_version_1_is_read(lab: Any, world: Callable[..., Any]) -> None:
    sweep_id = await lab.sweep(world(("10.0.0.3", 8123)))
    with Database(lab.path) as now:
        rows = {
            table: now.connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("sweep", "wave", "word", "observation", "finding", "known")
        }
    old = lab.path.with_name("version1.db")
    connection = at_version(old, 1)
    for table, found in rows.items():
        width = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
        marks = ",".join("?" * width)
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [row[:width] for row in found])
    connection.close()
    with Database(old) as migrated:
        store = Store(migrated)
        (judged,) = store.judged(store.sweep(sweep_id))
        assert judged.observation.endpoint.port == 8123
        assert judged.findings[0].rule == "open-unassigned"
        assert judged.observation.identity is None


def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.db"
    Database(path, create=True).close()
    broken = (*STEPS, "CREATE TABLE extra (x); CREATE TABLE sweep (x)")
    monkeypatch.setattr(module, "STEPS", broken)
    monkeypatch.setattr(module, "VERSION", len(broken))
    with pytest.raises(HistoryUnusable):
        Database(path)
    monkeypatch.undo()
    with Database(path) as database:
        assert ("extra", "x") not in tables(database.connection)


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    at_version(path, VERSION).execute("PRAGMA user_version = 99").connection.close()
    before = path.read_bytes()
    with pytest.raises(HistoryUnusable, match=r"newer version.*schema 99"):
        Database(path)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "browser.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(HistoryUnusable, match="is not a history"):
        Database(path)
    assert path.read_bytes() == before


def test_what_is_no_database_or_damaged_is_said(tmp_path: Path) -> None:
    text, torn = tmp_path / "text.db", tmp_path / "torn.db"
    text.write_text("finding_id,sweep_id\n" * 1000)
    with pytest.raises(HistoryUnusable, match="is not a history"):
        Database(text)
    Database(torn, create=True).close()
    data = bytearray(torn.read_bytes())
    data[100:4096] = b"\xa5" * (4096 - 100)
    torn.write_bytes(data)
    with pytest.raises(HistoryUnusable, match="is damaged"):
        Database(torn)


def test_a_lock_is_waited_for_and_then_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.db"
    monkeypatch.setattr(module, "LOCK_PATIENCE", 0.01)
    with Database(path, create=True) as one, Database(path) as other, one.transaction():
        with pytest.raises(HistoryUnusable, match="is locked by another program"), other.transaction():
            pass
        assert other.connection.execute("SELECT count(*) FROM sweep").fetchone() == (0,), "reading goes on"


def test_a_history_that_is_not_there_is_only_made_on_demand(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnusable, match="there is no history yet"):
        Database(tmp_path / "h.db")
    Database(tmp_path / "deep" / "er" / "h.db", create=True).close()
    assert (tmp_path / "deep" / "er").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryUnusable, match=r"h\.db: cannot be opened"):
        Database(tmp_path / "file" / "h.db", create=True)


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with Database(path, create=True) as database:
        database.connection.execute("PRAGMA max_page_count = 40")
        rows = [(f"{number}" * 100,) for number in range(10_000)]
        with pytest.raises(HistoryUnusable, match="full disk"), database.transaction() as connection:
            connection.executemany("INSERT INTO word (text) VALUES (?)", rows)
        assert database.connection.execute("SELECT count(*) FROM word").fetchone() == (0,)


def test_a_released_step_never_changes() -> None:
    digests = [sha256(" ".join(step.split()).encode()).hexdigest()[:16] for step in STEPS]
    assert digests[: len(RELEASED)] == list(RELEASED)
    assert len(digests) == len(RELEASED), "a new step: add its digest here when it is released"


@pytest.mark.parametrize("dump", sorted(DATABASES.glob("*.sql")), ids=lambda path: path.stem)
def test_a_history_that_an_older_version_wrote_is_migrated_and_read(tmp_path: Path, dump: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(dump.read_text())
    connection.close()
    with open_history(path) as store:
        assert store.database.connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        old, new = store.sweep("last~1"), store.sweep("last")
        assert [store.summary(sweep).coverage.open for sweep in (old, new)] == [2, 1]
        assert all(sweep.complete and sweep.same_order for sweep in (old, new))
        assert sum(wave.coverage.planned for wave in store.waves(old)) == 7
        found = {(each.change.value, each.endpoint.port) for each in compare_sweeps(store, old, new).changes}
        assert found == {("closed", 31337), ("gone-finding", 31337)}


LEAVES_A_LOG = """
import os, sys
from pathlib import Path
from scanner.history.database import Database
connection = Database(Path(sys.argv[1]), create=True).connection
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
connection.execute("PRAGMA wal_autocheckpoint = 0")
connection.execute("INSERT INTO word (text) VALUES ('latest')")
os.kill(os.getpid(), 9)
"""
READS = """
import os, sys
from pathlib import Path
from scanner.core.errors import HistoryUnusable
from scanner.history.database import Database
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    with Database(Path(sys.argv[1])) as database:
        print(database.connection.execute("SELECT text FROM word").fetchall())
except HistoryUnusable as error:
    print(error)
"""


@pytest.fixture
def read_only_copy() -> Iterator[Callable[..., str]]:
    """Write a history, kill the writer, and read a read-only copy of the named files as somebody who may not write."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)

        def read(*endings: str, prepare: Callable[[Path], None] = lambda _: None) -> str:
            path, copy = home / "h.db", home / "medium"
            killed = subprocess.run([sys.executable, "-c", LEAVES_A_LOG, path], check=False)
            assert killed.returncode == -9
            assert path.with_name("h.db-wal").stat().st_size > 0
            prepare(path)
            copy.mkdir()
            for ending in ("", *endings):
                shutil.copy(f"{path}{ending}", copy / f"h.db{ending}")
                (copy / f"h.db{ending}").chmod(0o444)
            copy.chmod(0o555)
            done = subprocess.run(
                [sys.executable, "-c", READS, copy / "h.db"], capture_output=True, text=True, check=True
            )
            copy.chmod(0o755)
            return done.stdout.replace(str(copy), "MEDIUM")

        yield read


def test_what_is_still_in_the_log_is_read_on_a_read_only_medium(read_only_copy: Callable[..., str]) -> None:
    assert read_only_copy("-wal", "-shm") == "[('latest',)]\n"


def test_a_log_that_cannot_be_read_is_said_instead_of_showing_an_old_state(read_only_copy: Callable[..., str]) -> None:
    assert read_only_copy("-wal") == (
        "MEDIUM/h.db: cannot be read here: its latest changes are in the file with -wal at the end of the name, and "
        "the folder is read-only; copy both files to a folder that you may write and use --history COPY\n"
    )


def test_a_read_only_history_without_a_log_is_read(read_only_copy: Callable[..., str]) -> None:
    assert read_only_copy() == "[]\n"


def test_a_read_only_history_that_really_is_older_is_said_to_be_so(read_only_copy: Callable[..., str]) -> None:
    def older(path: Path) -> None:
        path.unlink()
        at_version(path, 2).close()

    assert read_only_copy(prepare=older) == (
        f"MEDIUM/h.db: was written by an older version of scanner (schema 2, this one needs {VERSION}) and is "
        "read-only; copy it to a folder that you may write and use --history COPY\n"
    )
