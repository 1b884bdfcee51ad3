"""Hosts made of arithmetic: open, closed and silent ports behind limits as systems have them, on a virtual clock."""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from random import Random

from scanner.core.plan.reasons import Reason
from scanner.core.udp.host_queue import HostQueue, Rank


@dataclass
class Tokens:
    """A bucket as Linux has it for ICMP errors: full at first."""

    rate: float
    burst: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.burst

    def take(self, now: float) -> bool:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass
class SimulatedHost:
    """Answers on `open` ports, says nothing on `silent` ones, tells of all others as its buckets allow."""

    buckets: list[Tokens] = field(default_factory=list)
    open: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()
    loss: float = 0.0
    rtt: float = 0.002
    mute: bool = False

    def answer(self, port: int, now: float, random: Random) -> str:
        """What comes back, if anything does."""
        if random.random() < self.loss or port in self.silent:
            return ""
        word = "answer" if port in self.open else "told"
        if word == "told" and (self.mute or not all(bucket.take(now) for bucket in self.buckets)):
            return ""
        return "" if random.random() < self.loss else word


@dataclass
class Run:
    """What came of a queue that was driven to its end."""

    open: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    reasons: dict[int, Reason] = field(default_factory=dict)
    seconds: float = 0.0
    sent: int = 0

    def of(self, reason: Reason) -> set[int]:
        return {port for port, each in self.reasons.items() if each is reason}


def drive(queue: HostQueue, host: SimulatedHost, *, seed: int = 1, rate: float = 20_000.0, start: float = 0.0) -> Run:
    """Ask all that the queue wants to ask, and give it the answers, until it is empty."""
    random, run, now, count = Random(seed), Run(), start, 0
    coming: list[tuple[float, int, int, str]] = []
    while len(queue) and now < start + 1e5:
        while coming and coming[0][0] <= now:
            _, _, port, word = heappop(coming)
            found = queue.told(port, now) if word == "told" else queue.answered(port, now)
            if found is not None:
                (run.closed if word == "told" else run.open).add(port)
        asked = queue.take(now)
        for settled, reason in queue.settled:
            run.reasons[settled] = reason
        queue.settled.clear()
        if asked is not None:
            run.sent += 1
            count += 1
            if word := host.answer(asked, now + host.rtt / 2, random):
                heappush(coming, (now + host.rtt, count, asked, word))
            now += 1 / rate
        else:
            due = min(queue.due(now), coming[0][0] if coming else inf)
            now = max(now + 1e-4, due) if len(queue) else now
    run.seconds = now
    return run


def full(ports: range, patience: float, questions: frozenset[int] = frozenset()) -> HostQueue:
    """A queue of some ports."""
    queue = HostQueue(patience)
    for port in ports:
        queue.add(port, Rank.QUESTION if port in questions else Rank.REST)
    return queue
