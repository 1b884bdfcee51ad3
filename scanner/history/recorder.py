"""Writes one sweep, a wave at a time: observations, findings and cursor in one transaction.

First-seen dates are the times of observations, never of the clock at recording, and the earliest one is kept.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Protocol, TypeAlias

from scanner.core.model import (
    PROTOCOL,
    REPORTABLE,
    Coverage,
    Finding,
    Judged,
    Observation,
    Severity,
    State,
    Verdict,
)
from scanner.core.plan.plan import Plan
from scanner.core.report import Summary, SweepInfo
from scanner.history.codec import (
    IdentityCodec,
    info_text,
    milliseconds,
    moment,
    plan_text,
    spoken,
    summary_text,
)
from scanner.history.database import Database
from scanner.history.words import WordTable

SqlValue: TypeAlias = str | int | None

_AT_ONCE = 500
"""How many finding ids are looked up in one query."""

_KEY = itemgetter(1, 2, 3)
"""The endpoint key in a row. Rows are written in the order of their table, so that its pages fill one by one."""


class Settled(Protocol):
    """The parts of a settled wave that are recorded; `scanner.app.sweep.WaveResult` is one."""

    @property
    def number(self) -> int:
        """Place of the wave in the plan's shard."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all of it was probed."""
        ...

    @property
    def coverage(self) -> Coverage:
        """What it covered."""
        ...

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many endpoints have each reason."""
        ...

    @property
    def judged(self) -> Sequence[Judged]:
        """Open endpoints, and those that were asked for."""
        ...

    @property
    def degraded(self) -> Sequence[str]:
        """Why answers may have been lost."""
        ...


class SweepRecorder:
    """Records one sweep. Every method raises HistoryUnusable where the database fails."""

    def __init__(self, database: Database, number: int) -> None:
        """`number` is the sweep's row, as `begin_sweep` and `Store.recorder` give it."""
        self._database, self._number = database, number
        self._words, self._identities = WordTable(), IdentityCodec()

    def first_seen(self, finding_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return when each finding was first seen; ids that are not recorded are left out."""
        found: dict[str, datetime] = {}
        ids = iter(finding_ids)
        with self._database.reading() as connection:
            while some := [bytes.fromhex(each) for each in islice(ids, _AT_ONCE)]:
                marks = ",".join("?" * len(some))
                query = f"SELECT id, first_seen FROM known WHERE id IN ({marks})"
                found.update((key.hex(), moment(at)) for key, at in connection.execute(query, some))
        return found

    def wave(self, result: Settled) -> None:
        """Record a wave with its observations and findings, replacing an earlier attempt at the same wave."""
        try:
            with self._database.transaction() as connection:
                self._forget_attempt(connection, result.number)
                self._write_wave(connection, result)
                self._write_judged(connection, result.number, result.judged)
        except BaseException:
            self._words.forget()
            raise

    def part(self, number: int, judged: Sequence[Judged]) -> None:
        """Record some observations of a wave that is too large to be in memory whole; `wave` then ends it."""
        try:
            with self._database.transaction() as connection:
                self._write_judged(connection, number, judged)
        except BaseException:
            self._words.forget()
            raise

    def counts(self) -> tuple[Mapping[State, int], Mapping[str, int]]:
        """Return how many recorded endpoints have each state, and each reason."""
        states, reasons = Counter[State](), Counter[str]()
        query = (
            "SELECT s.text, r.text, count(*) FROM observation JOIN word s ON s.number = state"
            " JOIN word r ON r.number = reason WHERE sweep = ? AND port > 0 GROUP BY 1, 2"
        )
        with self._database.reading() as connection:
            for state, reason, count in connection.execute(query, (self._number,)):
                states[State(state)] += count
                reasons[reason] += count
        return states, reasons

    def findings(self) -> tuple[Mapping[Severity, int], Mapping[Verdict, int]]:
        """Return how many recorded findings have each severity (unexpected and missing ones) and each verdict."""
        return finding_counts(self._database, self._number)

    def forget(self) -> None:
        """Take the whole sweep out of the history again, as if it had never begun."""
        with self._database.transaction() as connection:
            for table in ("finding", "observation", "wave"):
                connection.execute(f"DELETE FROM {table} WHERE sweep = ?", (self._number,))
            connection.execute("DELETE FROM sweep WHERE number = ?", (self._number,))

    def end(self, summary: Summary) -> None:
        """Record how the sweep ended."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE sweep SET finished = ?, summary = ? WHERE number = ?",
                (milliseconds(summary.finished), summary_text(summary), self._number),
            )

    def _forget_attempt(self, connection: sqlite3.Connection, number: int) -> None:
        place = (self._number, number)
        if not connection.execute("DELETE FROM wave WHERE sweep = ? AND number = ?", place).rowcount:
            return
        connection.execute(
            "DELETE FROM finding WHERE sweep = ?1 AND (address, transport, port) IN"
            " (SELECT address, transport, port FROM observation WHERE sweep = ?1 AND wave = ?2)",
            place,
        )
        connection.execute("DELETE FROM observation WHERE sweep = ? AND wave = ?", place)

    def _write_wave(self, connection: sqlite3.Connection, result: Settled) -> None:
        seen = result.coverage
        counts = (seen.planned, seen.sent, seen.answered, seen.open, seen.closed, seen.filtered, seen.unknown)
        texts = (json.dumps(dict(result.reasons)), json.dumps(list(result.degraded)))
        row = (
            self._number,
            result.number,
            result.complete,
            *counts,
            seen.unreachable_hosts,
            *texts,
            seen.open_filtered,
        )
        connection.execute(f"INSERT INTO wave VALUES ({_marks(len(row))})", row)

    def _write_judged(self, connection: sqlite3.Connection, number: int, judged: Sequence[Judged]) -> None:
        observations, findings, known = [], [], []
        for each in judged:
            place, at = _place(each.observation), milliseconds(each.observation.at)
            rest = self._observation(connection, each.observation, at)
            observations.append((self._number, *place, number, *rest))
            for finding in each.findings:
                findings.append((self._number, *place, *self._finding(connection, finding)))
                known.append((bytes.fromhex(finding.id), at))
        connection.executemany(
            f"INSERT OR REPLACE INTO observation VALUES ({_marks(13)})", sorted(observations, key=_KEY)
        )
        connection.executemany(f"INSERT OR REPLACE INTO finding VALUES ({_marks(11)})", sorted(findings, key=_KEY))
        connection.executemany(
            "INSERT INTO known VALUES (?1, ?2, ?2)"
            " ON CONFLICT (id) DO UPDATE SET first_seen = min(first_seen, excluded.first_seen),"
            " last_seen = max(last_seen, excluded.last_seen)",
            sorted(known),
        )

    def _observation(self, connection: sqlite3.Connection, seen: Observation, at: int) -> tuple[SqlValue, ...]:
        number, optional = self._words.number, self._words.optional
        return (
            number(connection, seen.state),
            number(connection, seen.reason),
            at,
            None if seen.rtt is None else round(seen.rtt * 1e6),
            optional(connection, seen.evidence),
            optional(connection, seen.hostname),
            optional(connection, spoken(seen.identity)) if seen.identity else None,
            self._identities.text(seen.identity) if seen.identity else None,
        )

    def _finding(self, connection: sqlite3.Connection, finding: Finding) -> tuple[SqlValue, ...]:
        number, optional = self._words.number, self._words.optional
        return (
            number(connection, finding.rule),
            finding.severity,
            number(connection, finding.verdict),
            number(connection, finding.registry_status),
            optional(connection, finding.service),
            number(connection, finding.detail),
            optional(connection, finding.policy_entry),
        )


