"""The CSV that weeks are joined on: one row a finding, in the promised columns.

RFC 4180 to the letter: a header, commas, quotes doubled, lines that end in CRLF. Excel, LibreOffice, pandas and
Python's csv read that as it stands; `cut` and `awk` see a carriage return after the last column (`tr -d '\\r'`).
UTF-8 without a byte order mark, which would become part of the first column's name elsewhere. As inert text holds
no line break, a row is always one line. Rows are sorted by address, port and rule, so that two files can be diffed.

With `per_endpoint` a row is an open endpoint, or one that is missing: the row is that of its worst finding, and `rule`
and `detail` hold those of the others too, worst first, joined by a space. The id is that of the worst.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scanner.core.model import REPORTABLE, Finding, Judged, State
from scanner.core.report import Summary
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.lines import csv_row
from scanner.outputs.record import COLUMNS, finding_order, finding_record, worst_first


class CsvFile(Document):
    """Writes findings as CSV; with `all_open` every open endpoint too, with `per_endpoint` one row an endpoint."""

    def __init__(self, destination: Destination, *, all_open: bool = False, per_endpoint: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open
        self._per_endpoint = per_endpoint

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return header and rows."""
        yield csv_row(COLUMNS)
        for one in judged:
            for finding in self._rows(one):
                yield csv_row(finding_record(summary.info, finding).values())

    def _rows(self, judged: Judged) -> list[Finding]:
        if self._per_endpoint:
            telling = any(finding.verdict in REPORTABLE for finding in judged.findings)
            return [_joined(judged)] if telling or judged.observation.state is State.OPEN else []
        return sorted(filter(self._wanted, judged.findings), key=finding_order)

    def _wanted(self, finding: Finding) -> bool:
        return finding.verdict in REPORTABLE or (self._all_open and finding.observation.state is State.OPEN)


def _joined(judged: Judged) -> Finding:
    findings = worst_first(judged.findings)
    return replace(
        findings[0],
        rule=" ".join(finding.rule for finding in findings),
        detail=" ".join(finding.detail for finding in findings),
    )
