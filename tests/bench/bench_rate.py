"""Whether `--rate` holds: the most SYNs in any rolling second, on the clock of the target's own interface.

    python tests/bench/bench_rate.py [RATE...]

A silent network (so that every endpoint is asked twice), tcpdump in the target's namespace, and an exact search
for the fullest window of one second among its time stamps. An nft counter tells whether tcpdump saw all.
"""

import asyncio
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import need_laboratory

from scanner.core.pacing import Limits
from scanner.core.plan import Plan
from scanner.core.spans import Span
from scanner.core.targets import TargetSet
from scanner.engines.connect import ConnectEngine, ConnectOptions
from tests.netlab.lab import Lab

NETWORK = Span(4, 0x0A630000, 0x0A6300FF)
SECONDS = 6


async def probe(rate: float) -> int:
    """Ask about `SECONDS` seconds' worth of endpoints twice; how many probes were sent."""
    ports = tuple(range(1, max(2, round(rate * SECONDS / 2 / NETWORK.size) + 1)))
    engine = ConnectEngine(ConnectOptions(), Limits(rate=rate, host_rate=1000))
    plan = Plan(TargetSet([NETWORK]), ports, seed=2)
    async for _ in engine.run(plan.wave(turn) for turn in plan.numbers()):
        pass
    return engine.progress.sent


def stamps(capture: Path) -> np.ndarray:
    """When each packet of a nanosecond pcap file was seen, float64[n], seconds."""
    data, offset, found = capture.read_bytes(), 24, []
    while offset < len(data):
        seconds, nanoseconds, size, _ = struct.unpack_from("=IIII", data, offset)
        found.append(seconds + nanoseconds * 1e-9)
        offset += 16 + size
    return np.array(found)


def fullest_second(times: np.ndarray) -> int:
    """The most packets in any window of one second."""
    return int((np.searchsorted(times, times + 1.0) - np.arange(len(times))).max())


def main(rates: list[float]) -> None:
    """Measure and print."""
    need_laboratory()
    print(f"{'--rate':>8}{'sent':>9}{'nft':>9}{'tcpdump':>9}{'fullest second':>16}{'of the rate':>13}")
    for rate in rates:
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
                sent = asyncio.run(probe(rate))
            counted = b.packets("asked")
            dump.terminate()
            dump.wait()
            times = np.sort(stamps(capture))
        most = fullest_second(times)
        verdict = "" if most <= rate else "  ABOVE THE RATE"
        print(f"{rate:8g}{sent:9}{counted:9}{len(times):9}{most:16}{most / rate:13.1%}{verdict}")


if __name__ == "__main__":
    main([float(word) for word in sys.argv[1:]] or [100, 1000, 10_000])
