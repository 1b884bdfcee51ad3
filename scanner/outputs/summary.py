"""Shows the summary of a sweep when it ends, on standard error, away from the data."""

import contextlib
import sys
from typing import TextIO

from scanner.core.model import Judged
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.summary_text import describe, plain_summary
from scanner.outputs.terminal import columns_of, is_terminal, painted_summary


class SummaryLines:
    """Shows the summary when the sweep ends; on standard error, away from the data."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream`: where to; standard error by default."""
        self._stream = stream

    def begin(self, info: SweepInfo) -> None:
        """Nothing is said before."""

    def result(self, judged: Judged) -> None:
        """Only sums are shown."""

    def end(self, summary: Summary) -> None:
        """Show it."""
        stream: TextIO | None = self._stream or sys.stderr
        if stream is None:  # started with standard error closed
            return
        text = describe(summary)
        shown = painted_summary(text, columns_of(stream)) if is_terminal(stream) else plain_summary(text)
        with contextlib.suppress(OSError):  # its reader has gone, and there is nowhere else to say so
            stream.write(shown)
            stream.flush()

    def abandon(self) -> None:
        """Nothing was shown."""
