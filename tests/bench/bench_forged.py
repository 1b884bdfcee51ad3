"""A million forged SYN-ACKs, RSTs and ICMP errors during a sweep: none believed, all counted.

    python tests/bench/bench_forged.py [HOW_MANY]

They come from a TUN device, each with the right addresses and ports of a probe that was just sent, and a sequence
number that somebody guessed who did not see it. By chance one in 2^32 would be right.
"""

import sys

from measure import need_laboratory

from scanner.core.rate.limits import Limits
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab
from tests.netlab.sweeping import plan_of, sweep, syn_engine
from tests.netlab.tun import Tun

ENDPOINTS, OPEN = 2048, 8
PACE = 20_000
"""Forged answers a second: about what the simulated hosts can make."""


def main(wanted: int) -> None:
    """Measure and print."""
    need_laboratory()
    each = max(1, round(wanted / (2 * ENDPOINTS - OPEN) / 3))
    plan = plan_of(["10.88.0.1"], range(1000, 1000 + ENDPOINTS))
    silent = range(1000 + OPEN, 1000 + ENDPOINTS)
    with Lab() as lab:
        host = lab.namespace()
        with Tun(host, open=range(1000, 1000 + OPEN), silent=silent, forged=each) as tun:
            engine = syn_engine(plan, SynOptions(attempts=2), Limits(PACE / (3 * each), None))
            swept = sweep(host, plan, engine, table=False)
    told = swept.statistics
    believed = swept.coverage.answered - OPEN
    print(f"{tun.report['forged']:,} forged; {told.forged:,} counted as forged; {believed} believed")
    print(f"{swept.coverage.open} of {OPEN} open found; {told.dropped} answers lost in the ring; {swept.reasons}")
    print("goals met" if told.forged == tun.report["forged"] >= wanted * 0.99 and not believed else "goals NOT met")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
