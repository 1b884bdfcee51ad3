"""What a sweep asks about the open endpoints of a settled wave: first the screen, then the identifier.

Both talk to other machines, so a stop cuts them short. What is then reported is what holds without their answers: the
open ports of a host that may answer on every port, and that could not be tested, are counted and not listed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from scanner.core.model import Observation, State

AskNetwork = Callable[[Sequence[Observation]], Coroutine[Any, Any, Sequence[Observation]]]
"""Asks the network about observations and returns them with what it learned."""


class Identifier(Protocol):
    """Asks open endpoints what they are."""

    async def identify(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Return the same observations, in the same order, with their identity."""
        ...


class Screen(Protocol):
    """Takes out what says nothing about a service: the open ports of hosts that answer on every port."""

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Return the observations worth judging, perhaps with one that stands for a whole host."""
        ...

    def unscreened(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], int]:
        """Return the observations worth judging without a test, and how many are left out for want of one."""
        ...


class Questions:
    """Asks until it is stopped, and counts what it had to leave out from then on."""

    def __init__(self, screen: Screen | None = None, identifier: Identifier | None = None) -> None:
        self._screen, self._identifier = screen, identifier
        self._asking: asyncio.Future[Sequence[Observation]] | None = None
        self._stopped = asyncio.Event()
        self.cut_short = False
        """Whether a stop has left a question without answer."""
        self.withheld = 0
        """How many observations were left out, because their hosts were not tested."""

    def stop(self) -> None:
        """Ask nothing more, and do not wait for the answers that are due. May be called from a signal handler."""
        self._stopped.set()
        if self._asking is not None:
            self._asking.cancel()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a summary should say."""
        if not self.withheld:
            return ()
        ports = "1 open port is" if self.withheld == 1 else f"{self.withheld:,} open ports are"
        return (f"{ports} not listed: the sweep ended before their hosts were tested for answering on every port",)

    async def ask(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], bool]:
        """Return the observations worth judging, and whether every question about them was answered."""
        observations, withheld = await self._screened(observations)
        observations, identified = await self._identified(observations)
        whole = identified and not withheld
        self.withheld += withheld
        self.cut_short |= not whole
        return observations, whole

    async def _screened(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], int]:
        if self._screen is None:
            return observations, 0
        answer = await self._until_stopped(self._screen.screen, observations)
        return (answer, 0) if answer is not None else self._screen.unscreened(observations)

    async def _identified(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], bool]:
        if self._identifier is None or not any(each.state is State.OPEN for each in observations):
            return observations, True
        answer = await self._until_stopped(self._identifier.identify, observations)
        return (answer, True) if answer is not None else (observations, False)

    async def _until_stopped(
        self, ask: AskNetwork, observations: Sequence[Observation]
    ) -> Sequence[Observation] | None:
        """Return the answer; None where a stop came first."""
        if self._stopped.is_set():
            return None
        self._asking = asyncio.ensure_future(ask(observations))
        try:
            return await self._asking
        except asyncio.CancelledError:
            if not self._stopped.is_set():
                raise
            return None
