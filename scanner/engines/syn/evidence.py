"""Which router sent the ICMP error of a place: a number for each place, and a word for each router.

A wave whose every probe is rejected would otherwise hold 65,536 strings that nobody reads.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U16, U64
from scanner.core.targets.targets import to_address


class Evidence(Mapping[int, str]):
    """The routers' addresses in words, by place; empty until the first one is added."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._router: U16 = np.zeros(0, np.uint16)
        self._words: list[str] = [""]
        self._numbers: dict[tuple[int, int, int], int] = {}

    def add(self, places: npt.NDArray[np.int32], version: U8, high: U64, low: U64) -> None:
        """Note the routers of some places. The 65,536th router and later ones are not told apart."""
        if not len(self._router):
            self._router = np.zeros(self._size, np.uint16)
        routers, which = np.unique(np.stack([version.astype(np.uint64), high, low]), axis=1, return_inverse=True)
        numbers = [self._number(*map(int, router)) for router in routers.T]
        self._router[places] = np.array(numbers, np.uint16)[which.reshape(-1)]

    def __getitem__(self, place: int) -> str:
        number = int(self._router[place]) if 0 <= place < len(self._router) else 0
        if not number:
            raise KeyError(place)
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
