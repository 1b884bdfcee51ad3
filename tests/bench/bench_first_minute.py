"""What a new user tries first, with no speed set: beside nmap -T4 in the same run, the ratio and what was found.

    python tests/bench/bench_first_minute.py [--only resets,drops,subnet,...] [--engines syn,connect]
                                             [--ports 65535] [--masscan]

On one wire: all ports of a host that resets what is closed, of one that drops it, and a /24 with twenty hosts of which
ten drop; there nmap runs with its own 1,000 ports and with ours. Through a router: 4 hosts x 150 ports behind policers
of 300, 3,000 and 30,000 packets a second, 16 hosts x 400 ports behind one that passes 500 new connections a second, and
a host, an uplink and a gateway that go silent in the middle, where all that can be right is exit status 3 and the
cause. `fast` is nmap's time over ours.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from measure import need_laboratory, timed, version_of

from scanner.app.planning import default_ports
from tests.netlab.lab import Lab, Namespace, addresses
from tests.netlab.path_reports import (
    MASSCAN,
    MASSCAN_OPEN,
    NMAP,
    NMAP_OPEN,
    Scan,
    other_scanner,
    report,
    run_other,
    scan,
    scan_from,
    striking,
)
from tests.netlab.paths import FAULTS, Endpoints, Fault, Network, police

SERVICES = (22, 80, 443, 3306, 8080, 50_000)
LIVE = [f"10.77.0.{10 + 11 * number}" for number in range(20)]


@dataclass(frozen=True, slots=True)
class Task:
    """Something to find."""

    truth: Endpoints
    """What is open."""
    ours: Callable[[str], tuple[Scan, str]]
    """Scan with an engine; what came and the cause that was named."""
    nmap: dict[str, Callable[[], tuple[Endpoints, int]]]
    """nmap's side, by what is said of it; the first one is what the goal is about."""
    masscan: Callable[[], tuple[Endpoints, int]] | None = None
    """masscan's side, where it makes sense."""


def neighbour_task(host: Namespace, truth: Endpoints, words: list[str], nmap: dict[str, list[str]]) -> Task:
    """A task on one wire."""
    return Task(
        truth,
        lambda engine: (scan_from(host, *words, "--engine", engine, seconds=900), ""),
        {name: partial(run_other, host, NMAP_OPEN, *NMAP, "-T4", *these) for name, these in nmap.items()},
        partial(by_masscan, host, words),
    )


def by_masscan(host: Namespace, words: list[str]) -> tuple[Endpoints, int]:
    """masscan sends all by the gateway: the neighbour is made one, and its range of ports named."""
    host.ip("route", "replace", "default", "via", "10.77.0.2")
    ports = words if "-p" in words else [*words, "-p", spans(default_ports().tcp)]
    return run_other(host, MASSCAN_OPEN, *MASSCAN, "--rate=100000", *ports)


@contextmanager
def one_host(ports: int, *, drops: bool) -> Iterator[Task]:
    """All ports of a neighbour."""
    with Lab() as lab:
        a, b = lab.pair()
        services = [port for port in SERVICES if port <= ports]
        b.listen(services, ["0.0.0.0"])
        if drops:
            b.nft(f"add rule inet lab input tcp dport != {{ {', '.join(map(str, services))} }} drop")
        words = ["10.77.0.2", "-p", f"1-{ports}"]
        yield neighbour_task(a, frozenset(("10.77.0.2", port) for port in services), words, {"nmap -T4": words})


@contextmanager
def subnet(_: int) -> Iterator[Task]:
    """A /24 with twenty hosts of which ten drop."""
    with Lab() as lab:
        a, b = lab.pair()
        addresses(b, "v0", *(f"{each}/24" for each in LIVE))
        b.nft("add rule inet lab input tcp dport != { 22, 80, 443 } ip daddr { " + ", ".join(LIVE[::2]) + " } drop")
        b.listen((22, 80, 443), ["0.0.0.0"])
        targets = "10.77.0.3-254"
        nmap = {"nmap -T4, its ports": [targets], "nmap -T4, our ports": [targets, "-p", spans(default_ports().tcp)]}
        yield neighbour_task(a, frozenset((each, port) for each in LIVE for port in (22, 80, 443)), [targets], nmap)


