"""Likely ports first: a seeded bijection that goes class by class. API first."""

from dataclasses import dataclass

from scanner.core.columns import U64


@dataclass(frozen=True, slots=True)
class LikelyOrder:
    """As `Permutation` (size, seed, forward, inverse), but over classes of ports, likely ones first."""

    hosts: int
    """Addresses in the plan."""
    classes: tuple[tuple[int, ...], ...]
    """Columns of ports (places in `Plan.ports`) by class, most likely first; each exactly once."""
    seed: int
    """Which order."""

    def forward(self, places: U64) -> U64:
        """Index (host * ports + column) of each position."""
        raise NotImplementedError

    def inverse(self, images: U64) -> U64:
        """Position of each index."""
        raise NotImplementedError
