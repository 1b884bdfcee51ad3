"""What may go: the user's limits and those that were found, in virtual time."""

from dataclasses import replace

import numpy as np

from scanner.core.columns import U64
from scanner.core.rate.budget import Budget
from scanner.core.rate.found import FoundRates
from scanner.core.rate.limits import Limits
from scanner.core.rate.pacing import Pacing, fixed

TICK = 0.005


def hosts(*numbers: int) -> U64:
    return np.array(numbers, np.uint64)


class Path:
    """A way that bears so many probes a second, and answers all that it carries after a round trip."""

    def __init__(self, bears: float, trip: float = 0.01) -> None:
        self._bears, self._trip, self._tokens = bears, trip, 10.0
        self._random = np.random.default_rng(5)
        self._waiting: list[tuple[float, U64, bool]] = []

    def carry(self, probes: U64, canaries: U64, now: float) -> None:
        """What is too much is lost, of probes and canaries alike."""
        host, canary = np.concatenate([probes, canaries]), np.arange(len(probes) + len(canaries)) >= len(probes)
        passed = self._random.permutation(len(host))[: int(self._tokens)]
        self._tokens -= len(passed)
        for kind in (False, True):
            self._waiting.append((now, host[passed[canary[passed] == kind]], kind))

    def deliver(self, found: FoundRates, now: float) -> None:
        self._tokens = min(self._tokens + self._bears * TICK, 10.0 + self._bears * 0.02)
        while self._waiting and self._waiting[0][0] <= now - self._trip:
            sent_at, host, canaries = self._waiting.pop(0)
            size = len(host)
            found.heard(host, np.zeros(size, np.int64), np.full(size, sent_at), now, canaries=canaries)


def run(budget: Budget, seconds: float, host: U64, *, bears: float = 1e9) -> list[int]:
    """Send to these hosts as much as goes, canaries too; how many went each tick."""
    went: list[int] = []
    path, ways = Path(bears), np.zeros(len(host), np.int64)
    for tick in range(int(seconds / TICK)):
        now = 100 + tick * TICK
        asked = host[:0]
        if budget.found:
            path.deliver(budget.found, now)
            budget.found.decide(now, now)
            _, counts = budget.found.wanted_of_paths(now)
            named, each = budget.found.wanted_of_hosts(now)
            asked = np.concatenate([host[: int(counts.sum())], named.repeat(each)])
            asked = asked[budget.choose(asked, ways[: len(asked)], 999, now)]
            budget.went(asked, 0, now, canaries=True)
        go = host[budget.choose(host, ways, budget.ready(now, 4096), now)]
        budget.took(len(go))
        budget.went(go, 0, now)
        path.carry(go, asked, now)
        went.append(len(go) + len(asked))
    return went


def begun(pacing: Pacing, *, routed: bool) -> Budget:
    budget = Budget(pacing)
    assert budget.found
    budget.found.begin(0, 100.0, routed=routed)
    return budget


def last_second(went: list[int]) -> int:
    return sum(went[-200:])


def test_a_fixed_rate_asks_no_endpoint_unless_hosts_have_a_limit() -> None:
    assert not Budget(fixed(Limits(100, None))).by_endpoint
    assert Budget(fixed(Limits(100, 10))).by_endpoint
    went = run(Budget(fixed(Limits(100, 10))), 3.0, hosts(*range(5)).repeat(20))
    assert last_second(went) == 50
    assert last_second(run(Budget(fixed(Limits(100, None))), 3.0, hosts(1).repeat(500))) == 100


def test_on_the_own_link_it_grows_to_what_is_borne() -> None:
    budget = begun(Pacing(), routed=False)
    went = run(budget, 4.0, hosts(1).repeat(4096), bears=20_000)
    assert 14_000 < last_second(went) < 24_000


def test_through_a_router_no_more_than_its_ceiling() -> None:
    many = hosts(*range(100)).repeat(20)
    assert last_second(run(begun(Pacing(), routed=True), 4.0, many)) <= 5000
    assert last_second(run(begun(Pacing(), routed=True), 4.0, many)) > 4500
    assert last_second(run(begun(Pacing(max_rate=900.0), routed=True), 4.0, many)) <= 900


def test_ceilings_of_the_users_hold() -> None:
    pacing = Pacing(limits=Limits(1000, 30))
    went = run(begun(pacing, routed=False), 4.0, hosts(*range(10)).repeat(50))
    assert 280 < last_second(went) <= 300


def test_half_open_flows_are_bounded_through_routers() -> None:
    budget = begun(Pacing(), routed=True)
    assert budget.found
    budget.found.begin(1, 100.0, routed=False)
    silent = replace(Pacing(), max_rate=1e6)
    lifted = begun(silent, routed=True)
    for each in (budget, lifted):
        assert each.found
        each.found.went(hosts(1).repeat(100_000), 0, 100.0)
    later = 100.0 + 25
    assert budget.found.room(0, later, 10) == 0
    assert lifted.found
    assert lifted.found.room(0, 100.0 + 1e5, 10) > 0
    assert budget.found.room(0, later + 6, 10) > 0


def test_what_was_found_is_told() -> None:
    budget = begun(Pacing(), routed=False)
    run(budget, 4.0, hosts(1).repeat(4096), bears=3000)
    assert budget.found
    (path,) = budget.found.found(lambda number: f"way {number}")
    assert 2000 < path.rate < 4000
    assert "way 0" in path.held
    assert not len(budget.found.fragile())
    held = dict(budget.found.slow_hosts(104.0))
    assert set(held) <= {1}


def test_canaries_are_wanted_while_the_rate_grows() -> None:
    budget = begun(Pacing(), routed=False)
    run(budget, 0.2, hosts(1).repeat(4096))
    assert budget.found
    paths, counts = budget.found.wanted_of_paths(100.2)
    assert set(paths.tolist()) <= {0}
    assert (counts > 0).all()
