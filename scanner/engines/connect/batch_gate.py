"""The global rate of the connect engine: asyncio-throttle behind an interface of our own.

asyncio-throttle keeps an entry for each acquisition of the last period and polls while it waits, so thousands of
acquisitions a second would cost a core, and a whole second's probes might go at once. Asked once per *batch*, it keeps
one entry and spaces the batches by more than their period: a rate that holds in any rolling second
(`core/rate/allowance.py` has the arithmetic), without a burst after a pause, for a few per cent of a core.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from asyncio_throttle.throttler import Throttler

from scanner.core.rate.allowance import batching

_POLL = 0.001
_CLOSEST, _WIDEST = 0.005, 0.05
_MOST = 1024


class ProbeGate(Protocol):
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


class TickGate:
    """Lets batches go at an even distance; how many probes each may hold is for others to say.

    For rates that change: the closest distance that is worth the trouble, and a wider one where a rate is so low that
    there is nothing to send each time.
    """

    def __init__(self, rate: Callable[[], float]) -> None:
        """`rate`: what may go now a second, to be asked before each batch."""
        self._rate = rate
        self._throttler = Throttler(1, period=_CLOSEST, retry_interval=_POLL)
        self._last = float("-inf")

    async def next_batch(self) -> int:
        """Wait for the next batch's turn; return how many probes it may hold at most."""
        self._throttler.period = min(max(1 / max(self._rate(), 1e-3), _CLOSEST), _WIDEST)
        await asyncio.sleep(max(0.0, self._last + self._throttler.period - _POLL - time.monotonic()))
        await self._throttler.acquire()
        self._last = time.monotonic()
        return _MOST
