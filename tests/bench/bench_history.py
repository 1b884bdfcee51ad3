"""What the history costs: a million open endpoints, a sweep with and without, a year of nights.

    python tests/bench/bench_history.py [million] [cost] [year] [--small]

Everything is generated and nothing is sent. `--small` does a hundredth, to see that it runs.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.app.sweep import Sweep, WaveResult
from scanner.core.model import Observation, RegistryIdentity, State
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.registry.registry import Registry
from scanner.core.report import SweepInfo
from scanner.core.rules.classify import Judge
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import TargetSet
from scanner.engines.fake import FakeEngine
from scanner.history.compare import compare
from scanner.history.database import Database
from scanner.history.recorder import SweepRecorder, begin_sweep
from scanner.history.store import Store
from scanner.registry.source import load_registry

Codes = Callable[[Wave], npt.NDArray[np.uint16]]
BEGAN = datetime(2026, 1, 1, 2, 15, tzinfo=UTC)
_OPEN, _CLOSED = reason_code(Reason.SYN_ACK), reason_code(Reason.RESET)


def mixed(wave: Wave, salt: int = 0) -> npt.NDArray[np.uint64]:
    """A number for each endpoint that looks random and is the same every time, uint64[n]."""
    value = (wave.low << np.uint64(16)) ^ wave.port ^ np.uint64(salt << 50)
    for _ in range(3):
        value = (value ^ (value >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return value ^ (value >> np.uint64(32))


def info(plan: Plan, registry: Registry, night: int) -> SweepInfo:
    """What is said before the sweep of a night."""
    began = BEGAN + timedelta(days=night)
    return SweepInfo(
        f"{began:%Y%m%dT%H%M%SZ}-{night:04x}", began, "bench", "targets", "ports", plan.targets.size, len(plan.ports),
        "fake", "", plan.seed, "1/1", registry.identity,
    )  # fmt: skip


async def sweep(database: Database | None, plan: Plan, registry: Registry, night: int, codes: Codes) -> None:
    """One sweep of a generated world, remembered or not."""
    said = info(plan, registry, night)
    recorder = begin_sweep(database, said, plan, settings={}) if database else None
    one = Sweep(plan, FakeEngine(codes), Judge(registry), recorder=recorder)
    async for _ in one.results():
        pass
    if recorder:
        recorder.end(one.summary(said, said.started + timedelta(minutes=9)))


def timed(what: Callable[[], object]) -> tuple[float, object]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    result = what()
    return time.perf_counter() - began, result


def peak() -> float:
    """The most memory that this process ever had, MB. (ru_maxrss would begin with that of the parent process.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def million(folder: Path, registry: Registry, share: float) -> None:
    """A million open endpoints stored twice, one in a hundred of them another."""
    plan = Plan(TargetSet([network_span("10.0.0.0/16")]), tuple(range(20000, 20000 + max(1, int(16 * share)))), seed=3)
    judge = Judge(registry)
    rows, seconds = 0, 0.0
    with Database(folder / "million.db", create=True) as database:
        for night in range(2):
            recorder = begin_sweep(database, info(plan, registry, night), plan, settings={})
            for number in range(plan.waves):
                result = judged_wave(plan.wave(number), judge, night)
                took, _ = timed(partial(record, recorder, result))
                rows, seconds = rows + len(result.judged), seconds + took
    size = (folder / "million.db").stat().st_size
    print(f"stored {rows:,} open endpoints in {seconds:.1f} s: {rows / seconds:,.0f} a second (first_seen included)")
    print(f"file {size / 1e6:.0f} MB: {size / rows:.0f} bytes an endpoint; peak memory {peak():.0f} MB")
    script = f"from {Path(__file__).stem} import diff; diff({str(folder / 'million.db')!r})"
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, check=True)


def judged_wave(wave: Wave, judge: Judge, night: int) -> WaveResult:
    """All of a wave's endpoints open, but one in two hundred that is so only every other night."""
    closed = mixed(wave) % np.uint64(200) == np.uint64(night)
    codes = np.where(closed, _CLOSED, _OPEN).astype(np.uint16)
    at = np.full(len(wave), BEGAN.timestamp() + night * 86400.0)
    settled = SettledWave(wave, codes, at, np.full(len(wave), 0.001, np.float32), len(wave))
    seen: list[Observation] = list(settled.observe(settled.places(State.OPEN)))
    judged = tuple(judge.judge(each) for each in seen)
    return WaveResult(wave.number, True, settled.coverage(), settled.reasons(), judged)


