"""How fast frames are made, alone, on one core: filling, cookie, and permutation, for each family and batch.

    python tests/bench/bench_frames.py

10 GbE at its shortest frames is 14.88 million a second. "fill" writes all fields and checksums; "with cookie" makes the
sequence numbers too; "with plan" takes addresses and ports from a plan in random order (permutation included), in
waves of 65,536. The best of many short runs, since whatever else runs can only slow them down. Then the other
direction, answers; and the profile: where a batch's time goes.
"""

import cProfile
import os
import platform
import pstats
import timeit
from collections.abc import Callable

import measure  # noqa: F401 (makes the package importable)
import numpy as np
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from scanner.core.packets.build import ETHERNET, Template, fill, stamp
from scanner.core.packets.cookie import KEY_BYTES, Cookie
from scanner.core.packets.parse import dissect, proven
from tests.core.packets.frames import KEY, framed, tcp_answer
from tests.netlab.sweeping import plan_of

LINE_RATE = 14.88
TARGETS = {4: "10.99.0.0/16", 6: "fd99::/112"}
BATCHES = (1024, 2048, 4096)
WAVE = 1 << 16


class Maker:
    """Makes frames of one family, a batch at a time, from one wave over and over."""

    def __init__(self, version: int, batch: int) -> None:
        packet = (IP(src="10.77.0.1") if version == 4 else IPv6(src="fd77::1", dst="fd99::1")) / TCP(
            options=[("MSS", 1460)]
        )
        self.version, self.batch = version, batch
        link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        self.template = Template.from_frame(bytes(link / packet), link=ETHERNET)
        self.rows = np.zeros((batch, 128), np.uint8)
        stamp(self.template, self.rows)
        self.plan = plan_of([TARGETS[version]], range(65536), wave_size=WAVE)
        self.wave = self.plan.wave(0)
        self.ours = np.full(batch, 61000, np.uint16)
        self.cookie = Cookie(os.urandom(KEY_BYTES))
        self.sequence = self._cookies(0)
        self.turn = 0

    def _cookies(self, start: int) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
        here = slice(start, start + self.batch)
        high, low, port = self.wave.high[here], self.wave.low[here], self.wave.port[here]
        return self.cookie.of(self.version, high=high, low=low, port=port, source_port=self.ours)

    def fill(self, start: int = 0) -> None:
        """Fill one batch with known sequence numbers."""
        here = slice(start, start + self.batch)
        fill(
            self.template,
            self.rows,
            high=self.wave.high[here],
            low=self.wave.low[here],
            port=self.wave.port[here],
            source_port=self.ours,
            sequence=self.sequence,
        )

    def with_cookie(self, start: int = 0) -> None:
        """The same, making the sequence numbers."""
        self.sequence = self._cookies(start)
        self.fill(start)

    def with_plan(self) -> None:
        """A whole wave: places in random order, addresses, ports, sequence numbers, frames."""
        self.wave = self.plan.wave(self.turn)
        self.turn = (self.turn + 1) % 1000
        for start in range(0, WAVE, self.batch):
            self.with_cookie(start)


def best(work: Callable[[], object], frames: int, number: int, repeat: int) -> float:
    """Million frames a second, at best."""
    return frames / (min(timeit.repeat(work, number=number, repeat=repeat)) / number) / 1e6


def reading(version: int) -> float:
    """Million answers a second that are read and held against the cookie."""
    answers = [tcp_answer(version, 443, 61000, flags) for flags in ("SA", "RA")]
    rows, lengths = framed([bytes(each) for each in answers] * 2048)
    cookie = Cookie(KEY)

    def read() -> None:
        assert proven(dissect(rows, lengths), cookie).all()

    return best(read, len(rows), 3, 20)


def main() -> None:
    """Measure and print."""
    print(f"one core, {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"goal: above {LINE_RATE} million frames a second, 10 GbE line rate")
    print(f"{'':18}{'fill':>12}{'with cookie':>14}{'with plan':>12}   million frames/s")
    for version in (4, 6):
        for batch in BATCHES:
            maker = Maker(version, batch)
            rates = (
                best(maker.fill, batch, 20, 60),
                best(maker.with_cookie, batch, 20, 60),
                best(maker.with_plan, WAVE, 1, 15),
            )
            print(f"IPv{version}, {batch:5} a batch{rates[0]:11.1f}{rates[1]:14.1f}{rates[2]:12.1f}")
    for version in (4, 6):
        print(f"IPv{version}, answers read and proven{reading(version):17.1f}")
    profile = cProfile.Profile()
    maker = Maker(4, BATCHES[-1])
    profile.enable()
    for _ in range(30):
        maker.with_plan()
    profile.disable()
    print("\nprofile of 30 waves of 65,536 with plan, IPv4:")
    pstats.Stats(profile).sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    main()
