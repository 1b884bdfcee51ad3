"""Several outputs as one. What one of them cannot write keeps none of the others from writing theirs."""

from collections.abc import Sequence

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
        """Whether the reader of one that streams has gone away: a reason to stop."""
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

    def end(self, summary: Summary) -> None:
        """End each, whatever became of the others. Raises the first OutputFailed once all had their turn."""
        failures = []
        for output in self._outputs:
            try:
                output.end(summary)
            except OutputFailed as failure:
                output.abandon()
                failures.append(failure)
        if failures:
            raise failures[0]

    def abandon(self) -> None:
        """Leave nothing of any behind."""
        for output in self._outputs:
            output.abandon()
