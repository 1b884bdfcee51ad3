"""How cost grows: time for a probe and peak memory at 2^16, 2^20 and 2^24 probes, and memory of a sweep of 10.0.0.0/8.

    python tests/bench/bench_growth.py [EXPONENT...]

The target's namespace drops everything at ingress, so every endpoint is silent and stays in flight as long as can be.
Each size runs in a process of its own, since peak memory never goes down. The last line is the first 30 seconds of
10.0.0.0/8 x 65,535 ports with three attempts, as fast as possible. Goals: flat time, memory under 200 MB.
"""

import asyncio
import resource
import sys
import time

from measure import need_laboratory

from scanner.core.rate.limits import UNLIMITED
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab
from tests.netlab.sweeping import permit, plan_of

SINK = "add table netdev sink; add chain netdev sink in { type filter hook ingress device v0 priority 0; }; "
SINK += "add rule netdev sink in ip daddr 10.0.0.0/8 ip protocol tcp counter drop"
SECONDS = 30


async def probe(targets: str, ports: int, attempts: int, seconds: float) -> str:
    """Sweep for so many seconds at most; probes, seconds, and peak memory in MB."""
    plan = plan_of([targets], range(1, ports + 1), wave_size=1 << 16)
    engine = SynEngine(SynOptions(attempts=attempts), UNLIMITED, permit(plan))
    began = time.monotonic()
    async for _ in engine.run(plan.wave(turn) for turn in plan.numbers()):
        if time.monotonic() - began > seconds:
            engine.stop()
    taken = time.monotonic() - began
    return f"{engine.progress.sent} {taken} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}"


def main(exponents: list[int]) -> None:
    """Measure and print."""
    need_laboratory()
    print(f"{'':34}{'probes':>14}{'seconds':>10}{'us a probe':>12}{'peak MB':>9}")
    with Lab() as lab:
        a, b = lab.pair()
        a.ip("route", "add", "10.0.0.0/8", "via", "10.77.0.2")
        b.run("nft", "-f", "-", stdin=SINK)
        sizes = [(f"2^{each}, one try", "10.0.0.0/16", 1 << (each - 16), 1, 1e9) for each in exponents]
        for name, targets, ports, attempts, most in [
            *sizes,
            ("10.0.0.0/8 -p-, first 30 s", "10.0.0.0/8", 65535, 3, SECONDS),
        ]:
            words = [__file__, "--one", targets, str(ports), str(attempts), str(most)]
            said = a.python(*words, seconds=1200).stdout
            sent, seconds, peak = map(float, said.split())
            print(f"{name:34}{sent:14,.0f}{seconds:10.2f}{seconds / sent * 1e6:12.3f}{peak:9.1f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(asyncio.run(probe(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))))
    else:
        main([int(word) for word in sys.argv[1:]] or [16, 20, 24])
