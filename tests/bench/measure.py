"""What the benchmarks share: the laboratory, clocks, versions, and tables of two sides in one run."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.netlab.lab import Namespace, why_not  # noqa: E402 (the line above makes it importable)


def need_laboratory() -> None:
    """Leave with a line that says why, where there can be no laboratory."""
    if reason := why_not():
        sys.exit(f"this benchmark needs a network laboratory: {reason}")


def version_of(command: str) -> str:
    """The first line a program says of its version."""
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)  # masscan exits with 1
    return next(line for line in said.stdout.splitlines() if line.strip())


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds that something took, and what it gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def nmap_open(host: Namespace, *words: str, seconds: float = 600) -> set[tuple[str, int]]:
    """Run nmap in a namespace; the (address, port) pairs it found open."""
    said = host.run("nmap", "-sT", "-Pn", "-n", "-oG", "-", *words, seconds=seconds).stdout
    return {
        (line.split()[1], int(port))
        for line in said.splitlines()
        if "Ports: " in line
        for port in re.findall(r"(\d+)/open/", line)
    }


def table(rows: Iterable[tuple[str, list[float], str]]) -> None:
    """One line for each contender: median, fastest, slowest, and a remark."""
    print(f"{'':34}{'median s':>10}{'min':>9}{'max':>9}")
    for name, seconds, remark in rows:
        print(f"{name:34}{median(seconds):10.3f}{min(seconds):9.3f}{max(seconds):9.3f}  {remark}")


def ratio(name: str, theirs: list[float], ours: list[float], goal: float) -> None:
    """How many times as fast we are, run by run."""
    each = [their / our for their, our in zip(theirs, ours, strict=True)]
    print(f"{name}: {median(each):.2f} times as fast (goal {goal}; {min(each):.2f} to {max(each):.2f} run by run)")
