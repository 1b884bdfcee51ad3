"""Deletes old sweeps, with clocks that were wrong taken into account.

How old a sweep is follows from its date, but a date is only as good as the clock that gave it. Sweeps are recorded
one after the other, so a sweep dated *earlier* than one recorded before it is as young as that one, and a sweep
dated in the future is as old as the one recorded before it (or after it, where it is the first). A wrong date
therefore never deletes a sweep too early, and never keeps one for ever.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from scanner.history.codec import milliseconds
from scanner.history.database import Database


def prune(database: Database, before: datetime, now: datetime) -> int:
    """Delete the sweeps that began before a moment, and the first-seen dates of findings not seen since.

    Both moments are aware. Return how many sweeps were deleted. Raises HistoryUnusable.
    """
    limit, today = milliseconds(before), milliseconds(now)
    with database.transaction() as connection:
        sweeps = connection.execute("SELECT number, started FROM sweep ORDER BY number").fetchall()
        old = [(number,) for number in older_than(sweeps, limit, today)]
        for table in ("observation", "finding", "wave"):
            connection.executemany(f"DELETE FROM {table} WHERE sweep = ?", old)
        connection.executemany("DELETE FROM sweep WHERE number = ?", old)
        connection.execute("UPDATE known SET last_seen = ?1 WHERE last_seen > ?1", (today,))
        connection.execute("DELETE FROM known WHERE last_seen < ?", (limit,))
    with database.reading() as connection:
        connection.execute("VACUUM")
        _remove_locks(database, {sweep_id for (sweep_id,) in connection.execute("SELECT id FROM sweep")})
    return len(old)


def older_than(sweeps: Sequence[tuple[int, int]], limit: int, today: int) -> list[int]:
    """Return the numbers of the sweeps that began before `limit`.

    `sweeps` are (number, started) in the order of recording; times are milliseconds since the epoch.
    """
    credible = [started for _, started in sweeps if started <= today]
    latest = credible[0] if credible else today
    old = []
    for number, started in sweeps:
        latest = max(latest, started) if started <= today else latest
        if latest < limit:
            old.append(number)
    return old


def _remove_locks(database: Database, stored: Collection[str]) -> None:
    """Remove the lock files that killed sweeps left beside the history and that belong to no stored sweep."""
    path = database.path
    for lock in path.parent.glob(f"{path.name}.*.lock"):
        if lock.name[len(path.name) + 1 : -len(".lock")] not in stored:
            lock.unlink(missing_ok=True)
