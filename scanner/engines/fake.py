"""An engine that sends nothing: it gives the answers it was made with. For `--dry-run`, examples and tests.

It obeys the rules of `interface.py` like the real ones, so code that drives an engine can be tried on it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from time import time

import numpy as np

from scanner.core.columns import U16
from scanner.core.model import Address
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave, unsettled
from scanner.engines.interface import Progress

FakeAnswers = Mapping[tuple[Address, int], Reason]
"""The reason for some addresses and ports."""


class FakeEngine:
    """Settles each wave at once, without a network."""

    name = "fake"

    def __init__(
        self,
        answers: FakeAnswers | Callable[[Wave], U16] | None = None,
        *,
        otherwise: Reason = Reason.NO_RESPONSE,
        rtt: float = 0.001,
    ) -> None:
        """`answers` by endpoint, or a function from a wave to its reason codes, uint16[n].

        `otherwise` is the reason of endpoints that a mapping does not name. With no answers at all, everything is
        `not-probed`: nothing was sent and nothing is known. `rtt` in seconds, for endpoints that answered.
        """
        self._answers = answers
        self._otherwise = otherwise
        self._rtt = rtt
        self._stopped = False
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        """How far the running `run` has come."""
        return self._progress

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return ()

    def stop(self) -> None:
        """Begin no further wave."""
        self._stopped = True

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """Settle every wave of `waves`; each is yielded once."""
        self._progress = Progress()
        numbered = iter(waves)
        while not self._stopped and (wave := next(numbered, None)) is not None:
            await asyncio.sleep(0)
            settled = self._settle(wave)
            covered = settled.coverage()
            self._progress = Progress(
                sent=self._progress.sent + covered.sent,
                settled=self._progress.settled + covered.planned,
                open=self._progress.open + covered.open,
            )
            yield settled

    def _settle(self, wave: Wave) -> SettledWave:
        now = time()
        if self._answers is None:
            return unsettled(wave, now, Reason.NOT_PROBED)
        codes = self._answers(wave) if callable(self._answers) else _look_up(wave, self._answers, self._otherwise)
        silent = codes == reason_code(Reason.NO_RESPONSE)
        return SettledWave(
            wave=wave,
            reason=codes,
            at=np.full(len(wave), now),
            rtt=np.where(silent, np.nan, self._rtt).astype(np.float32),
            sent=len(wave),
        )


def _look_up(wave: Wave, answers: FakeAnswers, otherwise: Reason) -> U16:
    codes = np.full(len(wave), reason_code(otherwise), np.uint16)
    for (address, port), reason in answers.items():
        number = int(address)
        here = wave.port == port
        here &= wave.version == address.version
        here &= wave.high == np.uint64(number >> 64)
        here &= wave.low == np.uint64(number & 0xFFFF_FFFF_FFFF_FFFF)
        codes[here] = reason_code(reason)
    return codes
