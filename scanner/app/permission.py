"""A permission that ends while a sweep runs: sending stops at that moment, and the summary says so.

The scope is asked before the first probe (`core/targets/scope.py`); this file keeps asking the clock afterwards. The
clock is handed in. It is read again every second at the least, because the clock of a machine that slept, or that was
set, moves in leaps that no timer sees.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from scanner.core.targets.scope import Scope

LONGEST_SLEEP = 1.0
"""Maximum seconds between two looks at the clock."""


class Clock(Protocol):
    """Says what time it is, and waits."""

    def now(self) -> datetime:
        """Return the time; aware."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Permission:
    """What a running sweep must know of its scope."""

    ends: datetime
    """The first moment at which nothing may be sent any more; aware."""
    scope: str
    """The name of the scope."""

    @property
    def words(self) -> str:
        """Return what the summary says of a sweep that it cut short."""
        return f"the permission of scope {self.scope} ended at {self.ends.isoformat()}; nothing was sent after that"


def permission_of(scope: Scope | None) -> Permission | None:
    """Return the permission that a scope gives; None where it does not end."""
    return Permission(scope.valid_until, scope.name) if scope and scope.valid_until else None


@asynccontextmanager
async def stopped_at_end(
    permission: Permission | None, stop: Callable[[str], None], clock: Clock
) -> AsyncIterator[None]:
    """Call `stop` with the reason once the permission has ended, as long as the block runs; at once if it has."""
    if permission is None:
        yield
        return
    if clock.now() >= permission.ends:
        stop(permission.words)
    watch = asyncio.ensure_future(_watch(permission, stop, clock))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(permission: Permission, stop: Callable[[str], None], clock: Clock) -> None:
    while (left := (permission.ends - clock.now()).total_seconds()) > 0:
        await clock.sleep(min(left, LONGEST_SLEEP))
    stop(permission.words)
