"""Look-ups over one wave: which index an endpoint has, and which router sent the ICMP error of an index.

An endpoint is found by binary search in the wave's endpoints, sorted by one number each. Routers are kept as a number
for each index and a text for each router: a wave whose every probe is rejected would otherwise hold 65,536 equal
strings. Both come into being with the first answer; silent waves never pay for them.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from scanner.core.columns import U8, U16, U64, WaveIndices
from scanner.core.plan.wave import Wave
from scanner.core.targets.targets import to_address

_NOT_FOUND = np.int32(-1)


class EndpointIndex:
    """Finds endpoints of one wave. Takes twelve bytes for each of them."""

    def __init__(self, wave: Wave) -> None:
        """Sort the wave's endpoints."""
        self._wave = wave
        keys = _keys(wave.version, wave.high, wave.low, wave.port)
        self._order: WaveIndices = np.argsort(keys).astype(np.int32)
        self._keys: U64 = keys[self._order]

    def find(self, version: U8, high: U64, low: U64, port: U16) -> WaveIndices:
        """Return the index of each endpoint, -1 where the wave does not hold it."""
        if not len(self._wave):
            return np.full(len(port), _NOT_FOUND, np.int32)
        nearest = np.searchsorted(self._keys, _keys(version, high, low, port))
        index = self._order[np.minimum(nearest, len(self._keys) - 1)]
        wave = self._wave
        same = (wave.port[index] == port) & (wave.low[index] == low)
        same &= (wave.high[index] == high) & (wave.version[index] == version)
        return np.where(same, index, _NOT_FOUND)


def _keys(version: U8, high: U64, low: U64, port: U16) -> U64:
    """Return one number for each endpoint: exact for IPv4; a hash for IPv6, so that a match must be compared."""
    exact = (low << np.uint64(16)) | port
    if not (version == 6).any():
        return exact
    hashed = low * np.uint64(0x9E3779B97F4A7C15) + high * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.where(version == 4, exact, hashed + port * np.uint64(0x165667B19E3779F9))


class Evidence(Mapping[int, str]):
    """The routers' addresses as text, by index; empty until the first one is added."""

    def __init__(self, size: int) -> None:
        """`size`: endpoints of the wave."""
        self._size = size
        self._router: U16 = np.zeros(0, np.uint16)
        self._words: list[str] = [""]
        self._numbers: dict[tuple[int, int, int], int] = {}

    def add(self, indices: WaveIndices, version: U8, high: U64, low: U64) -> None:
        """Note the routers of some indices. The 65,536th router and later ones share a number."""
        if not len(self._router):
            self._router = np.zeros(self._size, np.uint16)
        routers, which = np.unique(np.stack([version.astype(np.uint64), high, low]), axis=1, return_inverse=True)
        numbers = [self._number(*map(int, router)) for router in routers.T]
        self._router[indices] = np.array(numbers, np.uint16)[which.reshape(-1)]

    def __getitem__(self, index: int) -> str:
        number = int(self._router[index]) if 0 <= index < len(self._router) else 0
        if not number:
            raise KeyError(index)
        return self._words[number]

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self._router).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._router))

    def _number(self, version: int, high: int, low: int) -> int:
        key = (version, high, low)
        if key not in self._numbers:
            self._numbers[key] = min(len(self._words), 0xFFFF)
            if len(self._words) <= 0xFFFF:
                self._words.append(f"from {to_address(version, high << 64 | low)}")
        return self._numbers[key]
