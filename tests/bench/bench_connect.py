"""65,535 ports of one host over a veth wire, 200 of them open: this scanner's connect engine against nmap -sT -T5.

    python tests/bench/bench_connect.py [RUNS]

Both sides in turn, in one run, as root. Goals: the scan phase (the engine alone) 1.5 times as fast, the whole process
no slower, every open port found in every run.
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path

from measure import need_laboratory, nmap_open, ratio, table, timed, version_of

from scanner.core.model import State
from scanner.core.pacing import UNLIMITED
from scanner.core.plan import Plan
from scanner.core.spans import Span
from scanner.core.targets import TargetSet
from scanner.engines.connect import ConnectEngine, ConnectOptions
from tests.netlab.lab import Lab, Namespace

TARGET = "10.77.0.2"
OPEN = 200


async def engine_alone(seed: int) -> set[int]:
    """The ports that the engine finds open."""
    number = 0x0A4D0002
    plan = Plan(TargetSet([Span(4, number, number)]), tuple(range(1, 65536)), seed)
    engine = ConnectEngine(ConnectOptions(), UNLIMITED)
    found: set[int] = set()
    async for each in engine.run(plan.wave(turn) for turn in plan.numbers()):
        found.update(each.wave.port[each.places(State.OPEN)].tolist())
    return found


def whole_process(host: Namespace, folder: Path) -> set[int]:
    """The ports that one command finds open, from start-up to a written CSV."""
    written = folder / "open.csv"
    words = f"scan {TARGET} -p- -sT --rate 0 --host-rate 0 --no-history -q --csv --all-open --fail-on none -o {written}"
    host.python("-m", "scanner", *words.split())
    lines = written.read_text().splitlines()
    column = lines[0].split(",").index("port")
    return {int(line.split(",")[column]) for line in lines[1:]}


def main(runs: int) -> None:
    """Measure and print."""
    need_laboratory()
    engine, process, nmap = [], [], []
    expected = set(random.Random(7).sample(range(1, 65536), OPEN))
    recall = {"engine": 0, "process": 0, "nmap": 0}
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        a, b = lab.pair()
        b.listen(expected)
        for run in range(runs + 1):
            with a.entered():
                seconds = timed(lambda run=run: asyncio.run(engine_alone(run)))
            others = timed(lambda: whole_process(a, Path(folder))), timed(lambda: nmap_open(a, "-T5", "-p-", TARGET))
            if run == 0:
                continue  # everything has been loaded once, on both sides
            engine.append(seconds[0])
            process.append(others[0][0])
            nmap.append(others[1][0])
            recall["engine"] += seconds[1] == expected
            recall["process"] += others[0][1] == expected
            recall["nmap"] += {port for _, port in others[1][1]} == expected
    print(f"{OPEN} of 65,535 ports open over veth, {runs} runs each; {version_of('nmap')}")
    table(
        [
            ("scanner, scan phase", engine, f"all found in {recall['engine']} of {runs}"),
            ("scanner, whole process", process, f"all found in {recall['process']} of {runs}"),
            ("nmap -sT -Pn -n -T5 -p-", nmap, f"all found in {recall['nmap']} of {runs}"),
        ]
    )
    ratio("scan phase", nmap, engine, 1.5)
    ratio("whole process", nmap, process, 1.0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
