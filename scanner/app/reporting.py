"""The page about a stored sweep and those before it: facts from the history for `outputs/report`."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise

from scanner.core.diff import Change, Difference
from scanner.core.errors import InvalidInput
from scanner.core.report import Summary
from scanner.history.compare import compare
from scanner.history.overlap import overlap
from scanner.history.store import Store
from scanner.history.stored import StoredSweep
from scanner.outputs.destination import destination_for
from scanner.outputs.report.html import HtmlReport
from scanner.outputs.report.timeline import Past, PastSweep

MOST_SWEEPS = 14
"""Sweeps on the timeline, unless the user says otherwise."""


def sweeps_of_report(store: Store, words: Sequence[str], most: int = MOST_SWEEPS) -> list[StoredSweep]:
    """Return the sweeps of a report, the earliest recorded first; the last is what the page is about.

    No word means the last sweep and one word that sweep, each with those of its audit before it that looked at some of
    the same endpoints, `most` in all; several words mean exactly these.

    Raises:
        InvalidInput: a word means no sweep.
    """
    if len(words) > 1:
        named = {sweep.number: sweep for sweep in map(store.sweep, words)}
        return [named[number] for number in sorted(named)]
    last = store.sweep(words[0] if words else "last")
    earlier = (
        each for each in store.sweeps(audit=last.audit, before=last) if overlap(each.plan, last.plan).common
    )  # fmt: skip
    return [*reversed(list(islice(earlier, most - 1))), last]


def write_report(store: Store, sweeps: Sequence[StoredSweep], path: str, *, statuses: bytes = b"") -> None:
    """Write the page about the last of some sweeps; `path` may be `-`.

    Raises:
        InvalidInput: two of the sweeps have no endpoint in common.
        OutputFailed: the file cannot be written.
    """
    last, past = sweeps[-1], _past(store, sweeps)
    page = HtmlReport(destination_for(path), statuses=statuses, past=past)
    page.begin(last.info)
    try:
        for judged in store.judged(last):
            if judged.findings:
                page.result(judged)
        page.end(store.summary(last))
    except BaseException:
        page.abandon()
        raise


def _past(store: Store, sweeps: Sequence[StoredSweep]) -> Past:
    rows = [_row(sweep, store.summary(sweep)) for sweep in sweeps[:1]]
    changes: tuple[Difference, ...] = ()
    for before, after in pairwise(sweeps):
        shared = overlap(before.plan, after.plan)
        if not shared.common:
            raise InvalidInput(f"sweeps {before.id} and {after.id} have no endpoint in common", cure="name others")
        found = compare(store, before, after)
        if after is sweeps[-1]:
            changes = tuple(found)
            found = iter(changes)
        counts = Counter(each.change for each in found)
        rows.append(_row(after, store.summary(after), counts, str(shared)))
    return Past(tuple(rows), sweeps[-2].id if len(sweeps) > 1 else "", changes)


def _row(sweep: StoredSweep, summary: Summary, counts: Counter[Change] | None = None, compared: str = "") -> PastSweep:
    counts = counts or Counter()
    return PastSweep(
        id=sweep.id,
        started=sweep.info.started,
        ended=_ended(summary),
        open=summary.coverage.open,
        findings=sum(summary.findings.values()),
        opened=counts[Change.OPENED],
        closed=counts[Change.CLOSED],
        new=counts[Change.NEW],
        unsure=counts[Change.UNSURE],
        compared=compared,
    )


def _ended(summary: Summary) -> str:
    if summary.interrupted:
        return "interrupted"
    if summary.degraded:
        return "degraded"
    return "complete" if summary.complete else "incomplete"
