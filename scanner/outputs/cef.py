"""CEF in RFC 5424 syslog lines, one a finding and one for the sweep: what a SIEM takes from a file.

Header: facility local0, severity by that of the finding, our name, the id of the sweep as the process id. Extension:
keys of the CEF dictionary (`dst`, `dpt`, `proto`, `cs1` with its label). A finding's id is `externalId`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from scanner.core.model import Finding, Judged, Severity
from scanner.core.report import Summary
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.record import chosen, iso
from scanner.outputs.rules_help import rule_title
from scanner.outputs.summary_text import closing_lines

_LOCAL0 = 16
_SYSLOG: Mapping[Severity, int] = {Severity.HIGH: 2, Severity.MEDIUM: 4, Severity.LOW: 5, Severity.INFO: 6}
"""Critical, warning, notice, informational (RFC 5424 section 6.2.1)."""

_CEF: Mapping[Severity, int] = {Severity.HIGH: 8, Severity.MEDIUM: 5, Severity.LOW: 3, Severity.INFO: 1}
"""CEF's severity is 0 to 10; from 7 on high."""


class Cef(Document):
    """Writes findings as CEF in syslog lines."""

    def __init__(self, destination: Destination, *, all_open: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return a line for each finding, and one for the sweep."""
        for finding in chosen(judged, all_open=self._all_open):
            about = (finding.rule, rule_title(finding.rule))
            yield _line(summary, finding.observation.at, "finding", finding.severity, about, _finding_fields(finding))
        severity = Severity.INFO if summary.complete else Severity.MEDIUM
        about = ("sweep", "Sweep complete" if summary.complete else "Sweep incomplete")
        yield _line(summary, summary.finished, "sweep", severity, about, _sweep_fields(summary))


def _line(
    summary: Summary, at: datetime, kind: str, severity: Severity, about: tuple[str, str], fields: Mapping[str, str]
) -> str:
    """One event: syslog's header, CEF's header, CEF's extension."""
    process = "".join(char for char in summary.info.sweep_id if char.isascii() and char.isalnum()) or "-"
    syslog = f"<{_LOCAL0 * 8 + _SYSLOG[severity]}>1 {iso(at)} - scanner {process[:128]} {kind} -"
    head = "|".join(map(_head, (summary.info.version or "0", *about)))
    extension = " ".join(f"{key}={_value(text)}" for key, text in fields.items() if text)
    return f"{syslog} CEF:0|scanner|scanner|{head}|{_CEF[severity]}|{extension}\n"


def _sweep_fields(summary: Summary) -> Mapping[str, str]:
    return {
        "externalId": summary.info.sweep_id,
        "start": _milliseconds(summary.info.started),
        "end": _milliseconds(summary.finished),
        "outcome": "success" if summary.complete else "failure",
        "cnt": str(sum(summary.findings.values())),
        "msg": " ".join(closing_lines(summary)),
    }


def _finding_fields(finding: Finding) -> Mapping[str, str]:
    seen, endpoint = finding.observation, finding.observation.endpoint
    v6 = endpoint.address.version == 6
    return {
        "externalId": finding.id,
        "rt": _milliseconds(seen.at),
        "c6a3" if v6 else "dst": str(endpoint.address),
        "c6a3Label": "Destination IPv6 Address" if v6 else "",
        "dpt": "" if seen.whole_host else str(endpoint.port),
        "proto": endpoint.transport.value.upper(),
        "dhost": seen.hostname,
        "outcome": finding.verdict.value,
        "cs1Label": "registryStatus",
        "cs1": finding.registry_status.value,
        "cs2Label": "service" if finding.service else "",
        "cs2": finding.service,
        "msg": finding.detail,
    }


def _milliseconds(moment: datetime) -> str:
    """A time as CEF wants it: milliseconds since 1970."""
    return str(int(moment.timestamp() * 1000))


def _head(text: str) -> str:
    return sanitise(text).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    return sanitise(text).replace("\\", "\\\\").replace("=", "\\=")
