"""What is probed, in which order: targets x ports as an index space in a seeded random order.

An endpoint's index is `host * ports + port`, its position is its place in the order: a permutation of all of them, or
one permutation after the other where ports are in classes. The ports are the TCP
ports, then the UDP ports, so that a plan without UDP has the order that it would have alone. A shard takes
every m-th position, so that shards are spread alike over hosts and ports, know their exact size, and together
cover everything once. A wave is a run of a shard's positions. Nothing here is ever listed: a plan of
10.0.0.0/8 x 65,535 ports is a few numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanner.core.columns import I64, U8, U16, U64
from scanner.core.model import PROTOCOL, Transport
from scanner.core.plan.likely_order import LikelyOrder
from scanner.core.plan.permutation import MAX_SIZE, Permutation, UnshuffledOrder
from scanner.core.plan.wave import Wave, one_transport
from scanner.core.targets.address_columns import AddressColumns
from scanner.core.targets.targets import TargetSet

WAVE = 1 << 16
"""Endpoints in a wave, unless something speaks for fewer."""


_TCP, _UDP = np.uint8(PROTOCOL[Transport.TCP]), np.uint8(PROTOCOL[Transport.UDP])
_WAVE_SECONDS = 4.0
_LEAST_WAVE = 1 << 10


def wave_size_for(rate: float | None) -> int:
    """Endpoints in a wave that is to be probed at `rate` a second: a power of two, a few seconds' worth.

    Results, checkpoints and the progress of slow sweeps come a wave at a time; fast ones want large waves.
    """
    if rate is None:
        return WAVE
    wanted = int(min(max(rate * _WAVE_SECONDS, _LEAST_WAVE), WAVE))
    return 1 << (wanted.bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of a plan: 1-based, as in `--shard 2/3`."""

    number: int = 1
    """Which one, from 1."""
    of: int = 1
    """How many there are."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"shard {self.number} of {self.of}")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class Plan:
    """Every endpoint to look at, in order."""

    targets: TargetSet
    """The addresses, after exclusions."""
    ports: tuple[int, ...]
    """The TCP ports, ascending."""
    seed: int
    """Seed of the order; with the same targets, ports and shard it gives the same waves."""
    shard: Shard = Shard()
    """Which part of it."""
    wave_size: int = WAVE
    """Endpoints in a wave."""
    udp_ports: tuple[int, ...] = ()
    """The UDP ports, ascending."""
    classes: tuple[tuple[int, ...], ...] = ()
    """Columns of ports (places in `ports` and `udp_ports` together) by class, the likeliest first: every host is asked
    for one class before any is asked for the next. Without classes all endpoints are in one random order."""
    sequential: bool = False
    """Whether the order is that of the indices, host by host, as in a scan of another program: a wave can be a host."""

    def __post_init__(self) -> None:
        if not 1 <= self.total <= MAX_SIZE:
            raise ValueError(f"a plan holds 1 to 2^62 endpoints, not {self.total}")
        if self.classes and sum(map(len, self.classes)) != self.ports_per_address:
            raise ValueError("every port of a plan belongs to one class")

    @property
    def total(self) -> int:
        """Endpoints in all shards together."""
        return self.targets.size * self.ports_per_address

    @property
    def ports_per_address(self) -> int:
        """Endpoints of one address, TCP and UDP together."""
        return len(self.ports) + len(self.udp_ports)

    @property
    def size(self) -> int:
        """Endpoints in this shard."""
        return (self.total - self.shard.number) // self.shard.of + 1

    @property
    def waves(self) -> int:
        """How many waves this shard has."""
        return -(-self.size // self.wave_size)

    def wave(self, number: int) -> Wave:
        """The wave with that number, from 0.

        Raises:
            IndexError: outside of `range(waves)`.
        """
        if not 0 <= number < self.waves:
            raise IndexError(number)
        first = number * self.wave_size
        count = min(self.wave_size, self.size - first)
        turns = np.arange(first, first + count, dtype=np.uint64)
        positions = turns * np.uint64(self.shard.of) + np.uint64(self.shard.number - 1)
        index = self.permutation.forward(positions)
        width = np.uint64(self.ports_per_address)
        host = index // width  # by a constant: numpy multiplies instead, divmod() really divides
        port = index - host * width
        version, high, low = self.columns.words(host)
        return Wave(number, host, self._port_column[port], version, high, low, self._transports(port))

    def numbers(self, settled: Iterable[int] = ()) -> Iterator[int]:
        """The wave numbers that are still to be probed, ascending."""
        done = frozenset(settled)
        return (number for number in range(self.waves) if number not in done)

    def locate(self, host: U64, port: U16, transport: U8) -> I64:
        """The turn of each endpoint in this shard, int64[n]: `divmod(turn, wave_size)` is wave and place.

        `host` are indices in the target set, `transport` IANA's protocol numbers; -1 where the port is not planned
        or another shard has it.
        """
        udp = transport == _UDP
        column = np.where(
            udp,
            np.searchsorted(self._port_column[len(self.ports) :], port) + len(self.ports),
            np.searchsorted(self._port_column[: len(self.ports)], port),
        )
        column[column == self.ports_per_address] = 0
        planned = (self._port_column[column] == port) & ((column >= len(self.ports)) == udp)
        planned &= udp | (transport == _TCP)
        index = host * np.uint64(self.ports_per_address) + column.astype(np.uint64)
        turn, part = np.divmod(self.permutation.inverse(index), np.uint64(self.shard.of))
        mine = planned & (part == np.uint64(self.shard.number - 1))
        return np.where(mine, turn.astype(np.int64), np.int64(-1))

    @cached_property
    def permutation(self) -> Permutation | LikelyOrder | UnshuffledOrder:
        """The order, over all shards."""
        if self.sequential:
            return UnshuffledOrder(self.total)
        if self.classes:
            return LikelyOrder(self.targets.size, self.classes, self.seed)
        return Permutation(self.total, self.seed)

    @cached_property
    def columns(self) -> AddressColumns:
        """The target set as arrays."""
        return AddressColumns(self.targets.ranges)

    @cached_property
    def _port_column(self) -> U16:
        return np.array((*self.ports, *self.udp_ports), np.uint16)

    def _transports(self, column: U64) -> U8:
        """The transport of each column of the index space."""
        if not self.udp_ports:
            return one_transport(Transport.TCP, len(column))
        return np.where(column < len(self.ports), _TCP, _UDP)
