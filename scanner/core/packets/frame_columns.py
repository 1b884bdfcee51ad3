"""Fields of many frames at once, and the Internet checksum (RFC 1071) over columns.

A field is one strided store over the rows of a batch. A checksum is a sum of 16-bit words in ones' complement, which
may be added in any order and folded late: so the words that never change are summed once, and those of a column are
added as plain 32-bit integers.
"""

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U32, U64

MASK16: Final = np.uint32(0xFFFF)


class Framed(Protocol):
    """A frame that many rows share. All that a sender needs to know of a template."""

    @property
    def frame(self) -> bytes:
        """The whole frame, link header first."""
        ...

    def __len__(self) -> int: ...


def word_sum(data: bytes | bytearray) -> int:
    """Sum of the big-endian 16-bit words of `data`, of even length."""
    return sum(np.frombuffer(bytes(data), ">u2").tolist())


def column(rows: U8, start: int, dtype: str) -> npt.NDArray[np.generic]:
    """One field of every row, as a column that can be written."""
    return rows[:, start : start + np.dtype(dtype).itemsize].view(dtype)[:, 0]


def first_words(template: Framed, hops: U8) -> U64:
    """The first eight bytes of each frame: the next hop, and two that never change."""
    first = np.repeat(np.frombuffer(template.frame, np.uint8, 8).reshape(1, 8), len(hops), axis=0)
    first[:, :6] = hops
    return first.view(np.uint64)[:, 0]


def sum_of_halves(words: U32) -> U32:
    """Sum of the two 16-bit words in each 32-bit word; below 2^17."""
    total: U32 = words >> np.uint32(16)
    total += words & MASK16
    return total


def sum_of_quarters(words: U64) -> U32:
    """Sum of the four 16-bit words in each 64-bit word; below 2^18."""
    halves = sum_of_halves(np.ascontiguousarray(words).view(np.uint32))
    return halves[::2] + halves[1::2]


def folded(total: U32) -> U32:
    """The Internet checksum of a sum of 16-bit words below 2^32, in the lower half; the upper half is noise."""
    total = sum_of_halves(total)
    total += total >> np.uint32(16)
    return ~total
