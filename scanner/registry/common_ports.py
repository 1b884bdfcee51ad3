"""The ports above the system range that a scan looks at by default: those that audits commonly find open.

A curated list, not a measured one, and not the registry: most of these services use ports that were never assigned
them, which is why they are looked for. Each entry says what is usually behind it; that is a hint about where
to look, never a claim about what was found.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class CommonPort:
    """A TCP port that is often found open."""

    number: int
    """The port, 1024 to 65535."""
    kind: str
    """The kind of service, as a word: `database`, `industrial` ..."""
    why: str
    """The usual service, in one phrase."""


def common_ports() -> tuple[CommonPort, ...]:
    """The list, by number."""
    return tuple(CommonPort(int(port), kind, why) for port, kind, why in _rows("common-ports.csv"))


def top_ports(count: int) -> tuple[int, ...]:
    """Return the TCP ports most often open on ordinary networks, the likeliest first; at most 100 are ranked.

    The ranking is this project's own judgement, not a measurement. Raises ValueError for a count outside 1 to 100.
    """
    ranked = tuple(int(port) for (port,) in _rows("top-ports.csv"))
    if not 1 <= count <= len(ranked):
        raise ValueError(f"{count} ports: only {len(ranked)} are ranked")
    return ranked[:count]


def default_tcp_ports() -> tuple[int, ...]:
    """Return the TCP ports that are scanned where none are named: the system ports, and commonly open ones above."""
    return tuple(sorted({*range(1, 1024), *(port.number for port in common_ports())}))


def _rows(name: str) -> list[list[str]]:
    text = (files("scanner") / "data" / name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]
