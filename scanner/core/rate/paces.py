"""Named paces, and how many new and half-open flows a way out may carry.

A SYN to a routed target makes an entry in every firewall on the way, and one that is never answered stays for half a
minute to two (Linux: nf_conntrack_tcp_timeout_syn_sent, 120 s; others 20 to 30 s). Tables hold some 65,000 to
262,000 of them. So through a router there are ceilings: `ROUTED` new flows a second, and `HALF_OPEN` without an
answer in `HALF_OPEN_SECONDS`. Only --max-rate lifts them. On the own link there is no router to protect.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from scanner.core.columns import F64

ROUTED = 5000.0
"""New flows a second through a router, unless --max-rate says otherwise."""
HALF_OPEN = 100_000
"""Flows without an answer through a router."""
HALF_OPEN_SECONDS = 30
_FASTEST = 10_000_000.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How eager a sweep is."""

    name: str
    """The word for it."""
    start: float
    """Probes a second at which a way out begins."""
    host_start: float
    """Probes a second at which a host begins."""
    blind: float
    """Probes a second at most while nothing answers."""
    ceiling: float | None = None
    """Probes a second at most, over all."""
    host_ceiling: float | None = None
    """Probes a second to one host at most."""


PACES = MappingProxyType(
    {
        0: Pace("paranoid", 1 / 300, 1 / 300, 1 / 300, 1 / 300, 1 / 300),
        1: Pace("sneaky", 1 / 15, 1 / 15, 1 / 15, 1 / 15, 1 / 15),
        2: Pace("polite", 2.5, 2.5, 2.5, 50.0, 2.5),
        3: Pace("normal", 200.0, 100.0, 1000.0),
        4: Pace("aggressive", 1000.0, 500.0, 3000.0),
        5: Pace("insane", 5000.0, 2000.0, ROUTED),
    }
)
"""-T0 to -T5; 3 is the default. None of them lifts the ceilings of routed targets."""


def path_ceiling(pace: Pace, *, routed: bool, rate: float | None, max_rate: float | None) -> float:
    """Probes a second that a way out never exceeds: the least of the pace's, the user's and the routers'."""
    allowed = max_rate if max_rate is not None else (ROUTED if routed else None)
    given = [each for each in (pace.ceiling, rate, allowed) if each is not None]
    return min(given, default=_FASTEST)


class HalfOpen:
    """Flows of one way out that were begun in the last seconds and not answered."""

    def __init__(self, most: int = HALF_OPEN, seconds: int = HALF_OPEN_SECONDS) -> None:
        """`most` at a time, each for so many seconds."""
        self._most, self._seconds = most, seconds
        self._begun: F64 = np.zeros(seconds)
        self._second = 0

    def note(self, now: float, begun: int, ended: int = 0) -> None:
        """So many flows were begun, and so many of all were answered, which ends them everywhere."""
        self._pass(now)
        self._begun[self._second % self._seconds] += begun
        for back in range(self._seconds):
            place = (self._second - back) % self._seconds
            taken = min(ended, self._begun[place])
            self._begun[place] -= taken
            ended -= int(taken)
            if not ended:
                break

    def room(self, now: float) -> int:
        """How many more may be begun now."""
        self._pass(now)
        return max(0, self._most - int(self._begun.sum()))

    def _pass(self, now: float) -> None:
        second = int(now)
        for gone in range(max(self._second + 1, second - self._seconds + 1), second + 1):
            self._begun[gone % self._seconds] = 0.0
        self._second = max(self._second, second)
