"""When the next connection may be opened: its task waits here for the turn of its host, then for that of all hosts.

The arithmetic is that of `core/rate/allowance.py`; this is the waiting. Every limit has a queue in order of arrival,
and only its first member sleeps. A task that waits for one host delays no task that waits for another.

A connection counts, and the next turn comes, in the next round of the event loop: its task has connected by then, and
the clock is read after the SYN has gone. So however long the processor was away in between, no two SYNs are closer than
two turns may be, and what is proved of a bucket holds on the wire.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from scanner.core.model import Address
from scanner.core.rate.allowance import Allowance
from scanner.core.rate.limits import Limits

_MANY = 50_000


class ConnectionLimiter:
    """Grants the right to open one connection. Shared by all tasks under the same limits, in one event loop."""

    def __init__(self, limits: Limits) -> None:
        """`limits` count connections per second: a part of the sweep's, where an engine probes meanwhile."""
        self._all_hosts = None if limits.rate is None else _Queue(limits.rate)
        self._host_rate = limits.host_rate
        self._hosts: dict[Address, _Queue] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def wait_turn(self, address: Address) -> None:
        """Wait until a connection to `address` may be opened. The caller connects without awaiting anything else."""
        queues = self._queues(address)
        if not queues:
            return
        async with AsyncExitStack() as turns:
            for queue in queues:
                await turns.enter_async_context(queue.turn())
            self._leave(turns.pop_all())

    def _queues(self, address: Address) -> "list[_Queue]":
        all_hosts = [] if self._all_hosts is None else [self._all_hosts]
        if self._host_rate is None:
            return all_hosts
        if len(self._hosts) > _MANY:
            self._hosts = {host: queue for host, queue in self._hosts.items() if not queue.is_idle}
        return [self._hosts.setdefault(address, _Queue(self._host_rate)), *all_hosts]

    def _leave(self, turns: AsyncExitStack) -> None:
        """Give the turns back in the next round of the loop."""
        task = asyncio.get_running_loop().create_task(turns.aclose())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


class _Queue:
    """The tasks that wait for one limit."""

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
        """Whether a new queue would do as well."""
        return not self._present and self._bucket.is_idle(_now())


def _now() -> float:
    return asyncio.get_running_loop().time()
