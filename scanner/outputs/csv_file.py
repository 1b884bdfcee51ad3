"""The CSV that weeks are joined on: one row a finding, in the promised columns.

RFC 4180 to the letter: a header, commas, quotes doubled, lines that end in CRLF. Excel, LibreOffice, pandas and
Python's csv read that as it stands; `cut` and `awk` see a carriage return after the last column (`tr -d '\\r'`).
UTF-8 without a byte order mark, which would become part of the first column's name elsewhere. As inert text holds
no line break, a row is always one line. Rows are sorted by address, port and rule, so that two files can be diffed.

With `per_endpoint` a row is an open endpoint, or one that is missing: the row is that of its worst finding, and `rule`
and `detail` hold those of the others too, worst first, joined by a space. The id is that of the worst.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scanner.core.model import REPORTABLE, Finding, Judged, State
from scanner.core.report import Summary
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.lines import csv_row
from scanner.outputs.record import COLUMNS, chosen, finding_record, worst_first


class CsvFile(Document):
    """Writes findings as CSV; with `all_open` every open endpoint too, with `per_endpoint` one row an endpoint."""

    def __init__(self, destination: Destination, *, all_open: bool = False, per_endpoint: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open
        self._per_endpoint = per_endpoint

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return header and rows."""
        yield csv_row(COLUMNS)
        rows = _endpoints(judged) if self._per_endpoint else chosen(judged, all_open=self._all_open)
        for finding in rows:
            yield csv_row(finding_record(summary.info, finding).values())


def _endpoints(judged: Iterable[Judged]) -> Iterator[Finding]:
    """One finding for each endpoint that is open or has something to report."""
    for one in judged:
        telling = any(finding.verdict in REPORTABLE for finding in one.findings)
        if one.findings and (telling or one.observation.state is State.OPEN):
            yield _joined(one)


def _joined(judged: Judged) -> Finding:
    findings = worst_first(judged.findings)
    return replace(
        findings[0],
        rule=" ".join(finding.rule for finding in findings),
        detail=" ".join(finding.detail for finding in findings),
    )
