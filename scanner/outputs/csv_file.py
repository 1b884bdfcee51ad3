"""The CSV that weeks are joined on: one row a finding, in the promised columns.

RFC 4180 to the letter: a header, commas, quotes doubled, lines that end in CRLF. Excel, LibreOffice, pandas and
Python's csv read that as it stands; `cut` and `awk` see a carriage return after the last column (`tr -d '\\r'`).
UTF-8 without a byte order mark, which would become part of the first column's name elsewhere. As inert text holds
no line break, a row is always one line. Rows are sorted by address, port and rule, so that two files can be diffed.
"""

from scanner.core.model import REPORTABLE, Finding, Judged, State
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.destination import Destination
from scanner.outputs.lines import csv_row
from scanner.outputs.record import COLUMNS, finding_order, finding_record


class CsvFile:
    """Writes findings as CSV; with `all_open` every open endpoint too, with all that the rules say of it."""

    def __init__(self, place: Destination, *, all_open: bool = False) -> None:
        self._place = place
        self._all_open = all_open
        self._findings: list[Finding] = []

    def begin(self, info: SweepInfo) -> None:  # noqa: ARG002 - all it needs is in the summary
        """Open the place. Raises OutputFailed."""
        self._place.open()

    def result(self, judged: Judged) -> None:
        """Keep the findings that make a row."""
        self._findings += filter(self._wanted, judged.findings)

    def end(self, summary: Summary) -> None:
        """Write header and rows. Raises OutputFailed."""
        self._place.write(csv_row(COLUMNS))
        for finding in sorted(self._findings, key=finding_order):
            self._place.write(csv_row(finding_record(summary.info, finding).values()))
        self._place.commit()

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._place.discard()

    def _wanted(self, finding: Finding) -> bool:
        is_open = finding.observation.state is State.OPEN
        return finding.verdict in REPORTABLE or (self._all_open and is_open)
