"""The table that a person reads, shown when the sweep ends: as much as fits on a terminal, everything in a pipe."""

from typing import TextIO

from scanner.core.model import Judged
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.destination import StandardStream
from scanner.outputs.table_rows import folded, more_line, plain_table, table_rows
from scanner.outputs.terminal import columns_of, is_terminal, painted_table

ROW_LIMIT = 200
"""Rows on a terminal."""


class Table:
    """Collects judged observations and shows them when the sweep ends."""

    def __init__(self, stream: TextIO | None = None, *, limit: int = ROW_LIMIT) -> None:
        """`stream`: where to; standard output by default. `limit`: rows on a terminal."""
        self._stream = stream
        self._place = StandardStream(stream)
        self.limit = limit
        """How many rows a terminal is shown; what is piped has them all."""
        self._judged: list[Judged] = []

    def begin(self, info: SweepInfo) -> None:  # noqa: ARG002 - a table needs nothing of it
        """Find the stream. Raises OutputFailed."""
        self._place.open()

    def result(self, judged: Judged) -> None:
        """Keep it."""
        self._judged.append(judged)

    def end(self, summary: Summary) -> None:  # noqa: ARG002 - the summary has its own output
        """Show the table. Raises OutputFailed."""
        rows = table_rows(self._judged)
        if not rows:
            return
        if is_terminal(self._place.text):
            shown = rows if len(rows) <= self.limit else folded(rows)
            text = painted_table(shown[: self.limit], columns_of(self._place.text), more_line(shown, self.limit))
        else:
            text = plain_table(rows)
        self._place.write(text)
        self._place.commit()

    def abandon(self) -> None:
        """Nothing was shown."""
        self._judged.clear()
