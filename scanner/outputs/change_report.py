"""Write the change report that cron mails after an audit run: plain text, empty where nothing changed.

For each new finding: where, since when, what the registry says, and what to do. Then what is gone, what no longer
answers (which is not the same), which services changed, and what was not covered. A run that did not cover
everything always reports.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import TextWrapper

from scanner.core.diff import Change, Difference
from scanner.core.model import Finding
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.rule import Rule
from scanner.core.sanitise import sanitise
from scanner.outputs.changes import WHY, where
from scanner.outputs.document import is_fragment
from scanner.outputs.quantities import counted
from scanner.outputs.summary_text import closing_lines

MOST_SHOWN = 20
"""How many entries of a kind are shown; the CSV has them all."""

REPORT_WIDTH = 78
_LABEL = 12

_REPORTED = (Change.NEW, Change.GONE, Change.SERVICE, Change.UNSURE)


@dataclass(frozen=True, slots=True)
class AuditRunReport:
    """What is known after one audit run."""

    name: str
    """The audit's name."""
    summary: Summary
    """How the sweep ended."""
    before: SweepInfo | None
    """The sweep that it is compared with; None in the first run."""
    changes: Sequence[Difference]
    """What changed since."""
    csv: str = ""
    """The file with all findings, or empty."""
    history: str = ""
    """The history file, where it is not the default one."""
    problem: str = ""
    """Why the run could not be compared, or empty."""


def change_report(run: AuditRunReport, rules: Iterable[Rule], *, always: bool = False) -> str:
    """Return the report; empty where nothing changed and everything was covered, unless `always` is set."""
    kinds = _by_kind(run.changes)
    if not (kinds or always or run.problem or not run.summary.complete):
        return ""
    silent = list(_silent_hosts(kinds[Change.UNSURE]))
    actions = {rule.id: rule.action for rule in rules}
    lines = [_headline(run, kinds), ""]
    for section in (
        _section("New:", _new(kinds[Change.NEW], actions), len(kinds[Change.NEW])),
        _section("Gone:", map(_gone, kinds[Change.GONE]), len(kinds[Change.GONE])),
        _section("No longer answers:", silent, len(silent)),
        _section("Service changed:", map(_service, kinds[Change.SERVICE]), len(kinds[Change.SERVICE])),
        [*closing_lines(run.summary), *_indented(run.summary.degraded), *_indented(run.summary.notes)],
        _references(run),
    ):
        lines += [*section, ""] if section else []
    return "\n".join(lines).rstrip() + "\n"


def _by_kind(changes: Iterable[Difference]) -> Mapping[Change, list[Difference]]:
    kinds: defaultdict[Change, list[Difference]] = defaultdict(list)
    for each in changes:
        if each.change in _REPORTED and (each.change is not Change.UNSURE or (each.silent and each.finding)):
            kinds[each.change].append(each)
    for found in kinds.values():
        found.sort(key=lambda each: -(each.finding.severity if each.finding else 0))
    return kinds


def _headline(run: AuditRunReport, kinds: Mapping[Change, list[Difference]]) -> str:
    name = sanitise(run.name)
    if run.problem:
        return f"{name}: swept, but not compared with an earlier sweep: {sanitise(run.problem)}"
    if run.before is None:
        findings = counted(sum(run.summary.findings.values()), "finding")
        return f"{name}: {findings} in the first sweep; later reports list only what changed."
    silent = len({each.endpoint for each in kinds.get(Change.UNSURE, ())})
    parts = [
        counted(len(kinds[Change.NEW]), "new finding") if kinds.get(Change.NEW) else "",
        f"{len(kinds[Change.GONE]):,} gone" if kinds.get(Change.GONE) else "",
        f"{counted(silent, 'port')} no longer answering" if silent else "",
        f"{counted(len(kinds[Change.SERVICE]), 'service')} changed" if kinds.get(Change.SERVICE) else "",
    ]
    changed = ", ".join(filter(None, parts)) or "nothing changed"
    return f"{name}: {changed} since the sweep of {_day(run.before.started)}."


