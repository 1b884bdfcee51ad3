"""DefectDojo's "Generic Findings Import" in JSON.

`unique_id_from_tool` is the finding's id, so that importing next week's file again updates what is still there and
closes what is gone. `type` is always the same word: DefectDojo makes a test type of it.
"""

from collections.abc import Iterator, Sequence

from scanner.core.model import Finding, Judged
from scanner.core.report import Summary
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.lines import json_document
from scanner.outputs.markdown import code
from scanner.outputs.record import chosen, finding_record
from scanner.outputs.rules_help import rule_action, rule_reason, rule_title

LONGEST_TITLE, LONGEST_SERVICE = 500, 200
"""What DefectDojo's columns hold (title 511, service 200)."""


class DefectDojo(Document):
    """Writes findings as DefectDojo imports them."""

    def __init__(self, destination: Destination, *, all_open: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the document."""
        yield json_document(
            {
                "name": f"scanner {summary.info.sweep_id}",
                "type": "scanner",
                "version": summary.info.version,
                "dynamic_tool": True,
                "static_tool": False,
                "findings": [_finding(summary, finding) for finding in chosen(judged, all_open=self._all_open)],
            }
        )


def _finding(summary: Summary, finding: Finding) -> dict[str, object]:
    seen = finding.observation
    return {
        "title": f"{rule_title(finding.rule)}: {seen.endpoint}"[:LONGEST_TITLE],
        "severity": finding.severity.word.title(),
        "description": _description(summary, finding),
        "mitigation": rule_action(finding.rule),
        "impact": rule_reason(finding.rule),
        "date": f"{seen.at:%Y-%m-%d}",
        "active": True,
        "verified": False,
        "dynamic_finding": True,
        "static_finding": False,
        "unique_id_from_tool": finding.id,
        "vuln_id_from_tool": finding.rule,
        "service": (finding.service or "")[:LONGEST_SERVICE],
        "tags": [finding.verdict.value, finding.registry_status.value],
        "endpoints": [_endpoint(finding)],
    }


def _endpoint(finding: Finding) -> dict[str, object]:
    endpoint = finding.observation.endpoint
    place: dict[str, object] = {"protocol": endpoint.transport.value, "host": str(endpoint.address)}
    return place if finding.observation.whole_host else {**place, "port": endpoint.port}


def _description(summary: Summary, finding: Finding) -> str:
    """The record of the finding as Markdown, which DefectDojo shows; the words of others in code spans."""
    record = finding_record(summary.info, finding)
    facts = ("detail", "state", "reason", "hostname", "registry_status", "service", "evidence", "policy_entry")
    return "; ".join(f"{key}: {code(str(record[key]))}" for key in facts if record[key])
