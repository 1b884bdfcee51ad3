"""What an output is: it receives the beginning of a sweep, each judged observation, and the summary.

An output that writes a file writes a temporary one beside it and renames it in `end`: a reader sees the old
file or the whole new one. `abandon` leaves nothing behind, and may be called at any time.
"""

from typing import Protocol

from scanner.core.model import Judged
from scanner.core.report import Summary, SweepInfo


class Output(Protocol):
    """Receives a sweep and writes it in one format."""

    def begin(self, info: SweepInfo) -> None:
        """Prepare. Raises OutputFailed where the place cannot be written, before any probe."""
        ...

    def result(self, judged: Judged) -> None:
        """Take one judged observation."""
        ...

    def end(self, summary: Summary) -> None:
        """Write what is left and put the result in its place. Raises OutputFailed (a full disk, say)."""
        ...

    def abandon(self) -> None:
        """Leave nothing half-written behind."""
        ...