def record(recorder: SweepRecorder, result: WaveResult) -> None:
    """What a sweep does for each wave."""
    recorder.first_seen([finding.id for judged in result.judged for finding in judged.findings])
    recorder.wave(result)


def diff(path: str) -> None:
    """Compare the last two sweeps; in a process of its own, so that the peak is that of the diff."""
    store = Store(Database(Path(path)))
    seconds, found = timed(lambda: sum(1 for _ in compare(store, store.sweep("last~1"), store.sweep("last"))))
    print(f"diff: {found:,} differences in {seconds:.1f} s, peak memory {peak():.0f} MB")


def cost(folder: Path, registry: Registry, share: float) -> None:
    """2^20 probes, one in a hundred open: with history and without, three times each."""
    plan = Plan(TargetSet([network_span("10.0.0.0/20")]), tuple(range(1, int(256 * share) + 1)), seed=3)

    def codes(wave: Wave) -> npt.NDArray[np.uint16]:
        return np.where(mixed(wave) % np.uint64(100) == 0, _OPEN, _CLOSED).astype(np.uint16)

    without, with_history = [], []
    with Database(folder / "cost.db", create=True) as database:
        for night in range(3):
            without.append(timed(lambda: asyncio.run(sweep(None, plan, registry, 0, codes)))[0])
            one = lambda night=night: asyncio.run(sweep(database, plan, registry, night, codes))  # noqa: E731
            with_history.append(timed(one)[0])
    print(f"{plan.size:,} probes, 1 % open: {min(without):.2f} s without history, {min(with_history):.2f} s with it")
    print(f"ratio on an engine that costs nothing: {min(with_history) / min(without):.2f}")
    for rate in (5_000, 180_000):
        there = plan.size / rate
        extra = (there + min(with_history)) / (there + min(without))
        print(f"ratio at {rate:,} probes a second ({there:.0f} s): {extra:.4f}")


def year(folder: Path, registry: Registry, share: float) -> None:
    """A year of nights over a /24 with 500 open ports, a few of which change every night."""
    plan = Plan(TargetSet([network_span("10.0.0.0/24")]), tuple(range(1, 1001)), seed=3)

    def codes(night: int) -> Codes:
        def world(wave: Wave) -> npt.NDArray[np.uint16]:
            steady = mixed(wave) % np.uint64(512) == 0
            passing = mixed(wave, night) % np.uint64(100_000) == 0
            return np.where(steady ^ passing, _OPEN, _CLOSED).astype(np.uint16)

        return world

    nights = max(3, int(365 * share))

    async def all_nights() -> None:
        with Database(folder / "year.db", create=True) as database:
            for night in range(nights):
                await sweep(database, plan, registry, night, codes(night))

    seconds, _ = timed(lambda: asyncio.run(all_nights()))
    size = (folder / "year.db").stat().st_size
    print(f"{nights} nights of a /24 x 1,000 ports: {size / 1e6:.1f} MB, {seconds / nights * 1000:.0f} ms a night")
    named = ["--history", str(folder / "year.db")]
    for words in (["history", "--most", "400"], ["history", "show", "last"], ["diff"], ["diff", "last~300", "last"]):
        if nights < 301 and "last~300" in words:
            continue
        command = [sys.executable, "-m", "scanner", *words, *named]
        took, done = timed(partial(subprocess.run, command, capture_output=True, check=True))
        lines = done.stdout.count(b"\n")  # type: ignore[attr-defined]
        print(f"scanner {' '.join(words)}: {took:.2f} s, {lines:,} lines")


def main() -> None:
    """Run what was asked for, or everything."""
    parts: dict[str, Callable[[Path, Registry, float], None]] = {"million": million, "cost": cost, "year": year}
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*parts, []])
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    registry = load_registry(None, warn=print)
    assert isinstance(registry.identity, RegistryIdentity)
    with tempfile.TemporaryDirectory() as name:
        for part in asked.parts or parts:
            print(f"\n{part}")
            parts[part](Path(name), registry, 0.07 if asked.small else 1.0)


if __name__ == "__main__":
    main()
