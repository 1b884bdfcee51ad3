"""Ten thousand random paths in virtual time, the controller alone: how much of each it uses, and what that costs.

    python tests/bench/simulate_paths.py [--paths 10000] [--seed 1] [--worst 10] [--only KIND]

Paths: policers with small and large buckets, links with a queue, limits on resets, cuts, competitors, loss at random,
round trips of 1 to 300 ms, any share of ports that answer. Nothing is sent; all paths go in lockstep, 5 ms a tick.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F64, I64
from scanner.core.path.retries import miss_target, tries_needed, upper_loss
from scanner.core.rate.flow_state import Field, Held, Phase
from scanner.core.rate.flows import Flows

TICK = 0.005
SECONDS = 10.0
MEASURED = 2.0
"""Seconds at the end over which the rate is measured."""
KINDS = ("policer", "burst", "queue", "resets", "cut", "competitor")
_RING = 256
OPEN = 100
"""Open ports of each path, for the recall."""


@dataclass(frozen=True, slots=True)
class Paths:
    """What the paths are like, a place for each."""

    kind: I64
    """Place in `KINDS`."""
    capacity: F64
    """Probes a second that pass."""
    bucket: F64
    """Probes that may pass at once (policers), or wait (queues)."""
    trip: F64
    """Seconds there and back."""
    loss: F64
    """Share lost each way, whatever the rate."""
    hits: F64
    """Share of ordinary probes that is answered."""
    ceiling: F64
    """Most that the controller may send a second."""
    resets: F64
    """Resets a second that the target sends; inf for no limit."""
    cut: F64
    """When nothing passes any more, for `outage` seconds; inf for never."""
    outage: F64
    """Seconds."""
    competitor: F64
    """From when on another takes half; inf for never."""
    history: I64
    """1 where an endpoint that answers is known beforehand."""


def draw(paths: int, seed: int) -> Paths:
    """Random paths."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, len(KINDS), paths)
    capacity = 10 ** random.uniform(2, 6, paths)
    seconds = np.where(kind == 1, random.uniform(0.5, 5, paths), random.uniform(0.005, 0.1, paths))
    hits = random.choice([0.0, 0.001, 0.01, 0.1, 0.5, 1.0], paths)
    return Paths(
        kind=kind,
        capacity=capacity,
        bucket=np.maximum(capacity * seconds, 5.0),
        trip=10 ** random.uniform(-3, np.log10(0.3), paths),
        loss=random.choice([0.0, 0.0, 0.0, 0.01, 0.05], paths),
        hits=hits,
        ceiling=np.where(random.random(paths) < 0.5, 5000.0, 1e6),
        resets=np.where(kind == 3, random.choice([50.0, 200.0, 500.0], paths), np.inf),
        cut=np.where(kind == 4, random.uniform(0.5, 3, paths), np.inf),
        outage=random.choice([0.5, 2.0, 3.0], paths),
        competitor=np.where(kind == 5, random.uniform(1, 5, paths), np.inf),
        history=np.where((hits < 0.01) | (random.random(paths) < 0.5), 1, 0),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, a place for each path."""

    share: F64
    """Rate at the end over the best possible one."""
    caused: F64
    """Share of all probes that was lost because we were too fast."""
    late: F64
    """The same for the last seconds."""
    recall: F64
    """Share of the open ports that is found with as many tries as `retries.tries_needed` asks for."""
    tries: F64
    """How many that are."""
    rate: F64
    """Probes a second at the end."""


class Network:
    """The paths as they are at one moment."""

    def __init__(self, paths: Paths, seed: int) -> None:
        size = len(paths.kind)
        self._paths, self._random = paths, np.random.default_rng(seed + 1)
        self._tokens, self._queue = paths.bucket.copy(), np.zeros(size)
        self._replies = np.zeros(size)
        self._rings = np.zeros((3, _RING, size))
        self._rows = np.arange(size)

    def send(self, tick: int, probes: I64, canaries: I64) -> tuple[F64, F64, I64]:
        """Let probes in. How many are lost because of the rate, with what chance one is lost, canaries that are."""
        paths, now = self._paths, tick * TICK
        capacity = np.where(now >= paths.competitor, paths.capacity / 2, paths.capacity)
        total = (probes + canaries) * (1 - paths.loss)
        is_queue = paths.kind == 2
        room = np.where(is_queue, paths.bucket + capacity * TICK - self._queue, self._tokens + capacity * TICK)
        passed = np.minimum(total, np.maximum(room, 0))
        self._tokens = np.minimum(self._tokens + capacity * TICK - passed, paths.bucket)
        self._queue = np.where(is_queue, np.maximum(self._queue + passed - capacity * TICK, 0), 0)
        share = np.divide(passed, total, out=np.ones_like(total), where=total > 0)
        up = (now < paths.cut) | (now >= paths.cut + paths.outage)
        through = share * (1 - paths.loss) ** 2 * up
        answers = self._random.binomial(probes, through * paths.hits)
        self._replies = np.minimum(self._replies + paths.resets * TICK, np.maximum(paths.resets / 10, 2))
        limited = np.where(np.isfinite(paths.resets), np.minimum(answers, np.floor(self._replies)), answers)
        self._replies -= np.where(np.isfinite(paths.resets), limited, 0)
        self._replies = np.nan_to_num(self._replies, posinf=1e9)
        echoes = self._random.binomial(canaries, through)
        delay = paths.trip + np.where(is_queue, self._queue / capacity, 0)
        slot = (tick + np.clip(np.ceil(delay / TICK), 1, _RING - 1).astype(int)) % _RING
        for ring, value in zip(self._rings, (limited, echoes, (limited + echoes) * now), strict=True):
            ring[slot, self._rows] += value
        return total * (1 - share), 1 - through, canaries - echoes

    def receive(self, tick: int) -> tuple[I64, I64, F64]:
        """Answers to probes and to canaries that come now, and when their questions left."""
        slot = tick % _RING
        probes, canaries, moments = self._rings[:, slot].copy()
        self._rings[:, slot] = 0
        total = probes + canaries
        at = np.divide(moments, total, out=np.full_like(moments, -1.0), where=total > 0) + 1e-7  # rounding
        return probes.astype(np.int64), canaries.astype(np.int64), at


def simulate(paths: Paths, seed: int, watch: int | None = None) -> Outcome:
    """Drive the controller over all paths."""
    size = len(paths.kind)
    rows, network, flows = np.arange(size), Network(paths, seed), Flows(size)
    for ceiling in np.unique(paths.ceiling):
        here = np.flatnonzero(paths.ceiling == ceiling)
        flows.begin(here, 0.0, ceiling=float(ceiling), tender=False)
    known = paths.history.astype(bool)
    line = ""
    carry, sums = np.zeros(size), np.zeros((8, size))
    for tick in range(int(SECONDS / TICK)):
        now = tick * TICK
        probes, canaries, at = network.receive(tick)
        came = np.flatnonzero(probes + canaries)
        flows.heard(came, at[came], now, probes=probes[came], canaries=canaries[came])
        known[came] = True
        flows.decide(now)
        carry += flows.rate * TICK
        count = np.floor(carry).astype(np.int64)
        carry -= count
        asked = np.where(known, np.minimum(flows.wanted(rows, now), count), 0)
        flows.sent(rows, probes=count - asked, canaries=asked)
        dropped, missed, silent = network.send(tick, count - asked, asked)
        late = now >= SECONDS - MEASURED
        sums += np.array(
            [
                count,
                dropped,
                count * late,
                dropped * late,
                count * missed,
                count * missed * late,
                asked * late,
                silent * late,
            ]
        )
        if watch is not None:
            line = show(flows, watch, now, sums[1, watch], line)
    capacity = np.where(paths.competitor < SECONDS, paths.capacity / 2, paths.capacity)
    best = np.minimum(capacity, paths.ceiling)
    rate = sums[2] / MEASURED
    recall, tries = found(sums)
    return Outcome(
        share=rate / best,
        caused=sums[1] / sums[0],
        late=sums[3] / np.maximum(sums[2], 1),
        recall=recall,
        tries=tries,
        rate=rate,
    )


def found(sums: F64) -> tuple[F64, F64]:
    """The recall, and the tries that it takes: the first while the rate was found, the others at the rate that was."""
    first, later = sums[4] / np.maximum(sums[0], 1), sums[5] / np.maximum(sums[2], 1)
    target = miss_target(OPEN, 10_000, 10_000)
    bounds = [upper_loss(lost, asked) for lost, asked in zip(sums[7].tolist(), sums[6].tolist(), strict=True)]
    tries = np.array([1.0 + tries_needed([1.0], bound, target) for bound in bounds])
    return 1 - first * later ** (tries - 1), tries


def show(flows: Flows, path: int, now: float, dropped: float, before: str) -> str:
    """Print a path's state if it differs from the line before; the line."""
    state = flows.columns[:, path]
    line = f"{state[Field.RATE]:9.0f} {Phase(int(state[Field.PHASE])).name:8} {Held(int(state[Field.HELD])).name:10}"
    if line != before:
        names = (
            "WALL",
            "GOOD",
            "NOISE",
            "SLOW",
            "PAUSE",
            "FALLS",
            "W_SENT",
            "W_HEARD",
            "W_ASKED",
            "W_ANSWERED",
            "HITS",
        )
        print(
            f"{now:6.3f} {line} lost {dropped:7.0f} "
            + " ".join(f"{name.lower()} {state[Field[name]]:.4g}" for name in names)
        )
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worst", type=int, default=10)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--watch", type=int)
    options = parser.parse_args()
    began = time.perf_counter()
    paths = draw(options.paths, options.seed)
    outcome = simulate(paths, options.seed, options.watch)
    print(f"{options.paths:,} paths, {SECONDS:g} s each, in {time.perf_counter() - began:.0f} s")
    print(f"{'':10} share of best: median  p10   p1 | caused loss: median  p90, at the end | recall: p1     least")
    for number, kind in enumerate((*KINDS, "all")):
        here = np.flatnonzero((paths.kind == number) | (kind == "all"))
        low, loss = np.quantile(outcome.share[here], [0.5, 0.1, 0.01]), np.quantile(outcome.caused[here], [0.5, 0.9])
        least = np.quantile(outcome.recall[here], [0.01, 0.0])
        print(
            f"{kind:10} {low[0]:21.2f} {low[1]:4.2f} {low[2]:4.2f} {loss[0]:20.1%} {loss[1]:5.1%}"
            f"         {np.median(outcome.late[here]):5.1%}   {least[0]:8.4%} {least[1]:8.4%}"
        )
    chosen = (
        np.arange(options.paths) if options.only is None else np.flatnonzero(paths.kind == KINDS.index(options.only))
    )
    orders = {"slowest": outcome.share, "most loss caused": -outcome.caused, "least found": outcome.recall}
    for title, order in ((title, np.argsort(values[chosen])) for title, values in orders.items()):
        print(f"worst: {title}")
        for row in chosen[order[: options.worst]].tolist():
            print(
                f"  {row:5d} {KINDS[paths.kind[row]]:10} {paths.capacity[row]:9,.0f}/s "
                f"bucket {paths.bucket[row]:9,.0f} "
                f"trip {paths.trip[row] * 1000:4.0f} ms loss {paths.loss[row]:4.0%} hits {paths.hits[row]:5.3f} "
                f"ceiling {paths.ceiling[row]:9,.0f} resets {paths.resets[row]:.0f}: rate {outcome.rate[row]:9,.0f} "
                f"share {outcome.share[row]:5.2f} caused {outcome.caused[row]:5.1%} late {outcome.late[row]:5.1%} "
                f"recall {outcome.recall[row]:.4%} in {outcome.tries[row]:.0f}"
            )


if __name__ == "__main__":
    main()
