"""Waves come in one by one: asked for by the sending thread, given by asyncio's."""

import threading
import time
from collections import deque
from collections.abc import Callable

from scanner.core.plan.wave import Wave

PREFETCH = 2
"""Number of waves that are asked for before there is room to begin them."""


class Supply:
    """The waves that were given and not begun, and whether more will come. `give` and `stop` are for any thread."""

    def __init__(self, want: Callable[[], None]) -> None:
        """`want` asks for one more wave, to be given by `give`."""
        self._want = want
        self._given: deque[Wave] = deque()
        self._asked = 0
        self._ended = False
        self._stopped_at = float("inf")
        self._wake = threading.Event()

    @property
    def empty(self) -> bool:
        """Whether every wave was begun, and no more will come."""
        return self._ended and not self._given

    @property
    def stopped_at(self) -> float:
        """When `stop` was called, on the monotonic clock; inf where it was not."""
        return self._stopped_at

    def give(self, wave: Wave | None) -> None:
        """Answer a `want`; None means that there are no more waves."""
        if wave is None:
            self._ended = True
        else:
            self._given.append(wave)
        self._wake.set()

    def stop(self) -> None:
        """Begin no more waves."""
        self._stopped_at = min(self._stopped_at, time.monotonic())
        self._ended = True
        self._wake.set()

    def next(self) -> Wave | None:
        """A wave that was given, if there is one."""
        if not self._given:
            return None
        self._asked -= 1
        return self._given.popleft()

    def ask(self, room: int) -> None:
        """Ask for more, where there is room for so many."""
        while self._asked < min(PREFETCH, room) and not self._ended:
            self._asked += 1
            self._want()

    def awake(self) -> None:
        """From here on, what is given ends a `sleep`."""
        self._wake.clear()

    def sleep(self, seconds: float) -> None:
        """Wait until something was given, so long at most."""
        self._wake.wait(seconds)
