"""16 hosts x 65,536 ports, 200 open on each, answered by a real kernel: time and recall of this scanner and masscan.

    python tests/bench/bench_syn_roundtrip.py [RUNS]

Both sides in turn, in one run, as root. masscan asks once, we up to three times; so it is run as fast as it likes, and
at a gentler rate (at 300,000 a second and less it found fewer yet; with `--retries 2` it asks everything again, for
minutes). Its receiving thread looks at the clock only when a packet comes, and a silent network would keep it from
ending: so for both sides a packet comes every 20 ms. Its `--wait` for late answers is taken off its time. Goals: recall
100 % in every run, not slower.
"""

import asyncio
import random
import sys

from measure import need_laboratory, ratio, table, timed, version_of

from scanner.core.model import State
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab, Namespace
from tests.netlab.sweeping import permit, plan_of

HOSTS, OPEN = 16, 200
TARGETS = "10.99.0.0-10.99.0.15"
WAIT = 1
VARIANTS = ("--rate 10000000", "--rate 1000000")
MOST_SECONDS = 60
TRICKLE = """
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    sender.sendto(b"", ("10.77.0.1", 9))
    time.sleep(0.02)
"""


async def ours(seed: int) -> tuple[int, str]:
    """How many open endpoints the SYN engine finds, and a remark."""
    plan = plan_of([TARGETS], range(65536), seed=seed, wave_size=1 << 16)
    engine = SynEngine(SynOptions(), UNLIMITED, permit(plan))
    found = sent = 0
    degraded: set[str] = set()
    async for each in engine.run(plan.wave(turn) for turn in plan.numbers()):
        found += len(each.places(State.OPEN))
        sent += each.sent
        degraded.update(each.degraded)
    return found, f"{sent:,} probes, {'+'.join(engine.statistics.wires)} {' '.join(degraded)}"


def masscan(host: Namespace, mac: str, flags: str) -> int:
    """How many open endpoints masscan finds."""
    words = f"{TARGETS} -p0-65535 {flags} --wait {WAIT} -e v0 --source-ip 10.77.0.1 --source-port 40000-40255 -oL -"
    bounded = ("timeout", "-k", "5", "-s", "INT", str(MOST_SECONDS), "masscan", *words.split(), "--router-mac", mac)
    said = host.run(*bounded, check=False, seconds=2 * MOST_SECONDS).stdout
    return len({tuple(line.split()[2:4]) for line in said.splitlines() if line.startswith("open ")})


def main(runs: int) -> None:
    """Measure and print."""
    need_laboratory()
    everything = HOSTS * OPEN
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *VARIANTS)}
    found: dict[str, list[int]] = {name: [] for name in seconds}
    remark = ""
    with Lab() as lab:
        a, b = lab.pair()
        b.answer_for("10.99.0.0/16")
        a.ip("route", "add", "10.99.0.0/16", "via", "10.77.0.2")
        b.listen(random.Random(7).sample(range(1, 65536), OPEN), ["0.0.0.0"])
        mac = b.run("cat", "/sys/class/net/v0/address").stdout.strip().replace(":", "-")
        trickle = b.start(sys.executable, "-c", TRICKLE)
        for run in range(runs):
            with a.entered():
                taken, (count, remark) = timed(lambda run=run: asyncio.run(ours(run)))
            seconds["ours"].append(taken)
            found["ours"].append(count)
            for flags in VARIANTS:
                taken, count = timed(lambda flags=flags: masscan(a, mac, flags))
                seconds[flags].append(taken - WAIT)
                found[flags].append(count)
        trickle.kill()
        trickle.wait()
    print(f"{HOSTS} hosts x 65,536 ports, {everything} open, {runs} runs each; {version_of('masscan')}")
    rows = [
        ("scanner -sS, scan phase", "ours", remark),
        *((f"masscan {flags}", flags, "") for flags in VARIANTS),
    ]
    whole = {name: sum(count == everything for count in counts) for name, counts in found.items()}
    worst = {name: min(counts) / everything for name, counts in found.items()}
    table(
        (name, seconds[key], f"all in {whole[key]} of {runs}, worst {worst[key]:.2%}. {note}")
        for name, key, note in rows
    )
    for flags in VARIANTS:
        ratio(f"against masscan {flags}", seconds[flags], seconds["ours"], 1.0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
