"""Several outputs as one. What one of them cannot write keeps none of the others from writing theirs."""

from collections.abc import Sequence
from dataclasses import replace

from scanner.core.errors import OutputFailed
from scanner.core.model import Judged
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.interface import Output


class FanOut:
    """Hands everything to each of its outputs, in their order."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = tuple(outputs)

    @property
    def reader_gone(self) -> bool:
        """Whether the reader of an output that streams has gone: a reason to stop."""
        return any(getattr(output, "reader_gone", False) for output in self._outputs)

    def begin(self, info: SweepInfo) -> None:
        """Begin each. Raises OutputFailed on the first that cannot, with nothing left of the others."""
        try:
            for output in self._outputs:
                output.begin(info)
        except OutputFailed:
            self.abandon()
            raise

    def result(self, judged: Judged) -> None:
        """Hand it to each. Raises OutputFailed."""
        for output in self._outputs:
            output.result(judged)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of where results are, once the outputs have ended."""
        return tuple(note for output in self._outputs if (note := getattr(output, "note", "")))

    def end(self, summary: Summary) -> None:
        """End each, whatever became of the others; what the earlier ones note, the later ones can show.

        Raises the first OutputFailed once all had their turn.
        """
        failures = []
        for output in self._outputs:
            try:
                output.end(replace(summary, notes=(*summary.notes, *self.notes)))
            except OutputFailed as failure:
                output.abandon()
                failures.append(failure)
        if failures:
            raise failures[0]

    def abandon(self) -> None:
        """Leave nothing of any behind."""
        for output in self._outputs:
            output.abandon()
