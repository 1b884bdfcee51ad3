"""A scan that another program made: judged as our own, and kept in the history beside our own.

A file is read twice: first to see that it is whole and what it is about, then to judge and store it, a host or a few
thousand rows at a time. What the file does not say is unknown, never closed. A file that reports whole hosts becomes a
sweep with a wave for each host, so that a host that was not asked casts no doubt on the others; a file that lists
what was found becomes one wave, all of which stays unknown but what is listed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

from scanner.app.import_plan import ImportPlan, info_of_survey, plan_of_survey
from scanner.app.judging import Judging, judge_for
from scanner.app.options import FilePath
from scanner.app.sweep import WaveResult
from scanner.core.errors import InvalidInput, Warn
from scanner.core.model import (
    PROTOCOL,
    Address,
    Coverage,
    Judged,
    Observation,
    PortKey,
    Severity,
    Transport,
    Verdict,
)
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.bulk import BulkJudge
from scanner.core.targets.ports import PortSet
from scanner.history.compare import turns_of
from scanner.history.database import Database
from scanner.history.recorder import SweepRecorder, begin_sweep
from scanner.history.store import Store
from scanner.history.stored import StoredSweep
from scanner.imports.formats import format_of
from scanner.imports.host_states import NOT_LISTED, coverage, coverage_of, observed
from scanner.imports.interface import HostReport, Source
from scanner.imports.open_source import opened
from scanner.imports.survey import Survey
from scanner.outputs.quantities import counted

ROWS_AT_ONCE = 20_000
"""Rows that are judged and stored in one transaction."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that is in the history."""

    sweep: StoredSweep
    """The sweep that it became."""
    summary: Summary
    """What it covered, and how many findings there are."""
    known: bool
    """Whether the same file was imported before; nothing was stored then."""


def parse_hosts(words: Iterable[str]) -> tuple[Address, ...]:
    """Return the addresses of the machine on which a list of sockets was made. Raises InvalidInput."""
    try:
        return tuple(ip_address(word) for word in words)
    except ValueError as error:
        raise InvalidInput(str(error), where="--host", cure="name its addresses, without a prefix length") from None


def import_file(
    path: FilePath,
    database: Database,
    judging: Judging,
    *,
    audit: str = "",
    policy: FilePath | None = None,
    hosts: tuple[Address, ...] = (),
    warn: Warn,
) -> Imported:
    """Read a file, judge what is in it, and keep it as a sweep. The text `-` is standard input.

    `audit` names the audit that it belongs to, `policy` the file that `judging` was read from, `hosts` the addresses
    of the machine on which a list of listening sockets was made.

    Raises:
        InvalidInput: the file cannot be read, or not to its end; with the line. Nothing is stored then.
        HistoryUnusable: the database fails; nothing is stored then either.
    """
    with opened(path, hosts) as (source, digest):
        reader = format_of(source)
        survey = Survey.of(reader.read(source), source.name, source.written)
        left_out = dict(source.left_out)
        planned = plan_of_survey(survey, judging, source.name)
        info = info_of_survey(survey, planned, judging, name=source.name, digest=digest)
        store = Store(database)
        if found := store.find(info.sweep_id):
            return Imported(found, store.summary(found), known=True)
        _warn_of_order(store, info, warn)
        before = store.comparable(planned.plan, audit)
        settings = {"imported": source.name, "options": {"policy": str(Path(policy).absolute())} if policy else {}}
        recorder = begin_sweep(database, info, planned.plan, audit=audit, settings=settings)
        try:
            asked = _Asked(store, before, judging)
            importer = _Importer(source, planned, judging, recorder, asked)
            importer.run(reader.read(source))
            summary = importer.summary(info, survey, left_out)
            recorder.end(summary)
        except BaseException:
            recorder.forget()
            raise
        stored = store.find(info.sweep_id)
        assert stored is not None
        return Imported(stored, summary, known=False)


def _warn_of_order(store: Store, info: SweepInfo, warn: Warn) -> None:
    newest = next(store.sweeps(), None)
    if newest and newest.info.started > info.started:
        warn(
            f"{info.sweep_id} is older than {newest.id}, the newest sweep of this history: sweeps are compared in the "
            "order in which they were recorded, so import files oldest first"
        )


