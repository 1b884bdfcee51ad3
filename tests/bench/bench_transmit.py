"""SYNs a second from one core into a namespace that drops at ingress: this scanner, masscan, zmap, and the ceiling.

    python tests/bench/bench_transmit.py [ROUNDS [SECONDS]]

Every contender is bound to one core, sends as fast as it can, and is judged by the same clock and counter: what its
interface counted as sent between two looks, a warm-up apart. They take turns, in one run, as root. On a machine that
does other things meanwhile, look at the second figure: packets for each second that the contender really ran.

* the ceiling sends one constant packet by `sendmmsg`, over and over;
* "frames" is all that making and sending probes takes here: plan (permutation, addresses), cookie, checksums, wire;
* "engine" is the whole SYN engine: pacing, flight, listening and settling too, with two threads on that one core.

Goals: frames by sendmmsg at 85 % of the ceiling and 1.3 times masscan and zmap; by AF_XDP 1.8 times both.
"""

import asyncio
import ctypes
import os
import platform
import socket
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
from measure import need_laboratory, version_of

from scanner.core.packets.build import Template, fill
from scanner.core.packets.cookie import KEY_BYTES, Cookie
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.choose import Wire
from scanner.engines.packets.open_sender import open_sender
from scanner.engines.packets.sendmmsg import MessageSender, libc
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab, Namespace
from tests.netlab.sweeping import permit, plan_of

NETWORK, SOURCE, GATEWAY = "10.99.0.0/16", "10.77.0.1", "10.77.0.2"
SINK = "table netdev sink { chain in { type filter hook ingress device v0 priority 0; policy drop; }; }"
WAVE = 1 << 16
CORE = 1
MOST_SECONDS = 60
"""A contender that nobody stops stops by itself."""


def template(source_mac: str, hop_mac: str) -> Template:
    """A SYN as the engine builds it."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    packet = IP(src=SOURCE, dst=GATEWAY, flags="DF") / TCP(flags="S", window=64240, options=[("MSS", 1460)])
    return Template.from_frame(bytes(Ether(src=source_mac, dst=hop_mac) / packet), link=14)


def send_constant(form: Template) -> None:
    """The ceiling: one packet, from one place in memory, 1,024 times a call."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(263, 20, 1)  # PACKET_QDISC_BYPASS
    sock.bind(("v0", 0))
    sender = MessageSender("constant", sock)
    rows = sender.rows(form, 1024)
    one = np.ones(1, np.uint64)
    port = np.full(1, 80, np.uint16)
    fill(form, rows[:1], high=one, low=one, port=port, source_port=port, sequence=one.astype(np.uint32))
    sender._pieces["base"] = sender._pieces["base"][0]
    call, messages, until = libc().sendmmsg, sender._messages.ctypes.data, time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        if call(sock.fileno(), messages, 1024, 0) < 0:
            raise OSError(ctypes.get_errno(), "sendmmsg")


def send_frames(form: Template, wire: Wire) -> None:
    """Make and send every probe of a plan."""
    sender, _ = open_sender("v0", wire)
    plan = plan_of([NETWORK], range(65536), wave_size=WAVE)
    cookie, until = Cookie(os.urandom(KEY_BYTES)), time.monotonic() + MOST_SECONDS
    for number in plan.numbers():
        wave, done = plan.wave(number), 0
        while done < len(wave):
            rows = sender.rows(form, len(wave) - done)
            here = slice(done, done + len(rows))
            high, low, port = wave.high[here], wave.low[here], wave.port[here]
            ours = np.full(len(rows), 61000, np.uint16)
            sequence = cookie.of(4, high=high, low=low, port=port, source_port=ours)
            fill(form, rows, high=high, low=low, port=port, source_port=ours, sequence=sequence)
            done += sender.send(len(rows)).count
        if time.monotonic() > until:
            return


async def send_sweep(wire: Wire) -> None:
    """The whole engine."""
    plan = plan_of([NETWORK], range(65536), wave_size=WAVE)
    engine = SynEngine(SynOptions(attempts=1, wire=wire), UNLIMITED, permit(plan))
    until = time.monotonic() + MOST_SECONDS
    async for _ in engine.run(plan.wave(turn) for turn in plan.numbers()):
        if time.monotonic() > until:
            engine.stop()


def contend(name: str, source_mac: str, hop_mac: str) -> None:
    """Be one of our contenders, in a process of its own."""
    kind, _, wire = name.partition(":")
    if kind == "constant":
        send_constant(template(source_mac, hop_mac))
    elif kind == "frames":
        send_frames(template(source_mac, hop_mac), Wire(wire))
    else:
        asyncio.run(send_sweep(Wire(wire)))


