"""Markdown (CommonMark with GitHub's tables), for tickets, wikis and the summaries of pipelines.

Whatever others wrote stands in a code span: no markup, link, image or @mention in a banner comes to life there.
"""

from collections.abc import Iterator, Sequence

from scanner.core.model import Finding, Judged
from scanner.core.report import Summary
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.record import chosen
from scanner.outputs.rules_help import rule_action, rules_by_id
from scanner.outputs.summary_text import describe

_HEADINGS = ("Severity", "Endpoint", "Host", "Registry", "Rule", "Reason")


class Markdown(Document):
    """Writes a sweep as a page: the verdict, the findings as a table, what to do, what was covered."""

    def __init__(self, destination: Destination, *, all_open: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the page."""
        text = describe(summary)
        findings = sorted(chosen(judged, all_open=self._all_open), key=lambda finding: -finding.severity)
        yield f"# Port audit {code(summary.info.sweep_id)}\n\n"
        yield "".join(f"{code(line)}\n\n" for line in text.closing)
        if findings:
            yield from _table(findings)
            yield from _actions(findings)
        yield "## Coverage\n\n"
        yield from (f"- {label}: {code(fact)}\n" for label, fact in text.facts)


def code(text: str) -> str:
    """Return text as a code span that nothing in it can end (CommonMark 0.31, section 6.1), also inside a table."""
    text = sanitise(text).replace("|", "\\|").replace("\n", " ")
    if not text.strip():
        return ""
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    yield "## Findings\n\n" + _table_row(_HEADINGS) + _table_row(["---"] * len(_HEADINGS))
    for finding in findings:
        seen = finding.observation
        registry = " ".join(filter(None, (finding.registry_status.value, finding.service)))
        texts = (str(seen.endpoint), seen.hostname, registry, finding.rule, finding.detail)
        yield _table_row([finding.severity.word, *map(code, texts)])
    yield "\n"


def _actions(findings: Sequence[Finding]) -> Iterator[str]:
    known = [rule for rule in dict.fromkeys(finding.rule for finding in findings) if rule in rules_by_id()]
    if known:
        yield "## What to do\n\n"
        yield from (f"- {code(rule)}: {rule_action(rule)}\n" for rule in known)
        yield "\n"


def _table_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"