class _Asked:
    """Which ports of a host are stored whatever their state: what was open before, and what a policy requires."""

    def __init__(self, store: Store, before: StoredSweep | None, judging: Judging) -> None:
        self._store, self._before = store, before
        self._policy = judging.policy if judging.policy and judging.policy.required_ports else None

    def of(self, report: HostReport, scanned: frozenset[PortKey]) -> frozenset[PortKey]:
        """Return them for a host, as far as they were scanned."""
        ports: set[PortKey] = set()
        if self._policy:
            for match in self._policy.about(report.address, report.hostname):
                ports |= match.entry.required if not match.entry.review else frozenset()
        if self._before:
            ports |= self._store.open_ports(self._before, report.address)
        return scanned & ports


class _Importer:
    """Judges and stores the second reading of a file."""

    def __init__(
        self, source: Source, planned: ImportPlan, judging: Judging, recorder: SweepRecorder, asked: _Asked
    ) -> None:
        self._source, self._planned, self._recorder, self._asked = source, planned, recorder, asked
        self._judge = BulkJudge(judge_for(judging))
        self._coverage, self._reasons = Coverage(), Counter[str]()
        plan = planned.plan
        self._ports = PortSet(plan.ports, plan.udp_ports)
        self._scanned = port_keys(self._ports)
        self._told = bytearray(plan.waves if planned.by_host else 0)

    def run(self, events: Iterable[object]) -> None:
        """Store everything."""
        if self._planned.by_host:
            for event in events:
                if isinstance(event, HostReport):
                    self._host(event)
            return
        rows = (event for event in events if isinstance(event, Observation))
        while some := list(islice(rows, ROWS_AT_ONCE)):
            self._recorder.part(0, [self._judge.judge(each) for each in some])
        self._end_rows()

    def _host(self, report: HostReport) -> None:
        number = self._wave_of(report)
        if self._told[number]:
            self._source.left_out["hosts that are in the file twice (the first counts)"] += 1
            return
        self._told[number] = 1
        seen = observed(report, self._asked.of(report, self._scanned), self._ports)
        judged = tuple(self._judge.judge(each) for each in seen)
        cover, reasons = coverage_of(report, len(self._ports), self._source.name)
        self._count(number, cover, reasons, judged)

    def _wave_of(self, report: HostReport) -> int:
        plan, first = self._planned.plan, next(iter(self._scanned))
        place = (report.address.packed, PROTOCOL[first.transport], first.number)
        return int(turns_of(plan, [place])[0]) // plan.wave_size

    def _end_rows(self) -> None:
        if self._planned.coverage:
            self._count(0, self._planned.coverage, self._planned.reasons, ())
            return
        states, reasons = self._recorder.counts()
        planned = self._planned.plan.size
        rest = {NOT_LISTED: planned - sum(reasons.values())}
        self._count(0, coverage(states, planned), Counter(reasons) + Counter(rest), ())

    def _count(self, number: int, cover: Coverage, reasons: Mapping[str, int], judged: tuple[Judged, ...]) -> None:
        self._recorder.wave(WaveResult(number, complete=True, coverage=cover, reasons=reasons, judged=judged))
        self._coverage += cover
        self._reasons.update(reasons)

    def summary(self, info: SweepInfo, survey: Survey, left_out: Mapping[str, int]) -> Summary:
        """Return what was covered and found."""
        missing = max(0, survey.heading.hosts - survey.reports) if survey.by_host else 0
        absent = missing * self._planned.plan.ports_per_address
        severities, verdicts = self._recorder.findings()
        reasons = self._reasons + Counter({NOT_LISTED: absent} if absent else {})
        return Summary(
            info=info,
            finished=survey.last,
            coverage=self._coverage + Coverage(planned=absent, unknown=absent),
            reasons=dict(reasons),
            findings={severity: severities.get(severity, 0) for severity in Severity},
            verdicts={verdict: verdicts.get(verdict, 0) for verdict in Verdict},
            degraded=survey.heading.degraded,
            notes=tuple(_notes(missing, left_out, by_host=survey.by_host, whole=self._coverage.complete)),
        )


def _notes(missing: int, left_out: Mapping[str, int], *, by_host: bool, whole: bool) -> Iterator[str]:
    if missing:
        yield f"not in the file: {counted(missing, 'address', 'addresses')} of the scan (down, or with nothing open)"
    if not by_host and not whole:
        yield "the file lists what was found and does not say what was asked, so the rest is not covered"
    yield from (f"left out: {count:,} {what}" for what, count in left_out.items())


def port_keys(ports: PortSet) -> frozenset[PortKey]:
    """Return ports as keys."""
    tcp = (PortKey(Transport.TCP, port) for port in ports.tcp)
    udp = (PortKey(Transport.UDP, port) for port in ports.udp)
    return frozenset((*tcp, *udp))
