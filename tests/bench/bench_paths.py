"""What sweeps find and say behind paths that go wrong, both engines, nmap and masscan beside them.

    python tests/bench/bench_paths.py [--only police-300,cut-2] [--engines syn,connect] [--seeds 1]
                                      [--beside nmap,masscan] [--seconds 4] [--words "--host-rate 0"]

Each line: exit status, what of the open ports was found, seconds, these over the least time that the path allows,
SYNs that were more than one for each endpoint, and the cause by the summary. Kept is the promise when all was found
with status 0, or, where the path cannot bear a sweep, status 3 and the cause in the summary. Never 0 with less.
Nothing of the rate is set: a scan finds it. nmap runs with -T4 and -T3, masscan at its own 100 a second and at the
rate of the path.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

from measure import need_laboratory

from tests.netlab.lab import Lab
from tests.netlab.path_reports import (
    MASSCAN,
    MASSCAN_OPEN,
    NMAP,
    NMAP_OPEN,
    Report,
    other_scanner,
    report,
    scan,
    striking,
)
from tests.netlab.paths import FAULTS, Fault, Network


@dataclass(frozen=True, slots=True)
class Line:
    """One run, ready to be printed."""

    path: str
    who: str
    seed: int
    verdict: str
    status: int
    found: int
    truth: int
    seconds: float
    least: float
    vain: int
    cause: str

    def __str__(self) -> str:
        recall = f"{self.found}/{self.truth}"
        times = f"{self.seconds / self.least:8.1f}" if self.least > 0.05 else f"{'':8}"
        return (
            f"{self.path:24}{self.who:14}{self.seed:5}  {self.verdict:8}{self.status:5}{recall:>9}"
            f"{self.found / self.truth:9.1%}{self.seconds:8.1f}{times}{self.vain:9,}  {self.cause}"
        )


HEAD = (
    f"{'path':24}{'by':14}{'seed':>5}  {'promise':8}{'exit':>5}{'open':>9}{'recall':>9}{'s':>8}{'x least':>8}"
    f"{'in vain':>9}  cause"
)


def once(fault: Fault, who: str, seconds: float, run: Callable[[Network], Report], seed: int = 0) -> Line:
    """A fresh laboratory, the fault, one contender."""
    with Lab() as lab:
        network = fault.network(lab, seconds=seconds)
        fault.lay(network)
        said = run(network)
        verdict = "" if seed == 0 else "kept" if said.kept else "honest" if said.honest else "BROKEN"
        return Line(
            path=fault.name,
            who=who,
            seed=seed,
            verdict=verdict if said.struck else "too soon",
            status=said.status,
            found=len(said.found & said.truth),
            truth=len(said.truth),
            seconds=said.seconds,
            least=fault.least(network),
            vain=said.asked - network.size,
            cause=said.cause,
        )


def ours(fault: Fault, engine: str, seed: int, words: list[str]) -> Callable[[Network], Report]:
    """A scan by one engine."""

    def run(network: Network) -> Report:
        with striking(network, fault) as struck:
            said = scan(network, "--engine", engine, "--seed", str(seed), *words)
        return report(network, fault, struck, said)

    return run


def neighbours(fault: Fault, names: list[str]) -> list[tuple[str, Callable[[Network], Report]]]:
    """The other scanners, as this path needs them."""
    found: list[tuple[str, Callable[[Network], Report]]] = []
    if "nmap" in names:
        found += [(f"nmap {pace}", other(fault, NMAP_OPEN, *NMAP, pace)) for pace in ("-T4", "-T3")]
    if "masscan" in names:
        rates = sorted({100.0, min(fault.rate, 100_000.0)})
        found += [(f"masscan {rate:.0f}", other(fault, MASSCAN_OPEN, *MASSCAN, f"--rate={rate:.0f}")) for rate in rates]
    return found


def other(fault: Fault, pattern: str, *command: str) -> Callable[[Network], Report]:
    """Another scanner."""
    return lambda network: other_scanner(network, fault, pattern, *command)


def main(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    need_laboratory()
    broken = runs = 0
    print(HEAD)
    for name in arguments.only.split(",") if arguments.only else FAULTS:
        fault = FAULTS[name]
        for engine in filter(None, arguments.engines.split(",")):
            for seed in range(1, arguments.seeds + 1):
                run = ours(fault, engine, seed, arguments.words.split())
                line = once(fault, engine, arguments.seconds, run, seed)
                print(line, flush=True)
                runs += 1
                broken += line.verdict != "kept"
        for who, beside in neighbours(fault, arguments.beside.split(",")):
            print(once(fault, who, arguments.seconds, beside), flush=True)
    print(f"the promise was kept in {runs - broken} of {runs} runs")
    sys.exit(broken > 0)


def options() -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=", ".join(FAULTS))
    parser.add_argument("--engines", default="syn,connect")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each engine")
    parser.add_argument("--beside", default="", help="nmap,masscan")
    parser.add_argument("--seconds", type=float, default=4.0, help="the least time for a sweep of a slow path")
    parser.add_argument("--words", default="", help="more words for the scan")
    return parser.parse_args()


if __name__ == "__main__":
    main(options())
