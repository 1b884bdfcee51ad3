"""Opening a history: old ones are brought forward, bad ones are refused in one line."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.core.errors import HistoryUnusable
from scanner.history import database as module
from scanner.history.database import APPLICATION_ID, Database, statements
from scanner.history.schema import STEPS, VERSION
from scanner.history.store import Store


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
    with pytest.raises(HistoryUnusable, match=r"newer version.*schema is 99"):
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
