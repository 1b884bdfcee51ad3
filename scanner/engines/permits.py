"""When the next connection may go: one slot after another, for everybody and for each host.

Spacing instead of counting (see `core/pacing.py`): a slot is never earlier than the last one plus the
interval, and what an idle stretch left unused is never handed out later.
"""

import asyncio
from collections.abc import Callable

from scanner.core.model import Address
from scanner.core.pacing import Limits

_MANY = 50_000


class Permits:
    """Hands out the right to open one connection."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds, the event loop's own say."""
        self._clock = clock
        self._all = 1 / limits.rate if limits.rate else 0.0
        self._host = 1 / limits.host_rate if limits.host_rate else 0.0
        self._next = 0.0
        self._next_of: dict[Address, float] = {}

    def slot(self, address: Address) -> float:
        """Take the next slot for `address`: the clock's time at which the connection may go."""
        at = max(self._clock(), self._next, self._next_of.get(address, 0.0))
        self._next = at + self._all
        if self._host:
            self._next_of[address] = at + self._host
        if len(self._next_of) > _MANY:
            self._next_of = {host: free for host, free in self._next_of.items() if free > at}
        return at

    async def permit(self, address: Address) -> None:
        """Wait for the next slot for `address`."""
        wait = self.slot(address) - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)
