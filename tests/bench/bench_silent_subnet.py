"""A /24 with 20 live hosts, the other 234 silent (their packets are dropped), against nmap with the same patience.

    python tests/bench/bench_silent_subnet.py [PORTS] [RUNS]

Both sides wait 0.8 s for an answer and ask once more. Each side first at the other's natural pace: this scanner at its
default 5,000 probes a second and without a limit, nmap at -T4 and with a minimum rate of 5,000.
"""

import asyncio
import sys

from measure import need_laboratory, nmap_open, table, timed, version_of

from scanner.core.model import State
from scanner.core.plan.plan import Plan
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from tests.netlab.lab import Lab

FIRST = 0x0A630001
LIVE = [FIRST + 12 * number for number in range(20)]
SERVICES = (22, 80, 443)
PATIENCE = "--initial-rtt-timeout 800ms --min-rtt-timeout 800ms --max-rtt-timeout 800ms --max-retries 1"


def dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


async def ours(ports: tuple[int, ...], limits: Limits) -> set[tuple[str, int]]:
    """The endpoints that the engine finds open."""
    plan = Plan(TargetSet([Span(4, FIRST, FIRST + 253)]), ports, seed=1)
    engine = ConnectEngine(ConnectOptions(), limits)
    found: set[tuple[str, int]] = set()
    async for each in engine.run(plan.wave(turn) for turn in plan.numbers()):
        for place in each.places(State.OPEN).tolist():
            found.add((str(each.wave.address(place)), int(each.wave.port[place])))
    return found


def main(count: int, runs: int) -> None:
    """Measure and print."""
    need_laboratory()
    ports = tuple(sorted({*SERVICES, *range(1, count + 1 - len([p for p in SERVICES if p > count]))}))
    expected = {(dotted(host), port) for host in LIVE for port in SERVICES}
    listed = ",".join(map(str, ports))
    took: dict[str, list[float]] = {}
    found: dict[str, int] = {}
    with Lab() as lab:
        a, b = lab.pair()
        b.answer_for("10.99.0.0/24")
        a.ip("route", "add", "10.99.0.0/24", "via", "10.77.0.2")
        b.nft(f"add rule inet lab input ip daddr != {{ {', '.join(map(dotted, LIVE))}, 10.77.0.2 }} drop")
        b.listen(SERVICES)
        contenders = {
            "scanner, 5,000/s": lambda: asyncio.run(ours(ports, Limits())),
            "scanner, no limit": lambda: asyncio.run(ours(ports, UNLIMITED)),
            "nmap -T4": lambda: nmap_open(a, "-T4", *PATIENCE.split(), "-p", listed, "10.99.0.1-254"),
            "nmap -T4 --min-rate 5000": lambda: nmap_open(
                a, "-T4", *PATIENCE.split(), "--min-rate", "5000", "-p", listed, "10.99.0.1-254"
            ),
        }
        for _ in range(runs):
            for name, work in contenders.items():
                with a.entered():
                    seconds, result = timed(work)
                took.setdefault(name, []).append(seconds)
                found[name] = found.get(name, 0) + (result == expected)
    print(f"254 addresses, 20 of them live, {len(ports)} ports, 0.8 s and one retry; {version_of('nmap')}")
    table(
        (name, seconds, f"all {len(expected)} open found in {found[name]} of {runs}") for name, seconds in took.items()
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
