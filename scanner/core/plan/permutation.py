"""A seeded bijection on range(n) and its inverse, over whole numpy arrays.

Probing a network in address order hammers one host after the other; a random order spreads the load, and a
seeded one can be resumed, sharded and repeated. It must not cost memory per element, so it is computed.

Theory. A Feistel network turns any keyed function into a bijection (Luby and Rackoff, "How to construct
pseudorandom permutations from pseudorandom functions", 1988): split a k-bit number into two halves and
alternately xor a hash of one half into the other. Each step undoes itself, so the inverse is the same steps
backwards, and nothing has to be invertible about the hash. Here the halves have k//2 and k - k//2 bits, so
that every k will do, not only even ones.

That permutes range(2^k). To permute range(n), take the smallest k with 2^k >= n and walk the cycle: where the
image lies at or above n, apply the permutation again until it does not (Black and Rogaway, "Ciphers with
arbitrary finite domains", 2002). A cycle that starts inside range(n) always comes back inside; the mean number
of steps is 2^k / n < 2. Walking backwards with the inverse gives the inverse of the whole.

This is no cipher: four rounds and a multiplicative hash give a well-spread order, not secrecy.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from scanner.core.columns import U64

ROUNDS = 4
MAX_SIZE = 1 << 62

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd (Knuth, TAOCP 3, 6.4)
_SHIFT = np.uint64(32)
_BLOCK = 1 << 14
"""Elements that are worked on at once: their intermediate values stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Permutation:
    """A bijection on range(size), chosen by seed."""

    size: int
    """How many elements; 1 to 2^62."""
    seed: int
    """Which bijection. Any integer of up to 64 bits."""

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_SIZE:
            raise ValueError(f"a permutation needs 1 to 2^62 elements, not {self.size}")

    def forward(self, places: U64) -> U64:
        """The images of `places`, uint64[n], each below `size`. A new array."""
        return self._walk(places, _rounds(self))

    def inverse(self, images: U64) -> U64:
        """The places whose images are `images`, uint64[n], each below `size`. A new array."""
        return self._walk(images, tuple(reversed(_rounds(self))))

    def _walk(self, start: U64, rounds: "tuple[_Round, ...]") -> U64:
        out = np.empty(len(start), np.uint64)
        for first in range(0, len(start), _BLOCK):
            here = slice(first, first + _BLOCK)
            out[here] = self._walk_block(start[here], rounds)
        return out

    def _walk_block(self, start: U64, rounds: "tuple[_Round, ...]") -> U64:
        size = np.uint64(self.size)
        out = _feistel(start, rounds)
        outside = np.flatnonzero(out >= size)
        while outside.size:
            again = _feistel(out[outside], rounds)
            out[outside] = again
            outside = outside[again >= size]
        return out


@dataclass(frozen=True, slots=True)
class UnshuffledOrder:
    """The bijection that leaves every element where it is."""

    size: int
    """How many elements; 1 to 2^62."""

    def forward(self, places: U64) -> U64:
        """Return a copy of `places`, uint64[n]."""
        return places.copy()

    def inverse(self, images: U64) -> U64:
        """Return a copy of `images`, uint64[n]."""
        return images.copy()


@dataclass(frozen=True, slots=True)
class _Round:
    """One step: xor a hash of the half at `source` into the half at `target`."""

    source_shift: np.uint64
    source_mask: np.uint64
    target_shift: np.uint64
    target_mask: np.uint64
    key: np.uint64


def _rounds(permutation: Permutation) -> tuple[_Round, ...]:
    bits = max((permutation.size - 1).bit_length(), 2)
    low_bits = bits // 2
    low = (np.uint64(0), np.uint64((1 << low_bits) - 1))
    high = (np.uint64(low_bits), np.uint64((1 << (bits - low_bits)) - 1))
    digest = blake2b(permutation.seed.to_bytes(16, "little", signed=True), digest_size=8 * ROUNDS).digest()
    keys = np.frombuffer(digest, "<u8").astype(np.uint64)
    return tuple(_Round(*(low + high if turn % 2 == 0 else high + low), key=keys[turn]) for turn in range(ROUNDS))


def _feistel(values: U64, rounds: tuple[_Round, ...]) -> U64:
    out = values.astype(np.uint64, copy=True)
    for step in rounds:
        mixed = (out >> step.source_shift) & step.source_mask
        mixed += step.key
        mixed *= _MULTIPLIER
        mixed ^= mixed >> _SHIFT
        mixed *= _MULTIPLIER
        mixed >>= _SHIFT
        mixed &= step.target_mask
        mixed <<= step.target_shift
        out ^= mixed
    return out
