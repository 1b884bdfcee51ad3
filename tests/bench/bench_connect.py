"""65,535 ports of one host over a veth wire, 200 of them open: this scanner's connect engine against nmap -sT -T5.

    python tests/bench/bench_connect.py [RUNS]

All in turn, in one run, as root. The scan phase is the engine alone, as the command line would choose it: a pool of
processes where there are processors for one; a single process is measured beside it. Goals: the scan phase 1.5 times
as fast, the whole process no slower, every open port found in every run.
"""

import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from measure import need_laboratory, nmap_open, ratio, table, timed, version_of

from scanner.core.model import State
from scanner.core.plan.plan import Plan
from scanner.core.rate.limits import UNLIMITED
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.pool import ConnectPool, pool_size
from scanner.engines.interface import Engine
from tests.netlab.lab import Lab, Namespace

TARGET = "10.77.0.2"
OPEN = 200
SCAN, PROCESS, NMAP = "scanner, scan phase", "scanner, whole process", "nmap -sT -Pn -n -T5 -p-"


def chosen_engine() -> Engine:
    """What the command line would take for this plan."""
    workers = pool_size(65_535, 1, UNLIMITED)
    return ConnectPool(ConnectOptions(), UNLIMITED, workers=workers) if workers > 1 else one_process()


def one_process() -> Engine:
    """The engine without workers."""
    return ConnectEngine(ConnectOptions(), UNLIMITED)


async def engine_alone(engine: Engine, seed: int) -> set[int]:
    """The ports that an engine finds open."""
    number = 0x0A4D0002
    plan = Plan(TargetSet([Span(4, number, number)]), tuple(range(1, 65536)), seed)
    found: set[int] = set()
    async for each in engine.run(plan.wave(turn) for turn in plan.numbers()):
        found.update(each.wave.port[each.places(State.OPEN)].tolist())
    return found


def whole_process(host: Namespace, folder: Path) -> set[int]:
    """The ports that one command finds open, from start-up to a written CSV."""
    written = folder / "open.csv"
    rates = "--rate 0 --host-rate 0 --fixed-rate"
    words = f"scan {TARGET} -p- -sT {rates} --no-history -q --csv --all-open --fail-on none -o {written}"
    host.python("-m", "scanner", *words.split())
    lines = written.read_text().splitlines()
    column = lines[0].split(",").index("port")
    return {int(line.split(",")[column]) for line in lines[1:]}


def main(runs: int) -> None:
    """Measure and print."""
    need_laboratory()
    expected = set(random.Random(7).sample(range(1, 65536), OPEN))
    seconds: dict[str, list[float]] = {}
    recall: Counter[str] = Counter()
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        a, b = lab.pair()
        b.listen(expected)
        for run in range(runs + 1):
            for name, work in contenders(a, Path(folder), run).items():
                took, found = timed(work)
                if run:  # the first time everything is loaded, on all sides
                    seconds.setdefault(name, []).append(took)
                    recall[name] += found == expected
    print(f"{OPEN} of 65,535 ports open over veth, {runs} runs each, {os.cpu_count()} processors; {version_of('nmap')}")
    table((name, took, f"all found in {recall[name]} of {runs}") for name, took in seconds.items())
    ratio("scan phase", seconds[NMAP], seconds[SCAN], 1.5)
    ratio("whole process", seconds[NMAP], seconds[PROCESS], 1.0)


def contenders(a: Namespace, folder: Path, seed: int) -> dict[str, Callable[[], set[int]]]:
    """Who is measured, in turn; each gives the ports that it found open."""

    def alone(engine: Engine) -> set[int]:
        with a.entered():
            return asyncio.run(engine_alone(engine, seed))

    return {
        SCAN: lambda: alone(chosen_engine()),
        "  the same in one process": lambda: alone(one_process()),
        PROCESS: lambda: whole_process(a, folder),
        NMAP: lambda: {port for _, port in nmap_open(a, "-T5", "-p-", TARGET)},
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
