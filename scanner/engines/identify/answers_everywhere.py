"""Screen hosts that answer on every port out of what is reported.

The screen sits between a settled wave and its judgement. Open ports are counted for each host; a suspect is tested on a
few random ports by plain connects, once a sweep, within the sweep's limits and its scope. What such a host shows from
then on is dropped, after one observation that stands for the whole host. A test opens connections and sends nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from scanner.core.model import Address, Observation
from scanner.core.whole_host import (
    CANARIES,
    NEEDED,
    HostVerdict,
    canary_ports,
    is_open_tcp,
    stand_in,
    suspected,
    verdict,
)
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.conversation import Conversation, LocalTrouble, Patience

_HOSTS_AT_ONCE = 32


class AnswersEverywhereScreen:
    """Knows which hosts answer everywhere, as far as a sweep has come."""

    def __init__(
        self,
        *,
        permitted: Callable[[Address], bool],
        limiter: ConnectionLimiter,
        ports_per_address: int,
        secret: bytes,
        patience: Patience = Patience(),
    ) -> None:
        """`ports_per_address`: how many TCP ports the plan has for each; `secret`: 16 random bytes.

        Every connection waits for `limiter`.
        """
        self._permitted, self._limiter, self._patience = permitted, limiter, patience
        self._ports_per_address, self._secret = ports_per_address, secret
        self._open: Counter[Address] = Counter()
        self._verdicts: dict[Address, HostVerdict] = {}
        self._reported: set[Address] = set()

    @property
    def condemned(self) -> frozenset[Address]:
        """The hosts that answer everywhere, as far as is known."""
        return frozenset(host for host, said in self._verdicts.items() if said is HostVerdict.ANSWERS_EVERYWHERE)

    async def screen(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Return the observations without those of hosts that answer everywhere, and one for each such host, once."""
        suspects = self._suspects(observations)
        await self._test(suspects)
        self._open.update(_open_tcp(observations))
        return self._without_condemned(observations)

    def unscreened(self, observations: Sequence[Observation]) -> tuple[Sequence[Observation], int]:
        """Return what `screen` would without testing anyone, and how many observations of suspects are left out."""
        suspects = set(self._suspects(observations))
        kept = [each for each in observations if not (is_open_tcp(each) and each.endpoint.address in suspects)]
        self._open.update(_open_tcp(observations))
        return self._without_condemned(kept), len(observations) - len(kept)

    def _without_condemned(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        condemned = self.condemned
        if not condemned:
            return observations
        kept = [each for each in observations if not (is_open_tcp(each) and each.endpoint.address in condemned)]
        first = {each.endpoint.address: each for each in reversed(observations) if is_open_tcp(each)}
        new = [host for host in first if host in condemned - self._reported]
        self._reported.update(new)
        return [*kept, *(stand_in(first[host]) for host in new)]

    def _suspects(self, observations: Sequence[Observation]) -> list[Address]:
        return [
            host
            for host, more in _open_tcp(observations).items()
            if host not in self._verdicts
            and suspected(self._open[host] + more, self._ports_per_address)
            and self._permitted(host)
        ]

    async def _test(self, suspects: list[Address]) -> None:
        """Test the suspects."""
        turns = asyncio.Semaphore(_HOSTS_AT_ONCE)

        async def try_host(host: Address) -> None:
            async with turns:
                self._verdicts[host] = verdict(await self._try(host))

        async with asyncio.TaskGroup() as group:
            for host in suspects:
                group.create_task(try_host(host))

    async def _try(self, host: Address) -> list[bool]:
        """Return whether each random port accepts, as far as it still matters."""
        accepted_by_port: list[bool] = []
        for port in canary_ports(host, self._secret):
            accepted = await self._accepts(host, port)
            accepted_by_port += [] if accepted is None else [accepted]
            if accepted_by_port.count(False) > CANARIES - NEEDED:
                break
        return accepted_by_port

    async def _accepts(self, host: Address, port: int) -> bool | None:
        """Return whether a port accepts a connection; None where we could not try."""
        await self._limiter.wait_turn(host)
        try:
            async with Conversation(host, port, self._patience):
                return True
        except LocalTrouble:
            return None
        except ConnectionResetError:  # the handshake was completed first: refusals are ECONNREFUSED
            return True
        except OSError:
            return False


def _open_tcp(observations: Sequence[Observation]) -> Counter[Address]:
    """Return how many open TCP ports each host has among the observations."""
    return Counter(each.endpoint.address for each in observations if is_open_tcp(each))