def _section(title: str, blocks: Iterable[Sequence[str]], count: int) -> list[str]:
    lines = [title] if count else []
    for number, block in enumerate(blocks):
        if number == MOST_SHOWN:
            return [*lines, f"  ... and {count - MOST_SHOWN:,} more."]
        lines += [f"  {line}" for line in block]
    return lines


def _indented(texts: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for text in texts for line in _wrapped(sanitise(text), REPORT_WIDTH - 2))


def _new(found: Iterable[Difference], actions: Mapping[str, str]) -> Iterator[Sequence[str]]:
    explained: set[str] = set()
    for each in found:
        if finding := each.finding:
            yield _finding_block(each, finding, "" if finding.rule in explained else actions.get(finding.rule, ""))
            explained.add(finding.rule)


def _finding_block(each: Difference, finding: Finding, action: str) -> list[str]:
    service = f", {finding.service}" if finding.service else ""
    facts = [
        ("what", finding.detail),
        ("since", _since(each, finding)),
        ("registry", f"{finding.registry_status}{service}"),
        ("speaks", finding.observation.identity.words if finding.observation.identity else ""),
        ("do", action),
    ]
    head = f"{where(each)}  {finding.severity.word}  {finding.rule}"
    return [head, *(line for label, text in facts if text for line in _fact(label, sanitise(text)))]


def _since(each: Difference, finding: Finding) -> str:
    seen = finding.observation.at
    first = finding.first_seen or seen
    again = f"; back again on {_day(seen)}" if first < seen and first.date() != seen.date() else ""
    because = f" ({WHY[each.because]})" if WHY[each.because] else ""
    return f"{_day(first)}{again}{because}"


def _fact(label: str, text: str) -> list[str]:
    lines = _wrapped(text, REPORT_WIDTH - _LABEL - 4) or [""]
    return [f"  {label:<{_LABEL - 2}}{lines[0]}", *(f"  {'':<{_LABEL - 2}}{line}" for line in lines[1:])]


def _gone(each: Difference) -> list[str]:
    because = f", {WHY[each.because]}" if WHY[each.because] else ""
    if each.finding is None:
        return []
    last = f", last seen {_day(each.finding.observation.at)}"
    return [f"{where(each)}  {each.finding.rule}", f"  now {sanitise(each.after)}{because}{last}"]


def _silent_hosts(found: Iterable[Difference]) -> Iterator[Sequence[str]]:
    """Yield a block for each host with ports that were open and now give no answer: open or not, nobody knows."""
    hosts: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for each in found:
        name = f" ({sanitise(each.hostname)})" if each.hostname else ""
        hosts[f"{each.endpoint.address}{name}"][f"{each.endpoint.port}/{each.endpoint.transport}"] = each.after
    for host, ports in hosts.items():
        facts = [("ports", ", ".join(ports)), ("why", "; ".join(dict.fromkeys(map(sanitise, ports.values()))))]
        yield [host, *(line for label, text in facts for line in _fact(label, text))]


def _service(each: Difference) -> list[str]:
    return [f"{where(each)}  {sanitise(each.before)} -> {sanitise(each.after)}"]


def _references(run: AuditRunReport) -> list[str]:
    info = run.summary.info
    extent = "Findings so far" if is_fragment(run.summary) else "All findings"
    lines = [f"{extent}: {sanitise(run.csv)}"] if run.csv else []
    lines.append(f"Sweep {info.sweep_id}, registry of {info.registry.date}.")
    if run.before is not None and run.before.started > info.started:
        lines.append(f"Sweep {run.before.sweep_id} ran earlier and has a later date: the clock was wrong.")
    if run.before is not None:
        named = f" --history {sanitise(run.history)}" if run.history else ""
        lines.append(f"`scanner diff {run.before.sweep_id} {info.sweep_id}{named}` shows every change.")
    return lines


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines; names of files and hosts stay whole."""
    return TextWrapper(width, break_long_words=False, break_on_hyphens=False).wrap(text)
