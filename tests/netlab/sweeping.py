"""Sweeps by any engine inside a namespace, as tests want them: whole, and as one table."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from scanner.core.model import Coverage, State
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import reason_state, reason_text
from scanner.core.plan.recall import add_up
from scanner.core.plan.wave import SettledWave
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.targets.targets import TargetSet, Word, parse_target
from scanner.engines.choose import Wire
from scanner.engines.interface import Engine
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions, SynStatistics
from scanner.engines.syn.scope_filter import ScopeFilter
from tests.netlab.lab import Namespace

QUICK = SynOptions(attempts=2, wire=Wire.SENDMMSG)
"""Enough where nothing is lost; and by the wire that every kernel has."""


@dataclass
class Swept:
    """What came out of a sweep."""

    coverage: Coverage = field(default_factory=Coverage)
    reasons: Counter[str] = field(default_factory=Counter)
    table: dict[tuple[str, int], tuple[State, str]] = field(default_factory=dict)
    waves: list[SettledWave] = field(default_factory=list)
    statistics: SynStatistics = field(default_factory=SynStatistics)

    @property
    def states(self) -> dict[tuple[str, int], State]:
        """Each endpoint's state."""
        return {endpoint: state for endpoint, (state, _) in self.table.items()}

    @property
    def answers_by_try(self) -> tuple[int, ...]:
        """TCP answers to each try."""
        return add_up([wave.answers_by_try for wave in self.waves])

    def add(self, settled: SettledWave, *, table: bool) -> None:
        """Take a settled wave in."""
        assert settled.coverage().balanced
        self.coverage += settled.coverage()
        self.reasons.update(settled.reasons())
        self.waves.append(settled)
        if table:
            for place in range(len(settled.wave)):
                code = int(settled.reason[place])
                key = (str(settled.wave.address(place)), int(settled.wave.port[place]))
                assert key not in self.table
                self.table[key] = (reason_state(code), reason_text(code))


def plan_of(targets: Iterable[str], ports: Iterable[int], *, seed: int = 7, wave_size: int = 1 << 14) -> Plan:
    """A plan of words and port numbers."""
    spans = [span for text in targets for span in _spans(text)]
    return Plan(TargetSet(spans), tuple(sorted(ports)), seed, wave_size=wave_size)


def permit(plan: Plan) -> ScopeFilter:
    """Permits what is planned."""
    return ScopeFilter(plan.targets.ranges)


def syn_engine(plan: Plan, options: SynOptions = QUICK, limits: Limits = UNLIMITED) -> SynEngine:
    """A SYN engine for a plan."""
    return SynEngine(options, limits, permit(plan))


def sweep(
    host: Namespace,
    plan: Plan,
    engine: Engine | None = None,
    *,
    table: bool = True,
    meanwhile: Callable[[SettledWave], None] | None = None,
) -> Swept:
    """Sweep a plan from a namespace."""
    engine = engine or syn_engine(plan)
    swept = Swept()

    async def run() -> None:
        async for settled in engine.run(plan.wave(number) for number in plan.numbers()):
            swept.add(settled, table=table)
            if meanwhile:
                meanwhile(settled)

    with host.entered():
        asyncio.run(run())
    if isinstance(engine, SynEngine):
        swept.statistics = engine.statistics
    assert sum(map(len, (wave.wave for wave in swept.waves))) <= plan.size
    return swept


def interface_packets(host: Namespace, link: str) -> int:
    """How many packets the kernel says left by an interface."""
    return int(host.run("cat", f"/sys/class/net/{link}/statistics/tx_packets").stdout)


class Arrival(NamedTuple):
    """A SYN that reached a host."""

    at: float
    """When, in seconds on the kernel's clock."""
    address: bytes
    """Where it was to go; IPv4, four bytes."""
    port: int
    """And to which port."""


def arrivals(host: Namespace, act: Callable[[], object]) -> list[Arrival]:
    """The SYNs of IPv4 that reached a host by `v0` meanwhile."""
    with host.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    tap.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    tap.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    tap.bind(("v0", 0x0800))
    act()
    found: list[Arrival] = []
    while True:
        try:
            frame, words, *_ = tap.recvmsg(64, 64)
        except BlockingIOError:
            tap.close()
            return found
        if frame[23] == 6 and frame[47] == 2:
            seconds, nanoseconds = struct.unpack("qq", words[0][2])
            found.append(Arrival(seconds + nanoseconds * 1e-9, frame[30:34], int.from_bytes(frame[36:38], "big")))


def most_in_a_second(times: Iterable[float]) -> int:
    """The most events in any rolling second."""
    moments = np.sort(np.array(list(times)))
    return int((np.searchsorted(moments, moments + 1.0, side="left") - np.arange(len(moments))).max())


def _spans(text: str) -> Any:
    found = parse_target(Word(text, "test"))
    assert isinstance(found, tuple)
    return found
