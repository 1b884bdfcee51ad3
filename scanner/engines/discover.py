"""`--discover`: probe a few ports of every address first, and the whole port set only where something answered.

Two steps, each with any engine. `discover` runs a small plan and notes in `Hosts` which addresses gave a sign of life.
`DiscoveredEngine` wraps an engine: of each wave it lets only endpoints of such addresses through, and settles the
others as `silent-host`, counting each silent address once. Plans, waves and cursors stay as they are, so a sweep can be
resumed and sharded as ever; the first step is simply taken again. A wave of which little is left is probed side by side
with many others, so none is kept meanwhile: it is made once more when it is settled.

It trades certainty for time: a host whose firewall drops the few ports that were probed looks silent. So it never
happens unless it was requested, the reason says what happened, and an address whose silence proves nothing (a link that
was down) counts as a sign of life.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U64, Indices
from scanner.core.model import PROTOCOL, Coverage, Transport
from scanner.core.plan.reasons import Reason, reason_code, reason_codes
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.interface import Engine, PathReport, Progress, path_report

DISCOVERY_PORTS = (21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 443, 445, 993, 3306, 3389, 5900, 8080, 8443, 40125)
"""The ports of the first step: those most often open, and one that hardly ever is, which a bare host answers with a
RST."""

_NO_SIGN = frozenset(
    {
        Reason.NO_RESPONSE,
        Reason.SILENT_HOST,
        Reason.NO_ARP_REPLY,
        Reason.HOST_UNREACHABLE,
        Reason.ICMP_NET_UNREACHABLE,
        Reason.ICMP_HOST_UNREACHABLE,
        Reason.ICMP_TIME_EXCEEDED,
    }
)
"""Reasons that show no host; every other one, our own failures included, lets an address through."""

_ALIVE, _COUNTED = np.uint8(1), np.uint8(2)


class Hosts:
    """Which addresses of a target set gave a sign of life. One byte per address."""

    def __init__(self, size: int) -> None:
        self._flags: U8 = np.zeros(size, np.uint8)

    @property
    def alive(self) -> int:
        """How many did."""
        return int(np.count_nonzero(self._flags & _ALIVE))

    @property
    def silent(self) -> int:
        """How many did not."""
        return len(self._flags) - self.alive

    def add(self, settled: SettledWave) -> None:
        """Take in a wave of the first step."""
        sign = ~np.isin(settled.reason, np.array([*reason_codes(_NO_SIGN)], np.uint16))
        self._flags[settled.wave.host[sign]] |= _ALIVE

    def are_alive(self, host: U64) -> npt.NDArray[np.bool_]:
        """Return which of some addresses, by index in the target set, gave a sign of life."""
        return (self._flags[host] & _ALIVE).astype(bool)

    def count(self, host: U64) -> int:
        """Return how many of some addresses were not counted before."""
        new = np.unique(host[(self._flags[host] & _COUNTED) == 0])
        self._flags[new] |= _COUNTED
        return len(new)


async def discover(engine: Engine, waves: Iterable[Wave], hosts: Hosts) -> Coverage:
    """Take the first step: probe `waves` of a plan with the same target set, and note which addresses answer.

    Returns:
        what was covered; its `sent` belongs to the sweep's account.
    """
    coverage = Coverage()
    async for settled in engine.run(waves):
        hosts.add(settled)
        coverage += settled.coverage()
    return coverage


class DiscoveredEngine:
    """An engine that probes only addresses that gave a sign of life. Obeys `interface.Engine`."""

    def __init__(self, engine: Engine, hosts: Hosts, wave_of: Callable[[int], Wave]) -> None:
        """`wave_of` returns a wave of the plan by its number."""
        self._engine, self._hosts, self._wave_of = engine, hosts, wave_of
        self._skipped = 0

    @property
    def name(self) -> str:
        """See `interface.Engine`."""
        return self._engine.name

    @property
    def progress(self) -> Progress:
        """See `interface.Engine`."""
        inner = self._engine.progress
        return Progress(inner.sent, inner.settled + self._skipped, inner.open)

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        silent = f"{self._hosts.silent:,} addresses gave no sign of life and were not probed further"
        return (*self._engine.notes, silent) if self._hosts.silent else self._engine.notes

    @property
    def path_report(self) -> PathReport:
        """See `interface.PathReport`."""
        return path_report(self._engine)

    def stop(self) -> None:
        """See `interface.Engine`."""
        self._engine.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """See `interface.Engine`."""
        kept: dict[int, Indices] = {}

        def lively() -> Iterator[Wave]:
            for wave in waves:
                kept[wave.number] = indices = np.flatnonzero(self._hosts.are_alive(wave.host))
                yield wave.part(indices)

        async with aclosing(self._engine.run(lively())) as settled_waves:
            async for settled in settled_waves:
                wave, indices = self._wave_of(settled.wave.number), kept.pop(settled.wave.number)
                self._skipped += len(wave) - len(indices)
                yield self._widen(wave, indices, settled)

    def _widen(self, wave: Wave, kept: Indices, settled: SettledWave) -> SettledWave:
        """Return the settled part as the settled whole."""
        udp = wave.transport == PROTOCOL[Transport.UDP]
        silent_host = reason_code(Reason.UDP_SILENT_HOST), reason_code(Reason.SILENT_HOST)
        reason = np.where(udp, *silent_host).astype(np.uint16)
        at = np.full(len(wave), time.time(), np.float64)
        rtt = np.full(len(wave), np.nan, np.float32)
        reason[kept], at[kept], rtt[kept] = settled.reason, settled.at, settled.rtt
        silent = np.delete(wave.host, kept)
        return SettledWave(
            wave=wave,
            reason=reason,
            at=at,
            rtt=rtt,
            sent=settled.sent,
            complete=settled.complete,
            evidence={int(kept[index]): words for index, words in settled.evidence.items()},
            identities={int(kept[index]): identity for index, identity in settled.identities.items()},
            unreachable_hosts=settled.unreachable_hosts + self._hosts.count(silent),
            degraded=settled.degraded,
            answers_by_try=settled.answers_by_try,
        )


class TwoSteps:
    """Both steps as one engine: first the discovery, then the waves of the sweep. Obeys `interface.Engine`."""

    def __init__(
        self, scout: Engine, scouted: Iterable[Wave], engine: DiscoveredEngine, hosts: Hosts, *, rest: float = 0.0
    ) -> None:
        """`scout` probes `scouted`, the waves of the small plan; `engine` probes the waves given to `run`.

        `rest` is how many seconds lie between them, because the engine does not know what the scout has just sent.
        """
        self._scout, self._scouted, self._hosts, self._rest = scout, scouted, hosts, rest
        self._engine = engine
        self._stopped = asyncio.Event()

    @property
    def name(self) -> str:
        """See `interface.Engine`."""
        return self._engine.name

    @property
    def progress(self) -> Progress:
        """See `interface.Engine`. The first step settles nothing of the sweep."""
        first, then = self._scout.progress, self._engine.progress
        return Progress(first.sent + then.sent, then.settled, then.open)

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return self._engine.notes

    @property
    def path_report(self) -> PathReport:
        """See `interface.PathReport`."""
        return path_report(self._engine)

    def stop(self) -> None:
        """See `interface.Engine`."""
        self._stopped.set()
        self._scout.stop()
        self._engine.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """See `interface.Engine`. The first settled wave accounts for the probes of the first step too."""
        sent = (await discover(self._scout, self._scouted, self._hosts)).sent
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), self._rest)
        if self._stopped.is_set():
            return
        async with aclosing(self._engine.run(waves)) as settled_waves:
            async for settled in settled_waves:
                yield replace(settled, sent=settled.sent + sent)
                sent = 0
