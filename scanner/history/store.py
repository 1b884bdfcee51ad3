"""Reads what the recorder wrote: sweeps, their coverage, observations and findings.

Sweeps are ordered as they were recorded, never by their dates: a clock that was wrong for one run must not decide
what the newest sweep is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scanner.core.errors import InvalidInput
from scanner.core.model import (
    ANSWERS_EVERYWHERE,
    TRANSPORT,
    Address,
    Coverage,
    Finding,
    Judged,
    Observation,
    PortKey,
    RegistryStatus,
    Severity,
    State,
    Verdict,
)
from scanner.core.plan.plan import Plan
from scanner.core.report import Summary
from scanner.core.rules.classify import finding_id
from scanner.history.codec import IdentityCodec, moment
from scanner.history.database import Database
from scanner.history.overlap import overlap
from scanner.history.prune import prune
from scanner.history.recorder import SweepRecorder, finding_counts
from scanner.history.stored import (
    FINDINGS,
    OBSERVATIONS,
    SWEEP_COLUMNS,
    RowsByEndpoint,
    StoredSweep,
    StoredWave,
    observation_of,
    sweep_of,
    wave_of,
)
from scanner.history.words import Texts

_SETTLED = "SELECT number FROM wave WHERE sweep = :sweep AND complete"


class Store:
    """An open history, to be read. Every method raises HistoryUnusable where the database fails.

    Use it in a `with` statement, or call `close`.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._texts, self._identities = Texts(database.connection), IdentityCodec()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def sweeps(self, *, audit: str | None = None, before: StoredSweep | None = None) -> Iterator[StoredSweep]:
        """Yield the sweeps, last recorded first: of one audit, and recorded before another, where these are given."""
        query = (
            f"SELECT {SWEEP_COLUMNS} FROM sweep"
            " WHERE (?1 IS NULL OR audit = ?1) AND (?2 IS NULL OR number < ?2) ORDER BY number DESC"
        )
        with self.database.reading() as connection:
            for row in connection.execute(query, (audit, before.number if before else None)):
                yield sweep_of(row)

    def sweep(self, word: str) -> StoredSweep:
        """Return the sweep that a word means: an id, the unique beginning of one, `last`, or `last~1`.

        Raises:
            InvalidInput: no sweep or several.
        """
        name, tilde, back = word.partition("~")
        if name == "last" and (not tilde or (back.isascii() and back.isdigit())):
            return self._last(word, int(back[:9] or 0))
        with self.database.reading() as connection:
            query = f"SELECT {SWEEP_COLUMNS} FROM sweep WHERE substr(id, 1, length(?1)) = ?1 LIMIT 3"
            found = connection.execute(query, (word,)).fetchall()
        if len(found) != 1:
            problem = "several sweep IDs begin with this" if len(found) > 1 else "no such sweep"
            raise InvalidInput(f"{word!r}: {problem}", cure="`scanner history` lists them")
        return sweep_of(found[0])

    def find(self, sweep_id: str) -> StoredSweep | None:
        """Return the sweep with exactly this id, or None where it was not recorded."""
        query = f"SELECT {SWEEP_COLUMNS} FROM sweep WHERE id = ?"
        with self.database.reading() as connection:
            row = connection.execute(query, (sweep_id,)).fetchone()
        return sweep_of(row) if row else None

    def _last(self, word: str, back: int) -> StoredSweep:
        query = f"SELECT {SWEEP_COLUMNS} FROM sweep ORDER BY number DESC LIMIT 1 OFFSET ?"
        with self.database.reading() as connection:
            row = connection.execute(query, (back,)).fetchone()
        if row is None:
            raise InvalidInput(f"{word!r}: the history does not go back that far", cure="`scanner history` lists them")
        return sweep_of(row)

    def before(self, sweep: StoredSweep) -> StoredSweep | None:
        """Return the earlier sweep that a stored one is best compared with, or None."""
        return self.comparable(sweep.plan, sweep.audit, before=sweep)

    def comparable(self, plan: Plan, audit: str, *, before: StoredSweep | None = None) -> StoredSweep | None:
        """Return the sweep of an audit that a plan is best compared with, or None.

        That is the last recorded one that is complete, or else the last recorded one, among those that share
        endpoints with the plan. `before` leaves out that sweep and everything recorded after it.
        """
        fallback = None
        for other in self.sweeps(audit=audit, before=before):
            if overlap(other.plan, plan).common:
                if other.complete:
                    return other
                fallback = fallback or other
        return fallback

    def after(self, sweep: StoredSweep) -> StoredSweep | None:
        """Return the last recorded later sweep of the same audit that shares endpoints with this one, or None."""
        for other in self.sweeps(audit=sweep.audit):
            if other.number <= sweep.number:
                return None
            if overlap(other.plan, sweep.plan).common:
                return other
        return None

    def clock_doubt(self) -> str:
        """Return a sentence where the dates of the sweeps contradict the order in which they were recorded.

        An imported scan may be older than what was recorded before it; that says nothing of the clock.
        """
        query = (
            "SELECT a.id, b.id FROM sweep a JOIN sweep b ON b.number = (SELECT min(number) FROM sweep"
            " WHERE number > a.number) WHERE a.started > b.started AND json_extract(b.settings, '$.imported') IS NULL"
            " ORDER BY a.number DESC LIMIT 1"
        )
        with self.database.reading() as connection:
            row = connection.execute(query).fetchone()
        if row is None:
            return ""
        return (
            f"sweep {row[0]} was recorded before {row[1]} and has a later date: the clock was wrong in one of them; "
            "sweeps are ordered as they were recorded"
        )

    def summary(self, sweep: StoredSweep) -> Summary:
        """Return how a sweep ended; for one that was cut short, the sum of its recorded waves."""
        if sweep.summary is not None:
            return sweep.summary
        coverage, reasons = self.covered(sweep)
        rest = sweep.plan.size - coverage.planned
        severities, verdicts = finding_counts(self.database, sweep.number)
        return Summary(
            info=sweep.info,
            finished=sweep.info.started,
            coverage=coverage + Coverage(planned=rest, unknown=rest),
            reasons=reasons,
            findings=severities,
            verdicts=verdicts,
            interrupted=True,
        )

    def waves(self, sweep: StoredSweep) -> Iterator[StoredWave]:
        """Yield the recorded waves of a sweep, by number."""
        with self.database.reading() as connection:
            for row in connection.execute("SELECT * FROM wave WHERE sweep = ? ORDER BY number", (sweep.number,)):
                yield wave_of(row)

    def unfinished(self, sweep: StoredSweep) -> bool:
        """Return whether a wave is still to be probed, or the results still to be written."""
        with self.database.reading() as connection:
            query = "SELECT count(*) FROM wave WHERE sweep = ? AND complete"
            (settled,) = connection.execute(query, (sweep.number,)).fetchone()
        return sweep.summary is None or settled < sweep.plan.waves

    def covered(self, sweep: StoredSweep) -> tuple[Coverage, Mapping[str, int]]:
        """Return what the recorded waves of a sweep covered together, and how often each reason occurs."""
        coverage, reasons = Coverage(), Counter[str]()
        for wave in self.waves(sweep):
            coverage += wave.coverage
            reasons.update(wave.reasons)
        return coverage, reasons

    def judged(self, sweep: StoredSweep, *, settled: bool = False) -> Iterator[Judged]:
        """Yield the recorded observations of a sweep with their findings, by address and port.

        With `settled`, only those of waves that were settled whole.
        """
        where = f" AND wave IN ({_SETTLED})" if settled else ""
        with self.database.reading() as connection:
            number = {"sweep": sweep.number}
            observations = connection.execute(f"{OBSERVATIONS}{where} ORDER BY address, transport, port", number)
            findings = connection.execute(f"{FINDINGS} ORDER BY address, transport, port, rule", number)
            yield from self._joined(observations, findings)

    def judged_at(self, sweep: StoredSweep, places: Iterable[tuple[bytes, int, int]]) -> Iterator[Judged]:
        """Yield the recorded observations of a sweep at some endpoint keys (packed address, protocol number, port)."""
        here = " AND address = :address AND transport = :transport AND port = :port"
        with self.database.reading() as connection:
            for address, transport, port in places:
                place = {"sweep": sweep.number, "address": address, "transport": transport, "port": port}
                observations = connection.execute(OBSERVATIONS + here, place)
                findings = connection.execute(FINDINGS + here, place)
                yield from self._joined(observations, findings)

    def _joined(self, observations: Iterator[tuple[Any, ...]], findings: Iterator[tuple[Any, ...]]) -> Iterator[Judged]:
        text, rows = self._texts.text, RowsByEndpoint(findings)
        for row in observations:
            seen = observation_of(row, text, self._identities)
            found = [self._finding(each, seen) for each in rows.of(row[:3])]
            yield Judged(seen, tuple(sorted(found, key=lambda finding: -finding.severity)))

    def _finding(self, row: tuple[Any, ...], seen: Observation) -> Finding:
        text = self._texts.text
        _, _, _, rule, severity, verdict, status, service, detail, policy_entry = row
        key = finding_id(seen.endpoint, text(rule))
        known = self.database.connection.execute("SELECT first_seen FROM known WHERE id = ?", (bytes.fromhex(key),))
        first = known.fetchone()
        return Finding(
            id=key,
            observation=seen,
            rule=text(rule),
            severity=Severity(severity),
            verdict=Verdict(text(verdict)),
            detail=text(detail),
            registry_status=RegistryStatus(text(status)),
            service=text(service),
            policy_entry=text(policy_entry),
            first_seen=min(moment(first[0]), seen.at) if first else None,
        )

    def open_places(self, sweep: StoredSweep) -> Iterator[tuple[bytes, int, int]]:
        """Yield the endpoint keys that a sweep found open: packed address, protocol number, port."""
        query = (
            "SELECT address, transport, port FROM observation"
            " WHERE sweep = ? AND state = (SELECT number FROM word WHERE text = ?)"
        )
        with self.database.reading() as connection:
            yield from connection.execute(query, (sweep.number, State.OPEN))

    def open_ports(self, sweep: StoredSweep, address: Address) -> frozenset[PortKey]:
        """Return the ports of one address that a sweep found open."""
        query = (
            "SELECT transport, port FROM observation WHERE sweep = ? AND address = ?"
            " AND state = (SELECT number FROM word WHERE text = ?)"
        )
        with self.database.reading() as connection:
            found = connection.execute(query, (sweep.number, address.packed, State.OPEN))
            return frozenset(PortKey(TRANSPORT[transport], port) for transport, port in found)

    def everywhere(self, sweep: StoredSweep) -> Iterator[bytes]:
        """Yield the packed addresses of the hosts that answered on every port."""
        query = (
            "SELECT address FROM observation"
            " WHERE sweep = ? AND port = 0 AND reason = (SELECT number FROM word WHERE text = ?)"
        )
        with self.database.reading() as connection:
            yield from (address for (address,) in connection.execute(query, (sweep.number, ANSWERS_EVERYWHERE)))

    def answered_places(self, sweep: StoredSweep, hosts: Iterable[bytes]) -> Iterator[tuple[bytes, int, int]]:
        """Yield the endpoint keys of some hosts (packed addresses) that a sweep stored as open or closed."""
        query = (
            "SELECT address, transport, port FROM observation WHERE sweep = ?1 AND address = ?2"
            " AND state IN (SELECT number FROM word WHERE text IN (?3, ?4))"
        )
        with self.database.reading() as connection:
            for host in hosts:
                yield from connection.execute(query, (sweep.number, host, State.OPEN, State.CLOSED))

    def state_between(self, key: tuple[bytes, int, int], before: StoredSweep, after: StoredSweep) -> State | None:
        """Return the last state of an endpoint that the sweeps between two others stored, or None."""
        query = (
            "SELECT text FROM sweep JOIN observation ON sweep = sweep.number AND (address, transport, port) = (?, ?, ?)"
            " JOIN word ON word.number = state WHERE sweep.number > ? AND sweep.number < ?"
            " ORDER BY sweep.number DESC LIMIT 1"
        )
        with self.database.reading() as connection:
            row = connection.execute(query, (*key, before.number, after.number)).fetchone()
        return State(row[0]) if row else None

    def recorder(self, sweep: StoredSweep) -> SweepRecorder:
        """Return a recorder that continues a sweep."""
        return SweepRecorder(self.database, sweep.number)

    def prune(self, before: datetime, *, now: datetime | None = None) -> int:
        """Delete the sweeps that began before a moment (aware), and return how many there were."""
        return prune(self.database, before, now or datetime.now(UTC))


def open_history(path: Path | str) -> Store:
    """Open a history file for reading. It is brought to the current version where it may be written.

    Raises:
        HistoryUnusable: it does not exist, is no history, is damaged or locked, or cannot be read.
    """
    return Store(Database(Path(path)))
