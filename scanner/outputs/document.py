"""What all formats share that are written when the sweep has ended: a format is then one method, `lines`.

Results are kept until the end and sorted by place, so that two runs over the same network give files that can be
compared. Formats that write each result at once (`json_lines.py`) do not belong here.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from scanner.core.model import Judged
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.destination import Destination
from scanner.outputs.record import endpoint_order


class Document(ABC):
    """An output that keeps what it is handed and writes one document in `end`."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._judged: list[Judged] = []

    @abstractmethod
    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterable[str]:
        """Return the document in pieces, each with its line ends. `judged` comes sorted by endpoint."""

    @property
    def note(self) -> str:
        """What a user should know of where the document is; else empty."""
        return self._destination.note

    def begin(self, info: SweepInfo) -> None:  # noqa: ARG002 - a document needs no more than the summary
        """Open the destination. Raises OutputFailed."""
        self._destination.open()

    def result(self, judged: Judged) -> None:
        """Keep it."""
        self._judged.append(judged)

    def end(self, summary: Summary) -> None:
        """Write the document. Raises OutputFailed."""
        self._judged.sort(key=lambda one: endpoint_order(one.observation.endpoint))
        for piece in self.lines(summary, self._judged):
            self._destination.write(piece)
        self._destination.commit(partial=is_fragment(summary))

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._destination.discard()


def is_fragment(summary: Summary) -> bool:
    """Return whether a run was stopped, or could settle nothing, so that its file must not replace a complete one.

    A sweep that ran to its end does replace it, also where some endpoints are unknown or answers may be lost: its file
    is the newest that there will be, and the exit status says 3.
    """
    cover = summary.coverage
    return summary.interrupted or (cover.planned > 0 and cover.unknown == cover.planned)
