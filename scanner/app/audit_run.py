"""One run of an audit: sweep, write the outputs, and report what changed since the run before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from scanner.app.assembly import format_options, make_job
from scanner.app.audit_options import audit_scan_options
from scanner.app.exit_status import ExitStatus
from scanner.app.job import Job, JobOutcome
from scanner.app.options import FilePath
from scanner.app.planning import PlannedSweep, plan_sweep
from scanner.app.resume import InterruptedSweep
from scanner.app.sweep import findings_of
from scanner.app.sweep_history import open_store
from scanner.config.audit import Audit
from scanner.core.diff import Change, Difference
from scanner.core.errors import HistoryUnusable, Warn
from scanner.core.model import REPORTABLE, Judged
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.classify import RULES
from scanner.files.atomic import PARTIAL, make_folder_of
from scanner.history.compare import compare
from scanner.outputs.change_report import AuditRunReport, change_report
from scanner.outputs.document import is_fragment
from scanner.outputs.fan_out import FanOut
from scanner.outputs.formats import FORMATS, OutputRequest, make_outputs

RunJob = Callable[[Job], JobOutcome]
"""Runs a job to its end; the front's own way of doing it."""


def plan_audit(audit: Audit, *, warn: Warn, fail_on_new: bool = False) -> PlannedSweep:
    """Plan a run that starts now; with `fail_on_new` only new findings count for its exit status, whatever the audit
    says. Raises as `plan_sweep` does.
    """
    options = audit_scan_options(audit)
    return plan_sweep(replace(options, fail_on_new=fail_on_new or options.fail_on_new), warn=warn)


def run_audit(
    audit: Audit,
    planned: PlannedSweep,
    run_job: RunJob,
    *,
    warn: Warn,
    notes: Sequence[str] = (),
    interrupted: InterruptedSweep | None = None,
) -> tuple[ExitStatus, str]:
    """Sweep, write the outputs, and return the exit status and the report; an empty report is a quiet run.

    `notes` (an old registry, say) are no reason for a report, but stand in it when there is one.
    """
    job = make_job(planned, warn=warn, interrupted=interrupted)
    requests = _requests(audit, job.info)
    for request in requests:
        make_folder_of(request.path)
    outputs = make_outputs(requests, format_options(planned.options, planned.judging.registry))
    outcome = run_job(replace(job, output=FanOut(outputs)))
    summary = replace(outcome.summary, notes=(*notes, *outcome.summary.notes))
    lost = job.history.lost if job.history else "the audit file says history = false"
    changed = _report(audit, planned, summary, problem=lost)
    return outcome.status, change_report(changed, RULES, always=not audit.keys.only_changes)


def audit_outputs(audit: Audit, info: SweepInfo) -> list[Path]:
    """Return every file that a run of an audit writes."""
    return [Path(request.path) for request in _requests(audit, info)]


def _requests(audit: Audit, info: SweepInfo) -> list[OutputRequest]:
    return [
        OutputRequest(each.name, str(path))
        for each in FORMATS
        if (template := audit.keys.outputs.files.get(each.audit_key)) is not None
        for path in _paths(audit, template, each.ending(template), info)
    ]


def _paths(audit: Audit, template: str, ending: str, info: SweepInfo) -> Iterator[Path]:
    """Yield the file that a template means this time, and the one that is always the newest."""
    yield audit.output(template, info.sweep_id, info.started)
    if latest := audit.latest(template, ending):
        yield latest


def _report(audit: Audit, planned: PlannedSweep, summary: Summary, *, problem: str) -> AuditRunReport:
    csv = audit.keys.outputs.files.get("csv")
    where = str(audit.output(csv, summary.info.sweep_id, summary.info.started)) if csv else ""
    if where and is_fragment(summary):
        where += PARTIAL
    history = planned.options.history
    named = str(history or "")
    if problem:
        return AuditRunReport(audit.name, summary, None, (), where, named, problem=problem)
    try:
        before, changes = _changes(history, summary)
    except HistoryUnusable as error:
        return AuditRunReport(audit.name, summary, None, (), where, named, problem=str(error))
    return AuditRunReport(audit.name, summary, before, changes, where, named)


def _changes(history: FilePath | None, summary: Summary) -> tuple[SweepInfo | None, tuple[Difference, ...]]:
    with open_store(history) as store:
        stored = store.find(summary.info.sweep_id)
        if stored is None:
            raise HistoryUnusable("the history holds no record of this sweep")
        before = store.before(stored)
        if before is None:
            return None, tuple(_all_new(store.judged(stored)))
        return before.info, tuple(compare(store, before, stored))


def _all_new(judged: Iterable[Judged]) -> Iterator[Difference]:
    """Yield every finding of the first run as new."""
    for finding in findings_of(judged):
        if finding.verdict in REPORTABLE:
            seen = finding.observation
            yield Difference(Change.NEW, seen.endpoint, "", seen.state.value, seen.hostname, finding)
