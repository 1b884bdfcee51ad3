"""Elastic Common Schema (ECS 8) as JSON lines, one document a finding, for Filebeat, Logstash and the bulk API.

The last document is the sweep itself with its coverage: nothing found and nothing probed must not look alike.

A finding is an alert of category `network`. What ECS has no field for stands under `scanner.`, as ECS asks of custom
fields.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.core.model import Finding, Judged, Severity
from scanner.core.report import Summary
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.json_lines import summary_fields
from scanner.outputs.lines import sanitised
from scanner.outputs.record import chosen, finding_record, iso
from scanner.outputs.rules_help import rule_title
from scanner.outputs.summary_text import closing_lines

ECS_VERSION = "8.11.0"

SCORES: Mapping[Severity, int] = {Severity.HIGH: 73, Severity.MEDIUM: 47, Severity.LOW: 21, Severity.INFO: 0}
"""Severities as the numbers of Elastic's own rules: 21 low, 47 medium, 73 high."""


class Ecs(Document):
    """Writes findings as ECS documents."""

    def __init__(self, destination: Destination, *, all_open: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return a line for each finding, and one for the sweep."""
        for finding in chosen(judged, all_open=self._all_open):
            yield _line(_finding_fields(summary, finding))
        yield _line(_sweep_fields(summary))


def _line(fields: Mapping[str, Any]) -> str:
    return json.dumps(sanitised(fields), ensure_ascii=False, allow_nan=False) + "\n"


def _sweep_fields(summary: Summary) -> Mapping[str, Any]:
    return {
        "@timestamp": iso(summary.finished),
        "ecs": {"version": ECS_VERSION},
        "message": " ".join(closing_lines(summary)),
        "event": {
            "id": summary.info.sweep_id,
            "kind": "event",
            "category": ["network"],
            "type": ["info"],
            "module": "scanner",
            "dataset": "scanner.sweep",
            "outcome": "success" if summary.complete else "failure",
            "start": iso(summary.info.started),
            "end": iso(summary.finished),
        },
        "observer": _observer(summary),
        "scanner": summary_fields(summary),
    }


def _observer(summary: Summary) -> Mapping[str, Any]:
    return {"type": "scanner", "product": "scanner", "version": summary.info.version}


def _finding_fields(summary: Summary, finding: Finding) -> Mapping[str, Any]:
    seen, endpoint = finding.observation, finding.observation.endpoint
    address = str(endpoint.address)
    named = {"domain": seen.hostname} if seen.hostname else {}
    record = finding_record(summary.info, finding)
    return {
        "@timestamp": iso(seen.at),
        "ecs": {"version": ECS_VERSION},
        "message": f"{endpoint}: {finding.detail}",
        "event": {
            "id": finding.id,
            "kind": "alert",
            "category": ["network"],
            "type": ["info"],
            "module": "scanner",
            "dataset": "scanner.finding",
            "severity": SCORES[finding.severity],
            "start": iso(summary.info.started),
            "end": iso(summary.finished),
        },
        "rule": {"id": finding.rule, "name": rule_title(finding.rule)},
        "destination": {"address": address, "ip": _bare(address), "port": endpoint.port, **named},
        "network": {"transport": endpoint.transport.value, "type": f"ipv{endpoint.address.version}"},
        "observer": _observer(summary),
        "scanner": {key: value for key, value in record.items() if value is not None},
    }


def _bare(address: str) -> str:
    """An address without its zone, which ECS' type `ip` does not take."""
    return address.partition("%")[0]
