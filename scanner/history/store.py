"""Reads what the recorder wrote: sweeps, their coverage, observations and findings; and prunes."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from scanner.core.errors import InvalidInput
from scanner.core.model import (
    ANSWERS_EVERYWHERE,
    REPORTABLE,
    TRANSPORT,
    Coverage,
    Endpoint,
    Finding,
    Judged,
    Observation,
    RegistryStatus,
    Severity,
    State,
    Verdict,
)
from scanner.core.plan.plan import Plan
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.classify import finding_id
from scanner.core.targets.ranges import intersect
from scanner.history.codec import (
    IdentityCodec,
    address_of,
    info_of,
    milliseconds,
    moment,
    plan_of,
    same_order,
    settings_of,
    summary_of,
)
from scanner.history.database import Database
from scanner.history.recorder import SweepRecorder
from scanner.history.words import Texts

_OBSERVATIONS = (
    "SELECT address, transport, port, state, reason, at, rtt_us, evidence, hostname, identity"
    " FROM observation WHERE sweep = :sweep"
)
_FINDINGS = (
    "SELECT address, transport, port, rule, severity, verdict, registry_status, service, detail, policy_entry"
    " FROM finding WHERE sweep = :sweep"
)
_SETTLED = "SELECT number FROM wave WHERE sweep = :sweep AND complete"
_SWEEP = "number, id, audit, started, finished, info, plan, settings, summary"


@dataclass(frozen=True)
class StoredSweep:
    """A sweep as the history has it."""

    number: int
    """Its row."""
    id: str
    """Its id, as everywhere else."""
    audit: str
    """What is swept again and again, or empty."""
    info: SweepInfo
    """What was fixed before."""
    settings: Mapping[str, Any]
    """What it was started with, for whoever resumes it."""
    summary: Summary | None
    """How it ended; None where it was killed, or is still running."""
    plan_text: str
    """Its plan as stored."""

    @cached_property
    def plan(self) -> Plan:
        """Its plan."""
        return plan_of(self.plan_text)

    @cached_property
    def same_order(self) -> bool:
        """Whether this program would still put each endpoint into the same wave."""
        return same_order(self.plan_text, self.plan)

    @property
    def complete(self) -> bool:
        """Whether it ended with everything covered and nothing degraded."""
        return self.summary is not None and self.summary.complete


@dataclass(frozen=True, slots=True)
class StoredWave:
    """A wave's row."""

    number: int
    """Place of the wave in the plan's shard."""
    complete: bool
    """Whether all of it was probed."""
    coverage: Coverage
    """What it covered."""
    reasons: Mapping[str, int]
    """How many endpoints have each reason."""
    degraded: tuple[str, ...]
    """Why answers may have been lost."""


