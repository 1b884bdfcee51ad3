"""Likely ports first: a seeded bijection on hosts x ports that goes class by class.

Ports that are open elsewhere in this network are found open again far more often than the rest (GPS: Izhikevich,
Teixeira, Durumeric, "Predicting IPv4 services across all ports", SIGCOMM 2022, section 4). So the ports are put into
classes, likely ones first, and every host is asked for a class before any is asked for the next. Within a class the
order is random over hosts and ports alike, so that no host is hammered.

Theory. Class c with w ports takes a run of hosts * w positions; a permutation of its own (`permutation.py`) maps the
run to itself. Runs that partition the positions, each mapped by a bijection to pairs that no other run has, make a
bijection: inverse, resume and shards work as with one permutation. The classes are part of the order: whoever resumes
must have the same (`Classes` as text).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanner.core.columns import I64, U64
from scanner.core.plan.permutation import MAX_SIZE, Permutation

_STRIDE = 0x9E3779B97F4A7C15
_SEEDS = 1 << 63


@dataclass(frozen=True)
class LikelyOrder:
    """A bijection on range(hosts * ports). An index is `host * ports + column`, as in `Plan`."""

    hosts: int
    """Addresses in the plan."""
    classes: tuple[tuple[int, ...], ...]
    """Columns of ports (places in `Plan.ports`), most likely class first; each column once. None of them empty."""
    seed: int
    """Which order. Any integer of up to 64 bits."""

    def __post_init__(self) -> None:
        columns = sorted(column for each in self.classes for column in each)
        if columns != list(range(len(columns))) or not all(self.classes):
            raise ValueError("each column of the plan belongs to one class")
        if not 1 <= self.size <= MAX_SIZE:
            raise ValueError(f"an order holds 1 to 2^62 endpoints, not {self.size}")

    @property
    def ports(self) -> int:
        """Ports in the plan."""
        return sum(map(len, self.classes))

    @property
    def size(self) -> int:
        """Endpoints in the plan."""
        return self.hosts * self.ports

    def forward(self, places: U64) -> U64:
        """The index at each position, uint64[n], each below `size`."""
        if not len(places):
            return places
        first, last = np.searchsorted(self._begins, np.array([places.min(), places.max()]), side="right") - 1
        if first == last:  # nearly every wave lies in one class
            return self._forward(int(first), places)
        out = np.empty(len(places), np.uint64)
        member = np.searchsorted(self._begins, places, side="right") - 1
        for number in range(first, last + 1):
            rows = np.flatnonzero(member == number)
            out[rows] = self._forward(number, places[rows])
        return out

    def _forward(self, number: int, places: U64) -> U64:
        """The same for positions of one class."""
        inner = self._permutations[number].forward(places - self._begins[number])
        columns = self._columns[number]
        width = np.uint64(len(columns))
        host = inner // width  # by a constant: numpy multiplies instead, divmod() really divides
        column = inner - host * width
        return host * np.uint64(self.ports) + columns[column.view(np.int64)]

    def inverse(self, images: U64) -> U64:
        """The position of each index, uint64[n], each below `size`."""
        out = np.empty(len(images), np.uint64)
        host, column = np.divmod(images, np.uint64(self.ports))
        at = column.astype(np.intp)
        member = self._member[at]
        for number in np.unique(member).tolist():
            rows = np.flatnonzero(member == number)
            inner = host[rows] * np.uint64(len(self.classes[number])) + self._rank[at[rows]]
            out[rows] = self._permutations[number].inverse(inner) + self._begins[number]
        return out

    @cached_property
    def _columns(self) -> tuple[U64, ...]:
        return tuple(np.array(each, np.uint64) for each in self.classes)

    @cached_property
    def _begins(self) -> U64:
        sizes = [0, *(self.hosts * len(each) for each in self.classes[:-1])]
        return np.cumsum(np.array(sizes, np.uint64), dtype=np.uint64)

    @cached_property
    def _member(self) -> I64:
        """The class of each column."""
        return self._by_column([[number] * len(each) for number, each in enumerate(self.classes)]).astype(np.int64)

    @cached_property
    def _rank(self) -> U64:
        """The place of each column in its class."""
        return self._by_column([range(len(each)) for each in self.classes])

    @cached_property
    def _permutations(self) -> tuple[Permutation, ...]:
        seeds = ((self.seed + number * _STRIDE) % _SEEDS for number in range(len(self.classes)))
        return tuple(Permutation(self.hosts * len(each), seed) for each, seed in zip(self.classes, seeds, strict=True))

    def _by_column(self, values: Sequence[Iterable[int]]) -> U64:
        out = np.empty(self.ports, np.uint64)
        for each, given in zip(self.classes, values, strict=True):
            out[list(each)] = np.fromiter(given, np.uint64, len(each))
        return out


def classes_of(ports: Sequence[int], *likely: Iterable[int]) -> tuple[tuple[int, ...], ...]:
    """The columns of `ports` by class: each of `likely` (open here before, common ...) in turn, then the rest.

    A port that several name belongs to the first; ports that are not planned are left out, and so are empty classes.
    """
    return tuple(_classes({port: column for column, port in enumerate(ports)}, likely))


def _classes(columns: dict[int, int], likely: Sequence[Iterable[int]]) -> Iterator[tuple[int, ...]]:
    left = dict(columns)
    for named in likely:
        if chosen := tuple(sorted({left.pop(port) for port in set(named) if port in left})):
            yield chosen
    if left:
        yield tuple(sorted(left.values()))
