"""Accepted answers as a capture file that tcpdump and Wireshark read: evidence for a finding that is doubted.

The classic format (draft-ietf-opsawg-pcap): one file header that says what a packet begins with, here its IP header,
then for each packet a header of four words and its bytes. A batch is written by one call: a mask over a matrix of
header and packet bytes, side by side, takes exactly the bytes of all records in order.

The file appears under its name when it is closed, whole (`files/atomic.py`).
"""

import struct
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U32, U64
from scanner.engines.packets.receive_ring import Received
from scanner.files.atomic import AtomicFile

_MAGIC: Final = 0xA1B2C3D4
"""Times in microseconds."""
_LINKTYPE_RAW: Final = 101
_SNAP: Final = 65535
_RECORD: Final = np.dtype(
    [("seconds", np.uint32), ("microseconds", np.uint32), ("captured", np.uint32), ("original", np.uint32)]
)


class PcapWriter:
    """Writes batches of received packets to one file."""

    def __init__(self, path: Path) -> None:
        """Begin a file.

        Args:
            path: its name once it is closed.

        Raises:
            OutputFailed: it cannot be written there.
        """
        self._file = AtomicFile(str(path))
        self._file.open()
        self._file.write_bytes(struct.pack("IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP, _LINKTYPE_RAW))

    def write(self, received: Received, accepted: npt.NDArray[np.bool_ | np.intp]) -> None:
        """Append some packets of a batch: those that `accepted` marks (bool[n]), or lists (intp[k]).

        Raises:
            OutputFailed: the file cannot be written; nothing is left of it.
        """
        rows = received.packets[accepted]
        lengths, original, at = received.lengths[accepted], received.original[accepted], received.at[accepted]
        self._file.write_bytes(_records(rows, lengths, original, at))

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            OutputFailed: it cannot be finished; nothing is left of it.
        """
        self._file.commit()

    def discard(self) -> None:
        """Delete the unfinished file."""
        self._file.discard()


def _records(rows: U8, lengths: U32, original: U32, at: npt.NDArray[np.float64]) -> bytes:
    """Return the records of a batch, end to end."""
    microseconds: U64 = np.round(at * 1e6).astype(np.uint64)
    headers = np.zeros(len(rows), _RECORD)
    headers["seconds"], headers["microseconds"] = np.divmod(microseconds, np.uint64(1_000_000))
    headers["captured"], headers["original"] = lengths, original
    table = np.concatenate([headers.view(np.uint8).reshape(len(rows), _RECORD.itemsize), rows], axis=1)
    kept = np.arange(table.shape[1]) < _RECORD.itemsize + lengths[:, np.newaxis]
    return table[kept].tobytes()
