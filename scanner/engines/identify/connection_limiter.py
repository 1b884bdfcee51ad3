"""When the next connection may go: who wants to open one waits here for the host's turn, then for everybody's.

The arithmetic is that of `core/rate/allowance.py`; this is the waiting. Every limit has a queue in order of coming,
and only the first in it sleeps. Whoever waits for one host keeps nobody from another.

A permit counts, and the next one's turn comes, in the next round of the event loop: its holder has connected by then,
and the clock is read after the SYN has gone. So however long the processor was away in between, no two SYNs are
closer than two permits may be, and what is proved of a bucket holds on the wire.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from scanner.core.model import Address
from scanner.core.rate.allowance import Allowance
from scanner.core.rate.limits import Limits

_MANY = 50_000


class ConnectionLimiter:
    """Hands out the right to open one connection. For everybody who shares the limits, in one event loop."""

    def __init__(self, limits: Limits) -> None:
        """`limits` count connections a second; a part of the sweep's, where an engine probes meanwhile."""
        self._everybody = None if limits.rate is None else _Queue(limits.rate)
        self._host_rate = limits.host_rate
        self._hosts: dict[Address, _Queue] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def permit(self, address: Address) -> None:
        """Wait until a connection to `address` may go; whoever asked connects without awaiting anything else."""
        queues = self._queues(address)
        if not queues:
            return
        async with AsyncExitStack() as turns:
            for queue in queues:
                await turns.enter_async_context(queue.turn())
            self._leave(turns.pop_all())

    def _queues(self, address: Address) -> "list[_Queue]":
        everybody = [] if self._everybody is None else [self._everybody]
        if self._host_rate is None:
            return everybody
        if len(self._hosts) > _MANY:
            self._hosts = {host: queue for host, queue in self._hosts.items() if not queue.is_idle}
        return [self._hosts.setdefault(address, _Queue(self._host_rate)), *everybody]

    def _leave(self, turns: AsyncExitStack) -> None:
        """Give the turns back in the next round of the loop."""
        task = asyncio.get_running_loop().create_task(turns.aclose())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


class _Queue:
    """Those who wait for one limit."""

    def __init__(self, rate: float) -> None:
        self._bucket = Allowance(rate, slack=0.0)
        self._first = asyncio.Lock()
        self._present = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Be first, and wait until the limit allows one more. It counts at the end of the block, unless that failed."""
        self._present += 1
        try:
            async with self._first:
                while (wait := self._bucket.wait(_now())) > 0:
                    await asyncio.sleep(wait)
                yield
                self._bucket.take(_now())
        finally:
            self._present -= 1

    @property
    def is_idle(self) -> bool:
        """Whether a new one would do as well."""
        return not self._present and self._bucket.is_idle(_now())


def _now() -> float:
    return asyncio.get_running_loop().time()