def sent(host: Namespace) -> int:
    """What the interface counted."""
    with host.entered():
        line = next(each for each in Path("/proc/thread-self/net/dev").read_text().splitlines() if "v0:" in each)
    return int(line.split(":")[1].split()[9])


def ran(process_id: int) -> float:
    """Seconds of processor time that a process has used, all threads."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate_of(host: Namespace, words: list[str], seconds: float) -> tuple[float, float]:
    """Packets a second of a command once it sends, by the clock and by its processor time; it is ended afterwards."""
    before, process = sent(host), host.start("taskset", "-c", str(CORE), *words)
    try:
        while sent(host) - before < 50_000:
            if process.poll() is not None:
                sys.exit(f"{' '.join(words)}: ended with {process.returncode} before it sent anything")
            time.sleep(0.05)
        time.sleep(0.3)
        start, used, first = time.perf_counter(), ran(process.pid), sent(host)
        time.sleep(seconds)
        count = sent(host) - first
        return count / (time.perf_counter() - start), count / (ran(process.pid) - used)
    finally:
        process.kill()
        process.wait()


def commands(source_mac: str, hop_mac: str) -> dict[str, list[str]]:
    """How each contender is started."""
    ours = [sys.executable, __file__, "--contend"]
    macs = [source_mac, hop_mac]
    masscan = f"masscan {NETWORK} -p0-65535 --rate 100000000 -e v0 --source-ip {SOURCE} --source-port 40000-40255"
    masscan += f" --adapter-mac {source_mac.replace(':', '-')} --router-mac {hop_mac.replace(':', '-')} -oL /dev/null"
    zmap = f"zmap -p 80 -i v0 -S {SOURCE} -G {hop_mac} -r 100000000 -T 1 --cores={CORE} -q -o /dev/null -b /dev/null"
    return {
        "constant packet, sendmmsg": [*ours, "constant", *macs],
        "ours, frames, sendmmsg": [*ours, "frames:sendmmsg", *macs],
        "ours, frames, AF_XDP": [*ours, "frames:af_xdp", *macs],
        "ours, engine, sendmmsg": [*ours, "engine:sendmmsg", *macs],
        "ours, engine, AF_XDP": [*ours, "engine:af_xdp", *macs],
        "masscan": masscan.split(),
        "zmap": [*zmap.split(), "10.0.0.0/8"],
    }


def compare(rates: dict[str, list[tuple[float, float]]]) -> None:
    """Print rates, then each ratio, taken round by round."""
    print(f"{'thousand packets':28}{'a second':>10}{'min':>7}{'max':>7}{'a second run':>15}")
    for name, each in rates.items():
        clock, run = ([pair[which] / 1e3 for pair in each] for which in (0, 1))
        print(f"{name:28}{median(clock):10.0f}{min(clock):7.0f}{max(clock):7.0f}{median(run):15.0f}")
    print(f"\n{'ratio':52}{'goal':>6}{'by clock':>10}{'by time run':>13}")
    goals = [
        ("ours, frames, sendmmsg", "constant packet, sendmmsg", 0.85),
        *(("ours, frames, sendmmsg", peer, 1.3) for peer in ("masscan", "zmap")),
        *(("ours, frames, AF_XDP", peer, 1.8) for peer in ("masscan", "zmap")),
        *((f"ours, engine, {wire}", "masscan", 1.0) for wire in ("sendmmsg", "AF_XDP")),
    ]
    for ours, theirs, goal in goals:
        pairs = list(zip(rates[ours], rates[theirs], strict=True))
        by_clock, by_run = (median(one[which] / other[which] for one, other in pairs) for which in (0, 1))
        print(f"{ours + ' / ' + theirs:52}{goal:6}{by_clock:10.2f}{by_run:13.2f}")


def main(rounds: int, seconds: float) -> None:
    """Measure and print."""
    need_laboratory()
    print(f"one core of {os.cpu_count()}, Linux {platform.release()}, {rounds} rounds of {seconds:g} s")
    print(f"Python {platform.python_version()}, numpy {np.__version__}; {version_of('masscan')}; {version_of('zmap')}")
    with Lab() as lab:
        a, b = lab.pair()
        b.run("nft", "-f", "-", stdin=SINK)
        macs = [host.run("cat", "/sys/class/net/v0/address").stdout.strip() for host in (a, b)]
        a.ip("neighbour", "replace", GATEWAY, "lladdr", macs[1], "dev", "v0", "nud", "permanent")
        a.ip("route", "add", "10.0.0.0/8", "via", GATEWAY)
        contenders = commands(*macs)
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, words in contenders.items():
                rates[name].append(rate_of(a, words, seconds))
    compare(rates)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--contend"]:
        contend(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 5, float(sys.argv[2]) if sys.argv[2:] else 3)
