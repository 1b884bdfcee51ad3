"""SARIF 2.1.0 (OASIS), for code scanning views and for tools that merge the results of many scanners.

A finding is a result whose `partialFingerprints` hold the finding's id, so that a view follows it from week to week.
Its location is the endpoint, as an address (`tcp://10.0.0.5:8080`) and as a logical location. Rules carry their help.
An invocation that did not cover everything is not successful and says why in its notifications. Messages are escaped:
brackets would make a link of a banner's words (section 3.11.6), braces a placeholder (3.11.5).
"""

from collections.abc import Iterator, Sequence

from scanner.core.model import Endpoint, Finding, Judged, Severity
from scanner.core.report import Summary
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.lines import json_document
from scanner.outputs.record import chosen, finding_record, iso
from scanner.outputs.rules_help import rule_action, rule_reason, rule_title

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
_SCORES = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0", Severity.INFO: "0.0"}
"""The `security-severity` that code scanning views sort by."""


class Sarif(Document):
    """Writes a sweep as one SARIF run."""

    def __init__(self, destination: Destination, *, all_open: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the log."""
        findings = list(chosen(judged, all_open=self._all_open))
        rules = sorted({finding.rule for finding in findings})
        places = {rule: place for place, rule in enumerate(rules)}
        run = {
            "tool": {"driver": _driver(summary, [_rule(rule, findings) for rule in rules])},
            "automationDetails": {"id": f"scanner/{summary.info.sweep_id}"},
            "invocations": [_invocation(summary)],
            "columnKind": "unicodeCodePoints",
            "results": [_result(summary, finding, places[finding.rule]) for finding in findings],
        }
        yield json_document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def endpoint_uri(endpoint: Endpoint) -> str:
    """Return an endpoint as an address: `tcp://[2001:db8::5]:80`; a zone is escaped (RFC 6874)."""
    address = str(endpoint.address).replace("%", "%25")
    host = f"[{address}]" if endpoint.address.version == 6 else address
    return f"{endpoint.transport}://{host}:{endpoint.port}"


def _driver(summary: Summary, rules: list[object]) -> dict[str, object]:
    return {"name": "scanner", "version": summary.info.version or "0", "rules": rules}


def _rule(rule: str, findings: list[Finding]) -> dict[str, object]:
    worst = max(finding.severity for finding in findings if finding.rule == rule)
    about: dict[str, object] = {
        "id": rule,
        "shortDescription": {"text": rule_title(rule) or "-"},
        "defaultConfiguration": {"level": _LEVELS[worst]},
        "properties": {"security-severity": _SCORES[worst], "tags": ["security", "network"]},
    }
    if rule_reason(rule):
        about["fullDescription"] = {"text": rule_reason(rule)}
        about["help"] = {"text": f"{rule_reason(rule)} What to do: {rule_action(rule)}"}
    return about


def _invocation(summary: Summary) -> dict[str, object]:
    said = [("warning", text) for text in summary.degraded] + [("note", text) for text in summary.notes]
    if not summary.complete:
        from scanner.outputs.summary_text import closing_lines

        said.insert(0, ("error", closing_lines(summary)[0]))
    return {
        "executionSuccessful": summary.complete,
        "startTimeUtc": iso(summary.info.started),
        "endTimeUtc": iso(summary.finished),
        "toolExecutionNotifications": [{"level": level, "message": _message(text)} for level, text in said],
    }


def _message(text: str) -> dict[str, str]:
    escaped = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return {"text": escaped.replace("{", "{{").replace("}", "}}") or "-"}


def _result(summary: Summary, finding: Finding, place: int) -> dict[str, object]:
    endpoint = finding.observation.endpoint
    uri = endpoint_uri(endpoint)
    return {
        "ruleId": finding.rule,
        "ruleIndex": place,
        "level": _LEVELS[finding.severity],
        "message": _message(f"{endpoint}: {finding.detail}"),
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri}},
                "logicalLocations": [{"name": str(endpoint), "fullyQualifiedName": uri, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"findingId/v1": finding.id},
        "properties": {key: value for key, value in finding_record(summary.info, finding).items() if value is not None},
    }