@contextmanager
def routed(fault: Fault, hosts: int, ports: int, services: int, _: int) -> Iterator[Task]:
    """Hosts behind a router with a fault."""
    with Lab() as lab:
        network = Network(lab, hosts=hosts, ports=ports, services=services)
        fault.lay(network)

        def ours(engine: str) -> tuple[Scan, str]:
            with striking(network, fault) as struck:
                said = scan(network, "--engine", engine)
            return said, report(network, fault, struck, said).cause

        def nmap() -> tuple[Endpoints, int]:
            said = other_scanner(network, fault, NMAP_OPEN, *NMAP, "-T4")
            return said.found, said.status

        yield Task(network.open, ours, {"nmap -T4": nmap})


def spans(ports: tuple[int, ...]) -> str:
    """Sorted ports as nmap reads them: 1-1023,1080."""
    runs = ([port for _, port in run] for _, run in groupby(enumerate(ports), lambda pair: pair[1] - pair[0]))
    return ",".join(f"{run[0]}-{run[-1]}" for run in runs)


def policed(rate: int) -> Callable[[int], AbstractContextManager[Task]]:
    """4 hosts x 150 ports behind a policer."""
    return partial(routed, Fault(f"police-{rate}", police(rate, max(rate // 10, 5)), rate=rate), 4, 150, 20)


def silent(name: str) -> Callable[[int], AbstractContextManager[Task]]:
    """16 hosts x 400 ports, and something that falls silent."""
    return partial(routed, FAULTS[name], 16, 400, 6)


TASKS: dict[str, tuple[str, str, Callable[[int], AbstractContextManager[Task]]]] = {
    "resets": ("a neighbour that resets", "1", partial(one_host, drops=False)),
    "drops": ("a neighbour that drops", "10", partial(one_host, drops=True)),
    "subnet": ("a /24, 20 hosts", "4", subnet),
    "police-300": ("policed to 300/s", "all", policed(300)),
    "police-3000": ("policed to 3,000/s", "all", policed(3000)),
    "police-30000": ("policed to 30,000/s", "all", policed(30_000)),
    "flows-500": ("500 new flows/s", "all", silent("flows-500")),
    "silent-host": ("a host falls silent", "exit 3", silent("silent-host")),
    "silent-uplink": ("the uplink falls silent", "exit 3", silent("silent-uplink")),
    "gateway-dies": ("the gateway dies", "exit 3", silent("gateway-dies")),
}
"""What is measured, its goal (times as fast as nmap, all found, or status 3), and how."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    what: str
    who: str
    seconds: float
    found: int
    truth: int
    status: int
    remark: str = ""

    def __str__(self) -> str:
        found = f"{self.found}/{self.truth}"
        return f"{self.what:26}{self.who:22}{self.seconds:8.1f}{found:>9}{self.status:6}  {self.remark}"


def measure(name: str, engines: list[str], ports: int, *, masscan: bool) -> Iterator[Row]:
    """Each contender in a laboratory of its own: what one did to it must not meet the next."""
    what, goal, make = TASKS[name]
    with make(ports) as task:
        sides = [*task.nmap]
    base: dict[str, float] = {}
    for side in sides:
        with make(ports) as task:
            seconds, (found, status) = timed_pair(task.nmap[side])
            base[side] = seconds
            yield Row(what, side, seconds, len(found & task.truth), len(task.truth), status)
    if masscan:
        with make(ports) as task:
            if task.masscan:
                seconds, (found, status) = timed_pair(task.masscan)
                yield Row(what, "masscan", seconds, len(found & task.truth), len(task.truth), status)
    for engine in engines:
        with make(ports) as task:
            said, cause = task.ours(engine)
            fast = ", ".join(f"{seconds / said.seconds:.2f}" for seconds in base.values())
            remark = f"fast {fast} (goal {goal}) {cause}"
            yield Row(what, engine, said.seconds, len(said.found & task.truth), len(task.truth), said.status, remark)


def timed_pair(work: Callable[[], tuple[Endpoints, int]]) -> tuple[float, tuple[Endpoints, int]]:
    """Seconds that a run took, and what it gave."""
    results: list[tuple[Endpoints, int]] = []
    seconds, _ = timed(lambda: results.append(work()))
    return seconds, results[0]


def main(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    need_laboratory()
    print(version_of("nmap"))
    print(f"{'':26}{'by':22}{'s':>8}{'open':>9}{'exit':>6}")
    for name in arguments.only.split(",") if arguments.only else TASKS:
        engines = [each for each in arguments.engines.split(",") if each]
        for row in measure(name, engines, arguments.ports, masscan=arguments.masscan):
            print(row, flush=True)


def options() -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=", ".join(TASKS))
    parser.add_argument("--engines", default="syn,connect")
    parser.add_argument("--ports", type=int, default=65_535, help="of the neighbours")
    parser.add_argument("--masscan", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main(options())
