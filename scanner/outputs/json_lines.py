"""JSON lines: one object a line, as they come, for programs that read along.

First a `sweep`, then a `finding` for everything the rules say of every open port, expected or not (see `verdict`), last
a `summary`. A stream without a summary was cut off. A finding has the CSV's columns as keys, with null where the CSV
has nothing and numbers as numbers, and `identity`: what speaks there, where the port was asked (`--identify`). Findings
come in the order in which the network gave them. Fields are only ever added;
`schema_version` rises if that promise must be broken. `data/json-lines.schema.json` describes each line.
"""

from collections.abc import Mapping
from typing import Any

from scanner.core.model import Coverage, Judged, Severity, Verdict
from scanner.core.report import Summary, SweepInfo
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import Destination
from scanner.outputs.document import is_fragment
from scanner.outputs.identity_fields import identity_fields
from scanner.outputs.lines import json_line, registry_fields
from scanner.outputs.record import finding_record, iso


class JsonLines:
    """Writes each event as one JSON object on its own line, at once."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._info: SweepInfo | None = None

    @property
    def reader_gone(self) -> bool:
        """Whether the reader of the lines has gone (`| head`): a reason to stop."""
        return self._destination.reader_gone

    @property
    def note(self) -> str:
        """What a user should know of where the lines are; else empty."""
        return self._destination.note

    def begin(self, info: SweepInfo) -> None:
        """Open the destination and write the `sweep` line. Raises OutputFailed."""
        self._info = info
        self._destination.open()
        self._write("sweep", sweep_fields(info))

    def result(self, judged: Judged) -> None:
        """Write its findings. Raises OutputFailed."""
        assert self._info is not None, "begin() comes first"
        for finding in judged.findings:
            speaks = identity_fields(finding.observation.identity)
            self._write("finding", {**finding_record(self._info, finding), "identity": speaks})

    def end(self, summary: Summary) -> None:
        """Write the summary. Raises OutputFailed."""
        self._write("summary", summary_fields(summary))
        self._destination.commit(partial=is_fragment(summary))

    def abandon(self) -> None:
        """Leave nothing behind, where that can be helped."""
        self._destination.discard()

    def _write(self, kind: str, fields: Mapping[str, Any]) -> None:
        self._destination.write(json_line(kind, fields, ascii_only=False))
        self._destination.flush()


def sweep_fields(info: SweepInfo) -> Mapping[str, Any]:
    """Return what is fixed before the first probe, as JSON data."""
    return {
        "sweep_id": sanitise(info.sweep_id),
        "started": iso(info.started),
        "version": sanitise(info.version),
        "targets": sanitise(info.targets),
        "ports": sanitise(info.ports),
        "addresses": info.addresses,
        "ports_per_address": info.ports_per_address,
        "udp_ports_per_address": info.udp_ports_per_address,
        "engine": sanitise(info.engine),
        "engine_why": sanitise(info.engine_why),
        "seed": info.seed,
        "shard": sanitise(info.shard),
        "registry": registry_fields(info.registry),
        "policy": sanitise(info.policy),
        "scope": sanitise(info.scope),
        "hostnames": {sanitise(name): list(map(sanitise, addresses)) for name, addresses in info.hostnames.items()},
    }


def summary_fields(summary: Summary) -> Mapping[str, Any]:
    """Return what is known at the end, as JSON data."""
    return {
        "sweep_id": sanitise(summary.info.sweep_id),
        "finished": iso(summary.finished),
        "seconds": round(summary.seconds, 3),
        "complete": summary.complete,
        "interrupted": summary.interrupted,
        "coverage": coverage_fields(summary.coverage),
        "reasons": {sanitise(reason): count for reason, count in sorted(summary.reasons.items())},
        "findings": {severity.word: summary.findings.get(severity, 0) for severity in reversed(Severity)},
        "verdicts": {verdict.value: summary.verdicts.get(verdict, 0) for verdict in Verdict},
        "degraded": list(map(sanitise, summary.degraded)),
        "notes": list(map(sanitise, summary.notes)),
        "registry_date": sanitise(summary.info.registry.date),
    }


def coverage_fields(coverage: Coverage) -> Mapping[str, int]:
    """Return the counts of what was covered; `planned` is the sum of the five states."""
    return {
        "planned": coverage.planned,
        "sent": coverage.sent,
        "answered": coverage.answered,
        "open": coverage.open,
        "closed": coverage.closed,
        "filtered": coverage.filtered,
        "unknown": coverage.unknown,
        "excluded": coverage.excluded,
        "unreachable_hosts": coverage.unreachable_hosts,
        "open_filtered": coverage.open_filtered,
    }
