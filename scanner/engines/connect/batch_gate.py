"""The global rate of the connect engine: asyncio-throttle behind an interface of our own.

asyncio-throttle keeps an entry for each acquisition of the last period and polls while it waits, so thousands of
acquisitions a second would cost a core, and a whole second's probes might go at once. Asked once per *batch*, it keeps
one entry and spaces the batches by more than their period: a rate that holds in any rolling second
(`core/rate/allowance.py` has the arithmetic), without a burst after a pause, for a few per cent of a core.
"""

import asyncio
import time
from typing import Protocol

from asyncio_throttle.throttler import Throttler

from scanner.core.rate.allowance import batching

_POLL = 0.001


class Gate(Protocol):
    """Lets probes through, one batch at a time."""

    async def next_batch(self) -> int:
        """Wait until probes may go; return how many. Those that are not used are lost, never saved up."""
        ...


class BatchGate:
    """Keeps to a rate in any rolling second."""

    def __init__(self, rate: float) -> None:
        """`rate` probes a second, above 0."""
        self._batching = batching(rate)
        self._throttler = Throttler(1, period=self._batching.period, retry_interval=_POLL)
        self._last = float("-inf")

    async def next_batch(self) -> int:
        """Wait for the next batch's turn; return how many probes it may hold."""
        due = self._last + self._batching.period - time.monotonic()
        await asyncio.sleep(max(0.0, due - _POLL))  # spares the throttler's polling, and always yields
        await self._throttler.acquire()
        self._last = time.monotonic()
        return self._batching.batch