class Store:
    """Questions to a history. Every method raises HistoryUnusable where the database fails."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._texts, self._identities = Texts(database.connection), IdentityCodec()

    def sweeps(self, *, audit: str | None = None) -> Iterator[StoredSweep]:
        """Every sweep, newest first; of one audit only where it is named."""
        query = f"SELECT {_SWEEP} FROM sweep WHERE ?1 IS NULL OR audit = ?1 ORDER BY started DESC, number DESC"
        with self.database.reading() as connection:
            for row in connection.execute(query, (audit,)):
                yield _sweep(row)

    def sweep(self, word: str) -> StoredSweep:
        """The sweep that a word means: its id, the unique beginning of it, `last`, or `last~1` for the one before.

        Raises:
            InvalidInput: none or several.
        """
        name, tilde, back = word.partition("~")
        if name == "last" and (not tilde or back.isdigit()):
            return self._last(word, int(back or 0))
        with self.database.reading() as connection:
            query = f"SELECT {_SWEEP} FROM sweep WHERE substr(id, 1, length(?1)) = ?1 LIMIT 3"
            found = connection.execute(query, (word,)).fetchall()
        if len(found) != 1:
            problem = "several sweeps begin so" if len(found) > 1 else "no such sweep"
            raise InvalidInput(f"{word!r}: {problem}", cure="`scanner history` lists them")
        return _sweep(found[0])

    def _last(self, word: str, back: int) -> StoredSweep:
        query = f"SELECT {_SWEEP} FROM sweep ORDER BY started DESC, number DESC LIMIT 1 OFFSET ?"
        with self.database.reading() as connection:
            row = connection.execute(query, (back,)).fetchone()
        if row is None:
            raise InvalidInput(f"{word!r}: the history does not go back so far")
        return _sweep(row)

    def before(self, sweep: StoredSweep) -> StoredSweep | None:
        """The earlier sweep that this one is best compared with, if there is one."""
        return self.comparable(sweep.plan, sweep.audit, sweep.info.started)

    def after(self, sweep: StoredSweep) -> StoredSweep | None:
        """The newest later sweep of the same audit that shares endpoints with this one."""
        for other in self.sweeps(audit=sweep.audit):
            if other.info.started > sweep.info.started and shared(other.plan, sweep.plan):
                return other
        return None

    def summary(self, sweep: StoredSweep) -> Summary:
        """How a sweep ended; for one that was cut short, what its recorded waves tell."""
        if sweep.summary is not None:
            return sweep.summary
        coverage, reasons = self.covered(sweep)
        rest = sweep.plan.size - coverage.planned
        severities, verdicts = self._counts(sweep)
        return Summary(
            info=sweep.info,
            finished=sweep.info.started,
            coverage=coverage + Coverage(planned=rest, unknown=rest),
            reasons=reasons,
            findings=severities,
            verdicts=verdicts,
            interrupted=True,
        )

    def _counts(self, sweep: StoredSweep) -> tuple[Mapping[Severity, int], Mapping[Verdict, int]]:
        severities, verdicts = Counter[Severity](), Counter[Verdict]()
        query = (
            "SELECT severity, text, count(*) FROM finding JOIN word ON number = verdict WHERE sweep = ? GROUP BY 1, 2"
        )
        with self.database.reading() as connection:
            for severity, verdict, count in connection.execute(query, (sweep.number,)):
                verdicts[Verdict(verdict)] += count
                severities[Severity(severity)] += count if Verdict(verdict) in REPORTABLE else 0
        return severities, verdicts

    def comparable(self, plan: Plan, audit: str, before: datetime) -> StoredSweep | None:
        """Of the sweeps of an audit that began before a moment (aware) and share endpoints with a plan: the
        newest that is complete, or else the newest."""
        fallback = None
        for other in self.sweeps(audit=audit):
            if other.info.started < before and shared(other.plan, plan):
                if other.complete:
                    return other
                fallback = fallback or other
        return fallback

    def waves(self, sweep: StoredSweep) -> Iterator[StoredWave]:
        """The waves of a sweep that were recorded, by number."""
        with self.database.reading() as connection:
            for row in connection.execute("SELECT * FROM wave WHERE sweep = ? ORDER BY number", (sweep.number,)):
                yield _wave(row)

    def unfinished(self, sweep: StoredSweep) -> bool:
        """Whether something of it is still to be done: a wave, or the writing of its results."""
        with self.database.reading() as connection:
            query = "SELECT count(*) FROM wave WHERE sweep = ? AND complete"
            (settled,) = connection.execute(query, (sweep.number,)).fetchone()
        return sweep.summary is None or settled < sweep.plan.waves

    def covered(self, sweep: StoredSweep) -> tuple[Coverage, Mapping[str, int]]:
        """What the recorded waves of a sweep covered together, and the reasons in them."""
        coverage, reasons = Coverage(), Counter[str]()
        for wave in self.waves(sweep):
            coverage += wave.coverage
            reasons.update(wave.reasons)
        return coverage, reasons

    def judged(self, sweep: StoredSweep, *, settled: bool = False) -> Iterator[Judged]:
        """Every recorded observation of a sweep with its findings, by address and port; with `settled` only
        those of waves that were settled whole."""
        where = f" AND wave IN ({_SETTLED})" if settled else ""
        with self.database.reading() as connection:
            number = {"sweep": sweep.number}
            observations = connection.execute(f"{_OBSERVATIONS}{where} ORDER BY address, transport, port", number)
            findings = connection.execute(f"{_FINDINGS} ORDER BY address, transport, port, rule", number)
            yield from self._joined(observations, findings)

    def judged_at(self, sweep: StoredSweep, places: Iterable[tuple[bytes, int, int]]) -> Iterator[Judged]:
        """The recorded observations of a sweep at some places (packed address, protocol number, port)."""
        here = " AND address = :address AND transport = :transport AND port = :port"
        with self.database.reading() as connection:
            for address, transport, port in places:
                place = {"sweep": sweep.number, "address": address, "transport": transport, "port": port}
                observations = connection.execute(_OBSERVATIONS + here, place)
                findings = connection.execute(_FINDINGS + here, place)
                yield from self._joined(observations, findings)

    def _joined(self, observations: Iterator[tuple[Any, ...]], findings: Iterator[tuple[Any, ...]]) -> Iterator[Judged]:
        text, rows = self._texts.text, _Ahead(findings)
        for row in observations:
            seen = _observation(row, text, self._identities)
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
            first_seen=moment(first[0]) if first else None,
        )

    def open_places(self, sweep: StoredSweep) -> Iterator[tuple[bytes, int, int]]:
        """Where a sweep found open endpoints: packed address, protocol number, port."""
        query = (
            "SELECT address, transport, port FROM observation"
            " WHERE sweep = ? AND state = (SELECT number FROM word WHERE text = ?)"
        )
        with self.database.reading() as connection:
            yield from connection.execute(query, (sweep.number, State.OPEN))

    def everywhere(self, sweep: StoredSweep) -> Iterator[bytes]:
        """The packed addresses of hosts that answered on every port, of which nothing else is stored."""
        query = (
            "SELECT address FROM observation"
            " WHERE sweep = ? AND port = 0 AND reason = (SELECT number FROM word WHERE text = ?)"
        )
        with self.database.reading() as connection:
            yield from (address for (address,) in connection.execute(query, (sweep.number, ANSWERS_EVERYWHERE)))

    def recorder(self, sweep: StoredSweep) -> SweepRecorder:
        """A recorder that goes on with a sweep."""
        return SweepRecorder(self.database, sweep.number)

    def prune(self, before: datetime) -> int:
        """Forget every sweep that began before a moment, and findings not seen since. How many sweeps went."""
        limit = milliseconds(before)
        with self.database.transaction() as connection:
            old = [each for (each,) in connection.execute("SELECT number FROM sweep WHERE started < ?", (limit,))]
            for table in ("observation", "finding", "wave"):
                connection.executemany(f"DELETE FROM {table} WHERE sweep = ?", [(number,) for number in old])
            connection.execute("DELETE FROM sweep WHERE started < ?", (limit,))
            connection.execute("DELETE FROM known WHERE last_seen < ?", (limit,))
        with self.database.reading() as connection:
            connection.execute("VACUUM")
            self._forget_locks({sweep.id for sweep in self.sweeps()})
        return len(old)

    def _forget_locks(self, stored: Collection[str]) -> None:
        """Take away what sweeps that were killed, and are not stored any more, left beside the history."""
        path = self.database.path
        for lock in path.parent.glob(f"{path.name}.*.lock"):
            if lock.name[len(path.name) + 1 : -len(".lock")] not in stored:
                lock.unlink(missing_ok=True)


def shared(left: Plan, right: Plan) -> bool:
    """Whether two plans have an address and a port of one transport in common."""
    ports = set(left.ports) & set(right.ports) or set(left.udp_ports) & set(right.udp_ports)
    return bool(ports) and bool(intersect(left.targets.ranges, right.targets.ranges))


class _Ahead:
    """Rows sorted by place, handed out place by place."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        while self._next is not None and self._next[:3] <= place:
            if self._next[:3] == place:
                yield self._next
            self._next = next(self._rows, None)


