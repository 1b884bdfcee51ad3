"""UDP datagrams for each second of a processor, into a namespace that drops at ingress: this scanner, masscan, zmap.

    python tests/bench/bench_udp_wire.py [ROUNDS [SECONDS]]

Every contender is bound to one core and takes its turn in each round, as root. What counts is packets for each second
that it really ran, because the machine does other things meanwhile; they are counted by the interface.

* "frames" is all that making and sending datagrams takes: plan, keyed ports, labels and tokens, checksums, wire. The
  endpoints of a wave are sorted by question once. One question: DNS, or QUIC with 1,200 bytes, or none at all (empty);
  mixed: each question of the catalogue in turn, and each without the one of 1,200 bytes;
* "engine" is the whole UDP engine with its bookkeeping for each host and port, in Python objects.

Goals: 1.4 times masscan and zmap; mixed questions within 10 % of one question.
"""

import asyncio
import os
import platform
import sys
import time
from ipaddress import ip_address
from statistics import median

import numpy as np
from measure import need_laboratory, version_of

from scanner.core.packets.cookie import KEY_BYTES
from scanner.core.packets.datagram_proof import DatagramProof, EndpointProof
from scanner.core.packets.datagrams import DatagramTemplate, fill_datagrams
from scanner.core.plan.plan import Plan
from scanner.core.plan.wave import Wave
from scanner.core.rate.limits import UNLIMITED
from scanner.core.targets.targets import TargetSet, Word, parse_target
from scanner.core.udp.catalogue import EMPTY, Catalogue
from scanner.core.udp.question import Payload
from scanner.engines.choose import Wire
from scanner.engines.packets.open_sender import open_sender
from scanner.engines.packets.sendmmsg import Sender
from scanner.engines.udp.engine import UdpEngine, UdpOptions
from scanner.engines.udp.frames import FrameOptions
from tests.bench.bench_transmit import CORE, GATEWAY, MOST_SECONDS, NETWORK, SINK, SOURCE, rate_of
from tests.netlab.lab import Lab
from tests.netlab.sweeping import permit

WAVE = 1 << 16


def questions(words: str) -> list[Payload]:
    """The questions of a contender, by its name."""
    catalogue = Catalogue()
    each = [question.payload for question in catalogue.everything]
    return {
        "empty": [EMPTY],
        "dns": [catalogue.of(53)[0].payload],
        "quic": [max(each, key=lambda payload: len(payload.data))],
        "mixed": each,
        "short": [payload for payload in each if len(payload.data) < 1000],
    }[words]


def udp_plan(ports: range) -> Plan:
    """Many hosts with UDP ports."""
    spans = parse_target(Word(NETWORK, "bench"))
    assert isinstance(spans, tuple)
    return Plan(TargetSet(list(spans)), (), 7, udp_ports=tuple(ports), wave_size=WAVE)


