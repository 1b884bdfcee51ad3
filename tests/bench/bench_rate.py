"""Whether `--rate` and `--host-rate` hold: the SYNs of any rolling second, on the clock of the target's own interface.

    python tests/bench/bench_rate.py [RATE...]

A silent network (so that every endpoint is asked twice), tcpdump in the target's namespace, and an exact search
for the fullest window of one second among its time stamps; beside it the usual one, so that a rate that is never
reached is seen too. Then the same for each host by itself. An nft counter tells whether tcpdump saw all.
Goal: nothing above the rate, or the next whole number.
"""

import asyncio
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import need_laboratory

from scanner.core.plan.plan import Plan, wave_size_for
from scanner.core.rate.limits import Limits
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.interface import Engine
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab
from tests.netlab.sweeping import permit

NETWORK = Span(4, 0x0A630000, 0x0A63001F)
SECONDS = 6
ENGINES = ("connect", "syn")


def engine_for(name: str, plan: Plan, limits: Limits) -> Engine:
    """An engine that asks twice."""
    if name == "connect":
        return ConnectEngine(ConnectOptions(), limits)
    return SynEngine(SynOptions(attempts=2), limits, permit(plan))


async def probe(name: str, limits: Limits, rate: float) -> int:
    """Ask about `SECONDS` seconds' worth of endpoints twice; how many probes were sent."""
    ports = tuple(range(1, max(2, round(rate * SECONDS / 2 / NETWORK.size) + 1)))
    plan = Plan(TargetSet([NETWORK]), ports, seed=2, wave_size=wave_size_for(rate))
    engine = engine_for(name, plan, limits)
    async for _ in engine.run(plan.wave(turn) for turn in plan.numbers()):
        pass
    return engine.progress.sent


def arrivals(capture: Path) -> tuple[np.ndarray, np.ndarray]:
    """When each packet of a nanosecond pcap file was seen, float64[n], seconds, and to which IPv4 address it went."""
    data, offset, moments, hosts = capture.read_bytes(), 24, [], []
    while offset < len(data):
        seconds, nanoseconds, size, _ = struct.unpack_from("=IIII", data, offset)
        moments.append(seconds + nanoseconds * 1e-9)
        hosts.append(struct.unpack_from("!I", data, offset + 16 + 30)[0])
        offset += 16 + size
    order = np.argsort(moments)
    return np.array(moments)[order], np.array(hosts)[order]


def seconds_of(times: np.ndarray) -> np.ndarray:
    """How many packets each window of one second holds that begins with a packet."""
    return np.searchsorted(times, times + 1.0) - np.arange(len(times))


def main(rates: list[float]) -> None:
    """Measure and print."""
    need_laboratory()
    head = f"{'engine':9}{'--rate':>8}{'sent':>9}{'nft':>9}{'tcpdump':>9}{'usual':>9}{'fullest':>9}{'of the rate':>13}"
    print(f"{head}{'--host-rate':>13}{'fullest':>9}")
    for name, rate, capped in [(name, rate, capped) for rate in rates for name in ENGINES for capped in (False, True)]:
        limits = Limits(None, rate / NETWORK.size) if capped else Limits(rate, None)
        with Lab() as lab, tempfile.TemporaryDirectory() as folder:
            a, b = lab.pair()
            b.answer_for("10.99.0.0/24")
            a.ip("route", "add", "10.99.0.0/24", "via", "10.77.0.2")
            b.counter("asked")
            b.nft("add rule inet lab input ip daddr 10.99.0.0/24 counter name asked drop")
            capture = Path(folder, "syn.pcap")
            words = "-Z root -i v0 -n -s 64 -B 32768 --time-stamp-precision=nano -U -w"
            dump = b.start("tcpdump", *words.split(), str(capture), "tcp[13] == 2", merge_stderr=True)
            assert dump.stdout is not None
            while "listening on" not in dump.stdout.readline():
                pass
            with a.entered():
                sent = asyncio.run(probe(name, limits, rate))
            counted = b.packets("asked")
            dump.terminate()
            dump.wait()
            times, hosts = arrivals(capture)
        print(f"{name:9}{'' if capped else f'{rate:g}':>8}{sent:9}{counted:9}{len(times):9}", end="")
        if limits.host_rate:
            most = max(int(seconds_of(times[hosts == host]).max()) for host in np.unique(hosts))
            print(f"{'':31}{limits.host_rate:13g}{most:9} {most / limits.host_rate:.1%}")
        else:
            each = seconds_of(times)
            print(f"{np.median(each):9.0f}{each.max():9}{each.max() / rate:13.1%}")


if __name__ == "__main__":
    main([float(word) for word in sys.argv[1:]] or [100, 1000, 10_000, 100_000])
