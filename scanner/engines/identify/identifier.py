"""Identify what speaks at the open endpoints of a settled wave. Independent of the engines.

Only endpoints that were found open are asked, within the limits and under the same scope as probes: every connection
waits for the limiter, no connection is made to an address that is not permitted, and none to a port that must not be
asked (`core/recognise/do_not_ask.py`). Endpoints of many hosts are asked side by side, few of one host, and each has a
deadline that stands still while we wait for the limiter, so the inquiry of a wave ends whatever its peers do. Without
open endpoints nothing is created, not even a task.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from scanner.core.model import Address, Observation, State, Transport
from scanner.core.recognise.do_not_ask import reason_not_to_ask
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.recognise.order import MOST_HELLOS
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.conversation import Patience
from scanner.engines.identify.inquiry import Inquiry

_AT_ONCE = 256
_AT_ONCE_PER_HOST = 32


class ServiceIdentifier:
    """Identifies services at open endpoints."""

    def __init__(
        self,
        *,
        permitted: Callable[[Address], bool],
        limiter: ConnectionLimiter,
        services: Callable[[int], Sequence[str]] = lambda _: (),
        patience: Patience = Patience(),
        at_once: int = _AT_ONCE,
        most_hellos: int = MOST_HELLOS,
    ) -> None:
        """Prepare; nothing is sent yet.

        `permitted` returns whether an address is in scope; every connection waits for `limiter`; `services` gives names
        for a TCP port (IANA's, or protocols in our words), likeliest first; `at_once` bounds the connections that are
        open at a time; `most_hellos` those that a peer gets of which nothing is known.
        """
        self._permitted, self._limiter, self._services = permitted, limiter, services
        self._patience, self._at_once, self._most_hellos = patience, at_once, most_hellos
        self._hosts: dict[Address, asyncio.Semaphore] = {}

    async def identify(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Return the same observations in the same order, with `identity` set on those that are open on TCP."""
        wanted = [index for index, seen in enumerate(observations) if self._asks(seen)]
        if not wanted:
            return observations
        found: dict[int, Identity] = {}
        queue = _spread(wanted, observations)

        async def work() -> None:
            for index in queue:
                found[index] = await self._one(observations[index])

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._at_once, len(wanted))):
                group.create_task(work())
        self._hosts.clear()
        return [_with(seen, found[index]) if index in found else seen for index, seen in enumerate(observations)]

    def _asks(self, seen: Observation) -> bool:
        tcp = seen.endpoint.transport is Transport.TCP
        return tcp and seen.state is State.OPEN and self._permitted(seen.endpoint.address)

    async def _one(self, seen: Observation) -> Identity:
        if reason := reason_not_to_ask(seen.endpoint.port):
            return Identity(Conduct.NOT_ASKED, detail=reason)
        return await self._ask(seen)

    async def _ask(self, seen: Observation) -> Identity:
        address = seen.endpoint.address
        async with self._hosts.setdefault(address, asyncio.Semaphore(_AT_ONCE_PER_HOST)):
            deadline = asyncio.timeout(self._patience.total)
            inquiry = Inquiry(
                seen.endpoint,
                seen.hostname,
                self._services(seen.endpoint.port),
                self._patience,
                lambda: self._wait_turn(address, deadline),
                self._most_hellos,
            )
            try:
                async with deadline:
                    await inquiry.run()
            except TimeoutError:
                pass  # what was learnt until then is reported
        return inquiry.identity()

    async def _wait_turn(self, address: Address, deadline: asyncio.Timeout) -> None:
        """Wait for the limiter. That is our own time: the deadline moves on by as much."""
        loop, due = asyncio.get_running_loop(), deadline.when()
        assert due is not None
        began = loop.time()
        deadline.reschedule(None)
        await self._limiter.wait_turn(address)
        deadline.reschedule(due + loop.time() - began)


def _with(seen: Observation, identity: Identity) -> Observation:
    return replace(seen, identity=identity, evidence=seen.evidence or identity.words)


def _spread(indices: Sequence[int], observations: Sequence[Observation]) -> Iterator[int]:
    """Yield the indices in an order that goes round the hosts, so that none of them gets all connections at once."""
    by_host: dict[Address, list[int]] = defaultdict(list)
    for index in indices:
        by_host[observations[index].endpoint.address].append(index)
    rounds = chain.from_iterable(zip_longest(*by_host.values()))
    return (index for index in rounds if index is not None)