class Asker:
    """Makes and sends all datagrams of a wave."""

    def __init__(self, sender: Sender, macs: tuple[bytes, bytes], words: str) -> None:
        self._sender = sender
        source = ip_address(SOURCE)
        self._forms = [DatagramTemplate.of(payload, source, macs=macs) for payload in questions(words)]
        self._proof = DatagramProof(os.urandom(KEY_BYTES), first_port=20_000, count=4096)

    def ask(self, wave: Wave) -> None:
        """The endpoints in runs of one question: port N is asked question N modulo their number."""
        which = wave.port % np.uint16(len(self._forms))
        order = np.argsort(which, kind="stable")
        ends = np.searchsorted(which[order], np.arange(len(self._forms) + 1))
        made = self._proof.of(4, high=wave.high, low=wave.low, port=wave.port)
        for form, first, last in zip(self._forms, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            self._run(form, wave, made, order[first:last])

    def _run(self, form: DatagramTemplate, wave: Wave, made: EndpointProof, places: np.ndarray) -> None:
        done = 0
        while done < len(places):
            rows = self._sender.rows(form, len(places) - done)
            here = places[done : done + len(rows)]
            fill_datagrams(
                form,
                rows,
                high=wave.high[here],
                low=wave.low[here],
                port=wave.port[here],
                source_port=made.source_port[here],
                label=made.label[here],
                token=made.token[here],
            )
            done += self._sender.send(len(rows)).count


def send_frames(wire: Wire, words: str, macs: tuple[bytes, bytes]) -> None:
    """Make and send every datagram of a plan."""
    sender, _ = open_sender("v0", wire)
    asker, plan = Asker(sender, macs, words), udp_plan(range(65536))
    until = time.monotonic() + MOST_SECONDS
    for number in plan.numbers():
        asker.ask(plan.wave(number))
        if time.monotonic() > until:
            return


async def send_sweep(wire: Wire) -> None:
    """The whole engine, over hosts that say nothing: one port of each, so that hosts and waves come and go."""
    plan = udp_plan(range(9999, 10_003))
    engine = UdpEngine(UdpOptions(bytes(16), frames=FrameOptions(permit(plan), wire=wire)), UNLIMITED)
    until = time.monotonic() + MOST_SECONDS
    async for _ in engine.run(plan.wave(turn) for turn in plan.numbers()):
        if time.monotonic() > until:
            engine.stop()


def contend(name: str, source_mac: str, hop_mac: str) -> None:
    """Be one of our contenders, in a process of its own."""
    kind, wire, *words = name.split(":")
    hop, ours = (bytes.fromhex(each.replace(":", "")) for each in (hop_mac, source_mac))
    if kind == "frames":
        send_frames(Wire(wire), words[0], (hop, ours))
    else:
        asyncio.run(send_sweep(Wire(wire)))


def commands(source_mac: str, hop_mac: str) -> dict[str, list[str]]:
    """How each contender is started."""
    ours, macs = [sys.executable, __file__, "--contend"], [source_mac, hop_mac]
    masscan = f"masscan {NETWORK} -pU:0-65535 --rate 100000000 -e v0 --source-ip {SOURCE} --source-port 40000-40255"
    masscan += f" --adapter-mac {source_mac.replace(':', '-')} --router-mac {hop_mac.replace(':', '-')} -oL /dev/null"
    zmap = f"zmap -M udp -p 53 --probe-args=hex:{'00' * 30} -i v0 -S {SOURCE} -G {hop_mac} -r 100000000 -T 1"
    zmap += f" --cores={CORE} -q -o /dev/null -b /dev/null 10.0.0.0/8"
    contenders = {
        f"frames, {wire}, {words}": [*ours, f"frames:{wire}:{words}", *macs]
        for wire in ("sendmmsg", "af_xdp")
        for words in ("empty", "dns", "quic", "mixed", "short")
    }
    engines = {f"engine, {wire}": [*ours, f"engine:{wire}", *macs] for wire in ("sendmmsg",)}
    return {**contenders, **engines, "masscan": masscan.split(), "zmap": zmap.split()}


def compare(rates: dict[str, list[tuple[float, float]]]) -> None:
    """Print rates, then each ratio, taken round by round, by the time that each ran."""
    print(f"{'thousand packets':28}{'a second run':>14}{'min':>7}{'max':>7}{'a second':>10}")
    for name, each in rates.items():
        clock, run = ([pair[which] / 1e3 for pair in each] for which in (0, 1))
        print(f"{name:28}{median(run):14.0f}{min(run):7.0f}{max(run):7.0f}{median(clock):10.0f}")
    print(f"\n{'ratio':60}{'goal':>6}{'found':>8}")
    goals = [
        (f"frames, {wire}, {words}", peer, 1.4)
        for wire in ("sendmmsg", "af_xdp")
        for words in ("dns", "mixed")
        for peer in ("masscan", "zmap")
    ]
    goals += [(f"frames, {wire}, short", f"frames, {wire}, dns", 0.9) for wire in ("sendmmsg", "af_xdp")]
    for one, other, goal in goals:
        pairs = zip(rates[one], rates[other], strict=True)
        print(f"{one + ' / ' + other:60}{goal:6}{median(mine[1] / theirs[1] for mine, theirs in pairs):8.2f}")


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
        main(int(sys.argv[1]) if sys.argv[1:] else 3, float(sys.argv[2]) if sys.argv[2:] else 2)
