"""The port map: 65,536 cells, one a port, coloured by what the registry says, as a picture of 256 by 256 pixels.

A picture takes some ten kilobytes where as many table cells would take megabytes; the browser scales it without
smoothing. Row and column of a port are the halves of its number: port 443 is row 1, column 187. Open ports are drawn
over it by the page, so that they can be clicked and have a title.

The PNG is written here (ISO/IEC 15948: signature, IHDR, PLTE, IDAT, IEND): an indexed picture needs no more than zlib.
"""

import base64
import struct
import zlib
from collections.abc import Mapping
from types import MappingProxyType

from scanner.core.model import RegistryStatus

SIDE = 256
"""Pixels of each side: 256 x 256 ports."""

COLOURS: Mapping[RegistryStatus, tuple[int, int, int]] = MappingProxyType(
    {
        RegistryStatus.ASSIGNED: (198, 214, 232),
        RegistryStatus.UNASSIGNED: (246, 240, 226),
        RegistryStatus.RESERVED: (227, 205, 205),
        RegistryStatus.DEREGISTERED: (214, 186, 214),
        RegistryStatus.PRIVATE_USE: (205, 227, 205),
        RegistryStatus.DYNAMIC: (228, 228, 228),
    }
)
"""Red, green, blue of each status: pale, so that open ports stand out."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def status_picture(statuses: bytes, order: tuple[RegistryStatus, ...]) -> str:
    """Return the map of 65,536 status codes as a `data:` address of a PNG; `order` says which code is which status.

    Raises:
        ValueError: not 65,536 codes.
    """
    if len(statuses) != SIDE * SIDE:
        raise ValueError(f"{len(statuses)} status codes; a port map has {SIDE * SIDE}")
    palette = bytes(part for status in order for part in COLOURS[status])
    rows = b"".join(b"\0" + statuses[start : start + SIDE] for start in range(0, len(statuses), SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    picture = _SIGNATURE + b"".join(_chunk(*each) for each in chunks)
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def cell(port: int) -> tuple[int, int]:
    """Return column and row of a port in the map."""
    return port % SIDE, port // SIDE


def colour(status: RegistryStatus) -> str:
    """Return the colour of a status as CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*COLOURS[status])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
