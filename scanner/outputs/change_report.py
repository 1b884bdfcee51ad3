"""The mail that cron sends after a night in which something changed. Plain text, worth reading, and otherwise empty.

For each new finding: where, since when, what the registry says, and what to do. Then what is gone, what speaks
differently now, and what was not covered. A night that could not look at everything is never quiet.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap

from scanner.core.diff import Change, Difference
from scanner.core.model import Finding
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.rule import Rule
from scanner.core.sanitise import sanitise
from scanner.outputs.changes import where
from scanner.outputs.quantities import counted
from scanner.outputs.summary_text import closing_lines

MOST = 20
"""How many entries of a kind are shown; the CSV has them all."""

REPORT_WIDTH = 78
_LABEL = 12

_WORTH_SAYING = (Change.NEW, Change.GONE, Change.SERVICE)


@dataclass(frozen=True, slots=True)
class AuditRunReport:
    """What is known after one night."""

    name: str
    """The audit's name."""
    summary: Summary
    """How the sweep ended."""
    before: SweepInfo | None
    """The sweep that it is compared with; None on the first night."""
    changes: Sequence[Difference]
    """What changed since."""
    csv: str = ""
    """Where all findings are."""
    history: str = ""
    """The history file, where it is not the usual one."""
    problem: str = ""
    """Why nothing can be said about changes."""


def change_report(night: AuditRunReport, rules: Iterable[Rule], *, always: bool = False) -> str:
    """The report; empty where there is nothing to look at, unless it is `always` wanted."""
    kinds = _by_kind(night.changes)
    if not (kinds or always or night.problem or not night.summary.complete):
        return ""
    actions = {rule.id: rule.action for rule in rules}
    lines = [_headline(night, kinds), ""]
    for section in (
        _section("New:", _new(kinds[Change.NEW], actions), len(kinds[Change.NEW])),
        _section("Gone:", map(_gone, kinds[Change.GONE]), len(kinds[Change.GONE])),
        _section("Speaks differently:", map(_differently, kinds[Change.SERVICE]), len(kinds[Change.SERVICE])),
        [*closing_lines(night.summary), *_indented(night.summary.degraded), *_indented(night.summary.notes)],
        _references(night),
    ):
        lines += [*section, ""] if section else []
    return "\n".join(lines).rstrip() + "\n"


def _by_kind(changes: Iterable[Difference]) -> Mapping[Change, list[Difference]]:
    kinds: defaultdict[Change, list[Difference]] = defaultdict(list)
    for each in changes:
        if each.change in _WORTH_SAYING:
            kinds[each.change].append(each)
    for found in kinds.values():
        found.sort(key=lambda each: -(each.finding.severity if each.finding else 0))
    return kinds


def _headline(night: AuditRunReport, kinds: Mapping[Change, list[Difference]]) -> str:
    name = sanitise(night.name)
    if night.problem:
        return f"{name}: swept, but what changed is not known: {sanitise(night.problem)}"
    if night.before is None:
        return f"{name}: {counted(_total(night), 'finding')} in the first sweep; from now on only what changes."
    said = [
        counted(len(kinds[Change.NEW]), "new finding") if kinds.get(Change.NEW) else "",
        f"{len(kinds[Change.GONE]):,} gone" if kinds.get(Change.GONE) else "",
        counted(len(kinds[Change.SERVICE]), "speaks", "speak") + " differently" if kinds.get(Change.SERVICE) else "",
    ]
    changed = ", ".join(filter(None, said)) or "nothing changed"
    return f"{name}: {changed} since the sweep of {_day(night.before.started)}."


def _section(title: str, blocks: Iterable[Sequence[str]], count: int) -> list[str]:
    lines = [title] if count else []
    for number, block in enumerate(blocks):
        if number == MOST:
            return [*lines, f"  ... and {count - MOST:,} more."]
        lines += [f"  {line}" for line in block]
    return lines


def _indented(texts: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for text in texts for line in wrap(sanitise(text), REPORT_WIDTH - 2))


def _new(found: Iterable[Difference], actions: Mapping[str, str]) -> Iterator[Sequence[str]]:
    told: set[str] = set()
    for each in found:
        if finding := each.finding:
            yield _finding_block(each, finding, "" if finding.rule in told else actions.get(finding.rule, ""))
            told.add(finding.rule)


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
    because = "" if each.because == "network" else f" (because of the {each.because})"
    return f"{_day(first)}{again}{because}"


def _fact(label: str, text: str) -> list[str]:
    lines = wrap(text, REPORT_WIDTH - _LABEL - 4) or [""]
    return [f"  {label:<{_LABEL - 2}}{lines[0]}", *(f"  {'':<{_LABEL - 2}}{line}" for line in lines[1:])]


def _gone(each: Difference) -> list[str]:
    because = "" if each.because == "network" else f", because of the {each.because}"
    if each.finding is None:
        return []
    last = f", last seen {_day(each.finding.observation.at)}"
    return [f"{where(each)}  {each.finding.rule}", f"  now {sanitise(each.after)}{because}{last}"]


def _differently(each: Difference) -> list[str]:
    return [f"{where(each)}  {sanitise(each.before)} -> {sanitise(each.after)}"]


def _references(night: AuditRunReport) -> list[str]:
    info = night.summary.info
    lines = [f"Everything that was found: {sanitise(night.csv)}"] if night.csv else []
    lines.append(f"Sweep {info.sweep_id}, registry of {info.registry.date}.")
    if night.before is not None:
        named = f" --history {sanitise(night.history)}" if night.history else ""
        lines.append(f"`scanner diff {night.before.sweep_id} {info.sweep_id}{named}` shows every change.")
    return lines


def _total(night: AuditRunReport) -> int:
    return sum(night.summary.findings.values())


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
