"""Which place of a wave an endpoint has: binary search in the wave's endpoints, sorted by one number each."""

import numpy as np

from scanner.core.columns import U8, U16, U64, WaveIndices
from scanner.core.plan.wave import Wave

_NOBODY = np.int32(-1)


class EndpointIndex:
    """Finds endpoints of one wave. Takes twelve bytes for each of them."""

    def __init__(self, wave: Wave) -> None:
        """Sort the wave's endpoints."""
        self._wave = wave
        keys = _keys(wave.version, wave.high, wave.low, wave.port)
        self._order: WaveIndices = np.argsort(keys).astype(np.int32)
        self._keys: U64 = keys[self._order]

    def find(self, version: U8, high: U64, low: U64, port: U16) -> WaveIndices:
        """The place of each endpoint, -1 where the wave does not hold it."""
        if not len(self._wave):
            return np.full(len(port), _NOBODY, np.int32)
        nearest = np.searchsorted(self._keys, _keys(version, high, low, port))
        place = self._order[np.minimum(nearest, len(self._keys) - 1)]
        wave = self._wave
        same = (wave.port[place] == port) & (wave.low[place] == low)
        same &= (wave.high[place] == high) & (wave.version[place] == version)
        return np.where(same, place, _NOBODY)


def _keys(version: U8, high: U64, low: U64, port: U16) -> U64:
    """One number for each endpoint: exact for IPv4; for IPv6 a hash, so whoever finds one must compare."""
    exact = (low << np.uint64(16)) | port
    if not (version == 6).any():
        return exact
    hashed = low * np.uint64(0x9E3779B97F4A7C15) + high * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.where(version == 4, exact, hashed + port * np.uint64(0x165667B19E3779F9))
