"""How many endpoints two plans have in common.

Addresses and ports are sorted sets, so their intersections multiply. A shard takes every m-th position of the
permuted plan: two shards of the same permutation share the positions that satisfy both congruences (Chinese
remainder theorem), which is exact. Shards of different permutations share endpoints at random, so that their
number is an estimate.
"""

from dataclasses import dataclass
from math import gcd, lcm

from scanner.core.plan.plan import Plan
from scanner.core.targets.ranges import intersect


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of two plans can be compared."""

    common: int
    """Endpoints that both plans hold."""
    total: int
    """Endpoints that at least one of them holds."""
    exact: bool = True
    """Whether `common` was counted; otherwise it is an estimate."""

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        return f"{about}{self.common:,} of {self.total:,} endpoints compared"


def overlap(left: Plan, right: Plan) -> Overlap:
    """Return how many endpoints two plans have in common, and how many they hold together."""
    hosts = sum(span.size for span in intersect(left.targets.ranges, right.targets.ranges))
    ports = len(set(left.ports) & set(right.ports)) + len(set(left.udp_ports) & set(right.udp_ports))
    common, exact = hosts * ports, True
    if common and (left.shard.of > 1 or right.shard.of > 1):
        common, exact = _of_shards(left, right, common)
    return Overlap(common, left.size + right.size - common, exact)


def _of_shards(left: Plan, right: Plan, common: int) -> tuple[int, bool]:
    if _order(left) == _order(right):
        return _shared_positions(left, right), True
    return max(1, round(common / (left.shard.of * right.shard.of))), False


def _order(plan: Plan) -> tuple[object, ...]:
    return plan.targets.ranges, plan.ports, plan.udp_ports, plan.seed, plan.sequential


def _shared_positions(left: Plan, right: Plan) -> int:
    """Return how many positions of one permutation belong to both shards."""
    first, step = left.shard.number - 1, left.shard.of
    apart, other = right.shard.number - 1 - first, right.shard.of
    factor = gcd(step, other)
    if apart % factor:
        return 0
    turns = apart // factor * pow(step // factor, -1, other // factor) % (other // factor)
    start = first + step * turns
    return max(0, -(-(left.total - start) // lcm(step, other)))
