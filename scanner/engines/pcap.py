"""Accepted answers as a capture file that tcpdump and Wireshark read: evidence for whoever doubts a finding.

The classic format (draft-ietf-opsawg-pcap): one file header that says what the link layer is, then for each frame a
header of four words and its bytes. A file speaks of one kind of link; where a sweep uses several kinds, the link
headers are left off and the file holds bare IP packets. A batch is written by one call: a mask over a matrix of
header and frame bytes, side by side, takes exactly the bytes of all records in order.

The file appears under its name when it is closed; until then it has another.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from scanner.core.errors import OutputFailed
from scanner.core.packets import ETHERNET, RAW_IP, U8, U32, U64
from scanner.engines.ring import Received

_MAGIC: Final = 0xA1B2C3D4
"""Times in microseconds."""
_LINKTYPE: Final = {ETHERNET: 1, RAW_IP: 101}
"""LINKTYPE_ETHERNET and LINKTYPE_RAW."""
_SNAP: Final = 65535
_RECORD: Final = np.dtype(
    [("seconds", np.uint32), ("microseconds", np.uint32), ("captured", np.uint32), ("original", np.uint32)]
)


class PcapWriter:
    """Writes batches of received frames to one file."""

    def __init__(self, path: Path, *, link: int) -> None:
        """Begin a file.

        Args:
            path: its name once it is closed.
            link: `ETHERNET`, if all batches will have such headers; else `RAW_IP`.

        Raises:
            OutputFailed: it cannot be written there.
        """
        self._path = path
        self._link = link
        self._draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self._file: BinaryIO = self._draft.open("wb")
        except OSError as error:
            raise self._failed(error) from error
        self._write(struct.pack("IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP, _LINKTYPE[link]))

    def write(self, received: Received, accepted: npt.NDArray[np.bool_ | np.intp]) -> None:
        """Append some frames of a batch: those that `accepted` marks (bool[n]), or names (intp[k]).

        Raises:
            OutputFailed: the file cannot be written.
        """
        skip = received.link - self._link
        frames = received.frames[accepted, skip:]
        lengths = received.lengths[accepted] - np.uint32(skip)
        original = received.original[accepted] - np.uint32(skip)
        self._write(_records(frames, lengths, original, received.at[accepted]))

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            OutputFailed: it cannot be finished.
        """
        try:
            self._file.close()
            self._draft.replace(self._path)
        except OSError as error:
            raise self._failed(error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            self.discard()
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputFailed:
        return OutputFailed(f"--pcap {self._path}: {error.strerror}; name a file that can be written")


def _records(frames: U8, lengths: U32, original: U32, at: npt.NDArray[np.float64]) -> bytes:
    """The records of a batch, end to end."""
    microseconds: U64 = np.round(at * 1e6).astype(np.uint64)
    headers = np.zeros(len(frames), _RECORD)
    headers["seconds"], headers["microseconds"] = np.divmod(microseconds, np.uint64(1_000_000))
    headers["captured"], headers["original"] = lengths, original
    table = np.concatenate([headers.view(np.uint8).reshape(len(frames), _RECORD.itemsize), frames], axis=1)
    kept = np.arange(table.shape[1]) < _RECORD.itemsize + lengths[:, np.newaxis]
    return table[kept].tobytes()
