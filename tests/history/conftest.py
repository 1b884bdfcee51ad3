"""A world that can be swept without a network: which endpoints are open, and what goes wrong on the way."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from scanner.app.sweep import Asked, Earlier, Sweep
from scanner.core.model import RegistryIdentity, Transport
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.policy.policy import Policy
from scanner.core.registry.registry import Registry, RegistryRow
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.classify import Judge
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import TargetSet
from scanner.engines.interface import Progress
from scanner.history.database import Database
from scanner.history.previous import open_before
from scanner.history.recorder import SweepRecorder, begin_sweep
from scanner.history.store import Store
from scanner.history.stored import StoredSweep

BEGAN = datetime(2026, 6, 1, 22, 5, tzinfo=UTC)


def registry(*services: tuple[str, int], date: str = "2026-01-01") -> Registry:
    rows = [RegistryRow(name, port, port, (Transport.TCP,), "", "", "", "", "", "", "") for name, port in services]
    return Registry(RegistryIdentity("test", date, date.replace("-", "") * 8, len(rows)), rows)


@dataclass
class World:
    """Open endpoints as (address, port); everything else is closed."""

    open: frozenset[tuple[str, int]]
    unknown: frozenset[tuple[str, int]] = frozenset()
    silent: frozenset[tuple[str, int]] = frozenset()
    """What drops our probes."""
    degraded: tuple[str, ...] = ()
    stop_after: int | None = None
    """How many waves are settled before somebody stops it."""

    def settle(self, wave: Wave, began: datetime = BEGAN) -> SettledWave:
        reason = np.full(len(wave), reason_code(Reason.RESET), np.uint16)
        for place in range(len(wave)):
            at = (str(wave.address(place)), int(wave.port[place]))
            if at in self.open:
                reason[place] = reason_code(Reason.SYN_ACK)
            if at in self.silent:
                reason[place] = reason_code(Reason.NO_RESPONSE)
            if at in self.unknown:
                reason[place] = local_error_code(24)
        return SettledWave(
            wave=wave,
            reason=reason,
            at=np.full(len(wave), began.timestamp() + wave.number),
            rtt=np.full(len(wave), 0.25, np.float32),
            sent=len(wave),
            degraded=self.degraded,
        )


class WorldEngine:
    """Looks at a world. An engine like any other."""

    name = "world"
    progress = Progress()
    notes: tuple[str, ...] = ()

    def __init__(self, world: World, began: datetime = BEGAN) -> None:
        self._world, self._began = world, began

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        for count, wave in enumerate(waves):
            if self._world.stop_after == count:
                return
            yield self._world.settle(wave, self._began)

    def stop(self) -> None:
        """Nothing is under way between two waves."""


@dataclass
class Lab:
    """A history, and sweeps of worlds that go into it."""

    path: Path
    registry: Registry = field(default_factory=lambda: registry(("ssh", 22), ("https", 443)))
    nights: int = 0
    """Days since the first sweep, as the clock has it."""
    hostnames: Mapping[str, str] = field(default_factory=dict)

    def plan(self, network: str = "10.0.0.0/28", ports: tuple[int, ...] = (22, 443, 8123), **more: object) -> Plan:
        targets = TargetSet([network_span(text) for text in network.split()])
        return Plan(targets, ports, seed=5, **{"wave_size": 16, **more})  # type: ignore[arg-type]

    def info(self, plan: Plan, policy: Policy | None = None) -> SweepInfo:
        began = BEGAN + timedelta(days=self.nights)
        return SweepInfo(
            sweep_id=f"{began:%Y%m%dT%H%M%SZ}-{self.nights & 0xFFFF:04x}",
            started=began,
            version="1",
            targets="words",
            ports="words",
            addresses=plan.targets.size,
            ports_per_address=len(plan.ports),
            engine="world",
            engine_why="",
            seed=plan.seed,
            shard=str(plan.shard),
            registry=self.registry.identity,
            policy=policy.identity if policy else "",
            hostnames={"a.example": ("10.0.0.1",)},
        )

    async def sweep(
        self,
        world: World,
        plan: Plan | None = None,
        *,
        policy: Policy | None = None,
        audit: str = "",
        ends: bool = True,
        again: bool = False,
    ) -> str:
        """Sweep a world and record it, a day after the one before; returns the sweep's id. With `again` what
        was open before is looked at by name."""
        plan = plan or self.plan()
        info = self.info(plan, policy)
        self.nights += 1
        with Database(self.path, create=True) as database:
            store = Store(database)
            before = store.comparable(plan, audit) if again else None
            asked = open_before(store, before, plan) if before else None
            recorder = begin_sweep(database, info, plan, audit=audit, settings={"engine": "world"})
            await self.go(world, plan, info, recorder, policy=policy, ends=ends, asked=asked)
        return info.sweep_id

    async def go(
        self,
        world: World,
        plan: Plan,
        info: SweepInfo,
        recorder: SweepRecorder,
        *,
        earlier: Earlier | None = None,
        policy: Policy | None = None,
        ends: bool = True,
        asked: Asked | None = None,
    ) -> Summary:
        engine = WorldEngine(world, info.started)
        sweep = Sweep(plan, engine, Judge(self.registry, policy), asked=asked, recorder=recorder, earlier=earlier)
        async for _ in sweep.results():
            pass
        summary = sweep.summary(info, info.started + timedelta(minutes=5))
        if ends:
            recorder.end(summary)
        return summary

    def store(self) -> Store:
        return Store(Database(self.path))

    def stored(self, sweep_id: str) -> StoredSweep:
        return self.store().sweep(sweep_id)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "history.db")


@pytest.fixture
def world() -> Callable[..., World]:
    def make(
        *endpoints: tuple[str, int],
        unknown: Iterable[tuple[str, int]] = (),
        silent: Iterable[tuple[str, int]] = (),
        **more: object,
    ) -> World:
        return World(frozenset(endpoints), frozenset(unknown), frozenset(silent), **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_registry() -> Callable[..., Registry]:
    return registry
