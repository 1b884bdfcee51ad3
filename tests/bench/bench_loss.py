"""Recall under random loss each way, and what a sweep thinks of its own recall.

    python tests/bench/bench_loss.py [SEEDS [PERCENT...]]

65,536 open endpoints behind a TUN device whose simulated hosts lose packets both ways; 3 to 5 attempts. Theory: with
loss p each way, k attempts find 1 - (1 - (1-p)^2)^k. Goals: at or above that less three standard deviations (one chance
in 741 of missing more; where few are missed, the normal distribution is no guide, so the chance is taken from
Poisson's), and the sweep's estimate within 0.2 percentage points of the truth.
"""

import sys
from math import exp

from measure import need_laboratory

from scanner.core.plan.recall import estimate
from scanner.core.rate.limits import Limits
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab
from tests.netlab.sweeping import plan_of, sweep, syn_engine
from tests.netlab.tun import Tun

RATE = 30_000.0
ATTEMPTS = (3, 4, 5)


def once(loss: float, attempts: int, seed: int) -> tuple[float, float, int]:
    """The share that one sweep found, the share that it thinks it found, and the answers that came too late."""
    plan = plan_of(["10.88.0.0/22"], range(1000, 1064), seed=seed, wave_size=1 << 16)
    with Lab() as lab:
        host = lab.namespace()
        with Tun(host, all_open=True, loss=loss, seed=seed):
            swept = sweep(host, plan, syn_engine(plan, SynOptions(attempts=attempts), Limits(RATE, None)), table=False)
    guess = estimate(swept.answers_by_try)
    return swept.coverage.open / plan.size, guess.found if guess else float("nan"), swept.statistics.late


def most_missed(expected: float) -> int:
    """How many may be missed where so many are expected to be: more has a chance below 0.00135."""
    chance = total = exp(-expected)
    missed = 0
    while 1 - total > 0.00135:
        missed += 1
        chance *= expected / missed
        total += chance
    return missed


def main(seeds: int, percents: list[float]) -> None:
    """Measure and print."""
    need_laboratory()
    heads = ("theory", "least", "found", "estimate")
    print(f"{'loss':>6}{'attempts':>6}{'seed':>6}{''.join(f'{head:>11}' for head in heads)}{'off by':>9}{'late':>6}")
    good = True
    for percent in percents:
        for attempts in ATTEMPTS:
            loss = percent / 100
            theory = 1 - (1 - (1 - loss) ** 2) ** attempts
            least = 1 - most_missed(65_536 * (1 - theory)) / 65_536
            for seed in range(1, seeds + 1):
                found, guess, late = once(loss, attempts, seed)
                passed = found >= least and abs(guess - found) < 0.002
                good &= passed
                figures = f"{theory:11.4%}{least:11.4%}{found:11.4%}{guess:11.4%}{abs(guess - found):9.3%}{late:6}"
                print(f"{percent:5g}%{attempts:6}{seed:6}{figures}{'' if passed else '  MISSED'}", flush=True)
    print("every goal met" if good else "NOT every goal met")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(int(words[0]) if words else 5, [float(word) for word in words[1:]] or [1, 5, 10])
