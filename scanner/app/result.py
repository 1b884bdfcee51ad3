"""What a sweep came to, as one value: findings never come without what was covered.

An empty list of findings says nothing by itself: it may mean that nothing is wrong, or that nothing was probed. So a
result carries coverage, reasons and exit status beside the findings, and `clean` is only true when both hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner.app.exit_status import ExitStatus
from scanner.app.job import JobOutcome
from scanner.core.errors import NotCovered
from scanner.core.model import REPORTABLE, Coverage, Endpoint, Finding, Judged, State
from scanner.core.report import Summary, SweepInfo


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A finished sweep."""

    judged: tuple[Judged, ...]
    """Every open endpoint, and what a policy requires, each with all that the rules say, as found."""
    summary: Summary
    """What was covered, in numbers and notes."""
    exit_status: ExitStatus
    """What the command line would have exited with."""

    @property
    def info(self) -> SweepInfo:
        """What was fixed before the first probe: targets, ports, engine, registry, policy, scope."""
        return self.summary.info

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything unexpected or missing, the most severe first."""
        found = (finding for each in self.judged for finding in each.findings if finding.verdict in REPORTABLE)
        return tuple(sorted(found, key=lambda finding: -finding.severity))

    @property
    def open(self) -> tuple[Endpoint, ...]:
        """Every open endpoint; a host that answers on every port counts once, with port 0."""
        return tuple(each.observation.endpoint for each in self.judged if each.observation.state is State.OPEN)

    @property
    def coverage(self) -> Coverage:
        """How many endpoints were planned, and how many have each state."""
        return self.summary.coverage

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many endpoints have each reason."""
        return self.summary.reasons

    @property
    def degraded(self) -> tuple[str, ...]:
        """Why answers may have been lost; empty when nothing of the kind happened."""
        return self.summary.degraded

    @property
    def notes(self) -> tuple[str, ...]:
        """What else an auditor should know."""
        return self.summary.notes

    @property
    def complete(self) -> bool:
        """Whether everything planned was covered, and nothing degraded or interrupted the sweep."""
        return self.summary.complete

    @property
    def clean(self) -> bool:
        """Whether everything planned was covered and nothing unexpected or missing was found."""
        return self.complete and not self.findings

    def require_coverage(self) -> "ScanResult":
        """Return this result if it is complete.

        Raises:
            NotCovered: it is not; the message says what is missing.
        """
        if not self.complete:
            raise NotCovered(_missing(self.summary))
        return self

    def to_records(self) -> list[dict[str, Any]]:
        """Return one dictionary a finding, with the CSV's columns as keys, for `json.dumps` or a data frame.

        Every rule that speaks of an open endpoint is there, `expected` and `undetermined` verdicts too.
        """
        from scanner.outputs.record import finding_record

        return [dict(finding_record(self.info, finding)) for each in self.judged for finding in each.findings]


def result_of(judged: list[Judged], outcome: JobOutcome) -> ScanResult:
    """Return a job's outcome as a result."""
    return ScanResult(tuple(judged), outcome.summary, outcome.status)


def _missing(summary: Summary) -> str:
    cover = summary.coverage
    why = [f"{reason} {count:,}" for reason, count in summary.reasons.items() if count]
    parts = [f"{cover.unknown:,} of {cover.planned:,} endpoints are unknown"] if cover.unknown else []
    parts += ["the sweep was interrupted"] if summary.interrupted else []
    parts += list(summary.degraded)
    return f"not everything was covered: {'; '.join(parts)} (reasons: {', '.join(why)})"
