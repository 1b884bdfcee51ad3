"""The table that a person reads: findings as they are found, and the sorted table when the sweep ends.

Without `-q` it holds every open port. With `-q` it holds what is unexpected or missing and nothing else is printed, as
with `grep`: quiet leaves out progress, summary and warnings, never the data, so that a pipe gets the findings, and a
cron job that prints nothing has found nothing. The CSV has the same rows by default.

On a terminal as much is shown as fits, in a pipe everything.
"""

from collections.abc import Callable
from typing import TextIO

from scanner.core.model import REPORTABLE, Judged
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.destination import StandardStream
from scanner.outputs.table_rows import folded_rows, more_line, plain_table, table_rows
from scanner.outputs.terminal import columns_of, is_terminal, painted_line, painted_table

ROW_LIMIT = 200
"""Rows on a terminal."""


class Table:
    """Shows findings as they are found, on a terminal, and all of them sorted when the sweep ends."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        limit: int = ROW_LIMIT,
        only_findings: bool = False,
        live: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare a table.

        Args:
            stream: where to; standard output by default.
            limit: rows on a terminal.
            only_findings: leave out what is neither unexpected nor missing (`-q`).
            live: prints a line above the progress bar. With it, and a terminal, each finding is shown when it is found.
        """
        self._stream = stream
        self._destination = StandardStream(stream)
        self.limit = limit
        """How many rows a terminal is shown; what is piped has them all."""
        self._only_findings = only_findings
        self._live = live
        self._lines = 0
        self._judged: list[Judged] = []

    def begin(self, info: SweepInfo) -> None:  # noqa: ARG002 - a table needs nothing of it
        """Find the stream. Raises OutputFailed."""
        self._destination.open()

    def result(self, judged: Judged) -> None:
        """Keep it, and show it at once where that is wanted."""
        telling = any(finding.verdict in REPORTABLE for finding in judged.findings)
        if not (telling or (judged.findings and not self._only_findings)):
            return
        self._judged.append(judged)
        if telling and self._live and is_terminal(self._destination.text):
            self._show(judged, self._live)

    def end(self, summary: Summary) -> None:  # noqa: ARG002 - the summary has its own output
        """Show the table. Raises OutputFailed."""
        rows = table_rows(self._judged)
        if not rows:
            return
        if is_terminal(self._destination.text):
            shown = rows if len(rows) <= self.limit else folded_rows(rows)
            columns = columns_of(self._destination.text)
            text = painted_table(shown[: self.limit], columns, more_line(shown, self.limit))
        else:
            text = plain_table(rows)
        self._destination.write(text)
        self._destination.commit()

    def abandon(self) -> None:
        """Forget what would have been shown."""
        self._judged.clear()

    def _show(self, judged: Judged, live: Callable[[str], None]) -> None:
        """One line for a finding; beyond the limit no more, as the table counts them all."""
        self._lines += 1
        if self._lines <= self.limit:
            live(painted_line(table_rows([judged])[0], columns_of(self._destination.text)))
        elif self._lines == self.limit + 1:
            live("… more findings follow in the table")