def finding_counts(database: Database, sweep: int) -> tuple[Mapping[Severity, int], Mapping[Verdict, int]]:
    """Return how many findings of a sweep have each severity (unexpected and missing ones) and each verdict."""
    severities, verdicts = Counter[Severity](), Counter[Verdict]()
    query = "SELECT severity, text, count(*) FROM finding JOIN word ON number = verdict WHERE sweep = ? GROUP BY 1, 2"
    with database.reading() as connection:
        for severity, verdict, count in connection.execute(query, (sweep,)):
            verdicts[Verdict(verdict)] += count
            severities[Severity(severity)] += count if Verdict(verdict) in REPORTABLE else 0
    return severities, verdicts


def begin_sweep(
    database: Database, info: SweepInfo, plan: Plan, *, audit: str = "", settings: Mapping[str, object]
) -> SweepRecorder:
    """Record that a sweep begins, and return the recorder of its waves.

    `audit` is the name of the audit that it belongs to, or empty; `settings` are what a resumed sweep needs.

    Raises:
        HistoryUnusable: the database fails.
    """
    with database.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO sweep (id, audit, started, info, plan, settings) VALUES (?, ?, ?, ?, ?, ?)",
            (
                info.sweep_id,
                audit,
                milliseconds(info.started),
                info_text(info),
                plan_text(plan),
                json.dumps(dict(settings)),
            ),
        )
    assert cursor.lastrowid is not None
    return SweepRecorder(database, cursor.lastrowid)


def _place(seen: Observation) -> tuple[bytes, int, int]:
    return seen.endpoint.address.packed, PROTOCOL[seen.endpoint.transport], seen.endpoint.port


def _marks(count: int) -> str:
    return ",".join("?" * count)
