"""One night of an audit: sweep, write the outputs, and say what changed, if anything did."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from scanner.app.assembly import Assembly
from scanner.app.exit_status import ExitStatus, FailOn
from scanner.app.job import run_job
from scanner.app.sweep import findings_of
from scanner.app.sweep_history import open_store
from scanner.cli.options import ScanOptions
from scanner.config.audit import Audit
from scanner.core.diff import Change, Difference
from scanner.core.errors import HistoryUnusable
from scanner.core.model import REPORTABLE, Judged
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.classify import RULES
from scanner.engines.choose import EngineName
from scanner.files.atomic import make_folder_of
from scanner.history.compare import compare
from scanner.outputs.change_report import AuditRunReport, change_report
from scanner.outputs.formats import FORMATS, FormatOptions, OutputRequest, make_outputs
from scanner.outputs.interface import Output


def options_of(audit: Audit) -> ScanOptions:
    """What an audit file asks for, as options."""
    keys = audit.keys
    return ScanOptions(
        targets=tuple(keys.targets),
        target_files=_paths(audit, keys.target_files),
        ports=_words(keys.ports),
        exclude=tuple(keys.exclude),
        exclude_files=_paths(audit, keys.exclude_files),
        exclude_ports=_words(keys.exclude_ports),
        scope=_path(audit, keys.scope),
        engine=EngineName(keys.engine),
        rate=keys.rate,
        host_rate=keys.host_rate,
        retries=keys.retries,
        timeout=keys.timeout,
        interface=keys.interface,
        identify=keys.identify,
        fail_on=FailOn(keys.fail_on),
        registry=_path(audit, keys.registry),
        policy=_path(audit, keys.policy),
        history=_path(audit, keys.history or None),
        no_history=keys.history is False,
        audit=audit.name,
        audit_file=audit.path,
        places={key: audit.places(key) for key in ("targets", "exclude", "ports", "exclude_ports")},
        quiet=True,
    )


def first_night(audit: Audit, warn: Callable[[str], None]) -> Assembly:
    """The parts of a sweep that starts now."""
    return Assembly(options_of(audit), now=datetime.now(UTC), warn=warn)


def run_night(audit: Audit, assembly: Assembly, notes: Sequence[str] = ()) -> ExitStatus:
    """Sweep, write, and report to standard output what somebody should look at.

    `notes` (an old registry, say) are no reason for a report, but stand in it when there is one.
    """
    status, summary = run_job(assembly.job(*_outputs(audit, assembly.info)))
    summary = replace(summary, notes=(*notes, *summary.notes))
    report = change_report(_night(audit, assembly, summary), RULES, always=not audit.keys.only_changes)
    sys.stdout.write(report)
    return status


def _outputs(audit: Audit, info: SweepInfo) -> list[Output]:
    keys = audit.keys.outputs
    requests = [
        OutputRequest(each.name, str(path))
        for each in FORMATS
        for path in _places(audit, keys.files.get(each.audit_key), info)
    ]
    for request in requests:
        make_folder_of(request.path)
    return make_outputs(requests, FormatOptions(all_open=keys.all_open))


def _places(audit: Audit, template: str | None, info: SweepInfo) -> Iterator[Path]:
    """The file that a template means this time, and the one that is always the newest."""
    if template is None:
        return
    yield audit.output(template, info.sweep_id, info.started)
    if latest := audit.latest(template):
        yield latest


def _night(audit: Audit, assembly: Assembly, summary: Summary) -> AuditRunReport:
    csv = audit.keys.outputs.files.get("csv")
    where = str(audit.output(csv, summary.info.sweep_id, summary.info.started)) if csv else ""
    history = str(assembly.options.history or "")
    try:
        before, changes = _changes(assembly, summary)
    except HistoryUnusable as error:
        return AuditRunReport(audit.name, summary, None, (), where, history, problem=str(error))
    return AuditRunReport(audit.name, summary, before, changes, where, history)


def _changes(assembly: Assembly, summary: Summary) -> tuple[SweepInfo | None, tuple[Difference, ...]]:
    if assembly.memory is None:
        raise HistoryUnusable("the audit file says history = false")
    if assembly.memory.lost:
        raise HistoryUnusable(assembly.memory.lost)
    with open_store(assembly.options.history) as store:
        stored = store.find(summary.info.sweep_id)
        if stored is None:
            raise HistoryUnusable("the history holds no record of this sweep")
        before = store.before(stored)
        if before is None:
            return None, tuple(_all_new(store.judged(stored)))
        return before.info, tuple(compare(store, before, stored))


def _all_new(judged: Iterable[Judged]) -> Iterator[Difference]:
    """On the first night every finding is new."""
    for finding in findings_of(judged):
        if finding.verdict in REPORTABLE:
            seen = finding.observation
            yield Difference(Change.NEW, seen.endpoint, "", seen.state.value, seen.hostname, finding)


def _words(words: list[int | str]) -> tuple[str, ...]:
    return tuple(str(word) for word in words)


def _path(audit: Audit, text: str | None) -> Path | None:
    return audit.beside(text) if text else None


def _paths(audit: Audit, texts: list[str]) -> tuple[str, ...]:
    return tuple(str(audit.beside(text)) for text in texts)