def _sweep(row: tuple[Any, ...]) -> StoredSweep:
    number, id_, audit, _, _, info_json, plan_json, settings, summary = row
    info = info_of(info_json)
    return StoredSweep(
        number=number,
        id=id_,
        audit=audit,
        info=info,
        settings=settings_of(settings),
        summary=summary_of(summary, info) if summary else None,
        plan_text=plan_json,
    )


def _wave(row: tuple[Any, ...]) -> StoredWave:
    _, number, complete, planned, sent, answered, open_, closed, filtered, unknown, unreachable, *rest = row
    *texts, silent = rest
    coverage = Coverage(
        planned=planned,
        sent=sent,
        answered=answered,
        open=open_,
        closed=closed,
        filtered=filtered,
        unknown=unknown,
        unreachable_hosts=unreachable,
        open_filtered=silent,
    )
    reasons, degraded = map(json.loads, texts)
    return StoredWave(number, bool(complete), coverage, reasons, tuple(degraded))


def _observation(row: tuple[Any, ...], text: Callable[[int | None], str], identities: IdentityCodec) -> Observation:
    address, transport, port, state, reason, at, rtt_us, evidence, hostname, identity = row
    return Observation(
        endpoint=Endpoint(address_of(address), TRANSPORT[transport], port),
        state=State(text(state)),
        reason=text(reason),
        at=moment(at),
        rtt=None if rtt_us is None else rtt_us / 1e6,
        evidence=text(evidence),
        hostname=text(hostname),
        identity=identities.value(identity) if identity else None,
    )
