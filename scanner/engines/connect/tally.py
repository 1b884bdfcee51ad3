"""Counts of one run: for progress, for the number of tries, and for what is expected to have been missed."""

from collections.abc import Iterable

import numpy as np

from scanner.core.columns import F64, U16
from scanner.core.path.retries import expected_hidden
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.recall import HiddenOpen
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.interface import Progress

_UNPROVEN = np.array([reason_code(Reason.HOST_LOST), reason_code(Reason.PATH_LOST)], np.uint16)
_SILENT_HOST = reason_code(Reason.SILENT_HOST)


class Tally:
    """What was sent, settled, found and missed so far."""

    def __init__(self) -> None:
        self.open = 0
        """Open endpoints."""
        self.sent = 0
        """Probes of finished waves, canaries included."""
        self.endpoints = 0
        """Settled endpoints of finished waves."""
        self.silent = 0
        """Endpoints that stayed silent, whose hosts answer elsewhere."""
        self.unproven = 0
        """Endpoints whose silence was not proved."""
        self._missed = 0.0

    def finished(self, wave: InFlightWave) -> None:
        """A wave is handed out."""
        self.sent += wave.sent
        self.endpoints += len(wave.ports) - wave.left

    def missed(self, missed: F64, code: U16) -> None:
        """Silent endpoints were settled with these codes; `missed` bounds the chance of each that an answer was."""
        unproven = np.isin(code, _UNPROVEN)
        proved = ~unproven & (code != _SILENT_HOST)
        self.unproven += int(unproven.sum())
        self.silent += int(proved.sum())
        self._missed += float(missed[proved].sum())

    def settled_with(self, active: Iterable[InFlightWave]) -> int:
        """Endpoints settled so far, those of waves under way included."""
        return self.endpoints + sum(len(wave.ports) - wave.left for wave in active)

    def progress(self, active: Iterable[InFlightWave], canaries: int) -> Progress:
        """How far the run has come; `canaries`: those sent since a wave was last finished."""
        waves = [*active]
        return Progress(
            sent=self.sent + canaries + sum(wave.sent for wave in waves),
            settled=self.settled_with(waves),
            open=self.open,
        )

    @property
    def hidden(self) -> HiddenOpen:
        """What is expected to have been missed."""
        share = self._missed / self.silent if self.silent else 0.0
        return HiddenOpen(self.open, expected_hidden(self.open, min(share, 1.0)) if self.silent else 0.0, self.unproven)
