"""Identify: what speaks at the open endpoints of a settled wave. Its own module beside the engines.

Only endpoints that were found open are asked, within the limits and under the same scope as probes: every
connection takes a permit, and no connection is made to an address that is not permitted. Endpoints of many
hosts are asked side by side, few of one host, and each has a deadline that stands still while we wait for a permit,
so a wave's inquiry ends whatever its peers do. Without open endpoints nothing is created, not even a task.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from scanner.core.model import Address, Observation, State, Transport
from scanner.core.recognise.do_not_ask import reason_not_to_ask
from scanner.core.recognise.identity import Conduct, Identity
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.conversation import Patience
from scanner.engines.identify.inquiry import Inquiry

_AT_ONCE = 256
_AT_ONCE_PER_HOST = 32


class ServiceIdentifier:
    """Asks open endpoints what they are."""

    def __init__(
        self,
        *,
        permitted: Callable[[Address], bool],
        permits: ConnectionLimiter,
        services: Callable[[int], Sequence[str]] = lambda _: (),
        patience: Patience = Patience(),
        at_once: int = _AT_ONCE,
    ) -> None:
        """Prepare; nothing is sent yet.

        `permitted` says whether an address is in scope; `permits` are taken one for each connection;
        `services` gives names for a TCP port (IANA's, or protocols in our words), likeliest first;
        `at_once` bounds the connections that are open at a time.
        """
        self._permitted, self._permits, self._services = permitted, permits, services
        self._patience, self._at_once = patience, at_once
        self._hosts: dict[Address, asyncio.Semaphore] = {}

    async def identify(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """The same observations in the same order, with `identity` set on those that are open on TCP."""
        wanted = [place for place, seen in enumerate(observations) if self._asks(seen)]
        if not wanted:
            return observations
        found: dict[int, Identity] = {}
        queue = _spread(wanted, observations)

        async def work() -> None:
            for place in queue:
                found[place] = await self._one(observations[place])

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._at_once, len(wanted))):
                group.create_task(work())
        self._hosts.clear()
        return [_with(seen, found[place]) if place in found else seen for place, seen in enumerate(observations)]

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
                lambda: self._permit(address, deadline),
            )
            try:
                async with deadline:
                    await inquiry.run()
            except TimeoutError:
                pass  # what was learnt until then is what there is to tell
        return inquiry.identity()

    async def _permit(self, address: Address, deadline: asyncio.Timeout) -> None:
        """Wait for a permit. That is our own time: the deadline moves on by as much."""
        loop, due = asyncio.get_running_loop(), deadline.when()
        assert due is not None
        began = loop.time()
        deadline.reschedule(None)
        await self._permits.permit(address)
        deadline.reschedule(due + loop.time() - began)


def _with(seen: Observation, identity: Identity) -> Observation:
    return replace(seen, identity=identity, evidence=seen.evidence or identity.words)


def _spread(places: Sequence[int], observations: Sequence[Observation]) -> Iterator[int]:
    """The places in an order that goes round the hosts, so that none of them gets it all at once."""
    by_host: dict[Address, list[int]] = defaultdict(list)
    for place in places:
        by_host[observations[place].endpoint.address].append(place)
    rounds = chain.from_iterable(zip_longest(*by_host.values()))
    return (place for place in rounds if place is not None)
