"""What the user can say of how SYNs are sent: shared by the `syn` and `scapy` engines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U64
from scanner.core.errors import InvalidInput
from scanner.engines.choose import Wire

LEAST_SPACING = 1.0
"""Seconds between two SYNs to one endpoint: Linux answers a repeated one only after half a second."""

Permitted = Callable[[U8, U64, U64], npt.NDArray[np.bool_]]
"""(version, high, low) columns of addresses -> which of them may be probed, bool[n]."""


@dataclass(frozen=True, slots=True)
class SynOptions:
    """How SYNs are sent and waited for."""

    tries: int = 3
    """How often an endpoint that does not answer is probed."""
    spacing: float = LEAST_SPACING
    """Seconds from the end of one try of a wave to the beginning of the next."""
    cooldown: float = LEAST_SPACING
    """Seconds to wait for answers after the last try of a wave."""
    interface: str | None = None
    """The interface that every probe must use; None leaves it to the routing tables."""
    wire: Wire = Wire.AUTO
    """How frames are given to the kernel."""
    pcap: Path | None = None
    """Where to write the accepted answers as a capture file."""
    in_flight: int = 56 << 20
    """Bytes that waves in flight may take. A silent endpoint of IPv4 takes 20 of them: close to three million fit."""

    def __post_init__(self) -> None:
        if not 1 <= self.tries <= 21:
            raise InvalidInput(f"{self.tries - 1} retries", where="--retries", cure="0 to 20 are possible")
        if self.spacing < LEAST_SPACING:
            problem = f"{self.spacing:g} s between tries"
            raise InvalidInput(problem, where="spacing", cure="at least 1 s, or Linux does not answer")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the engine counted, beyond what the waves say."""

    forged: int = 0
    """Packets that looked like answers but did not carry our cookie."""
    late: int = 0
    """Genuine answers that came after their wave was settled."""
    dropped: int = 0
    """Answers that the kernel had no room for."""
    resets: int = 0
    """Resets that we sent because our kernel's own did not get through."""
    neighbour_requests: int = 0
    """ARP requests and neighbour solicitations sent."""
    wires: tuple[str, ...] = ()
    """How frames were given to the kernel."""

    def words(self) -> Iterator[str]:
        """What of it an auditor should know, one line each."""
        if self.forged:
            yield f"packets that looked like answers but proved no probe of ours: {self.forged:,}, none believed"
        if self.late:
            yield f"answers that came when all was settled: {self.late:,} (duplicates, or --timeout is too short)"
        if self.dropped:
            yield f"packets that the kernel had no room for: {self.dropped:,}"
        if self.resets:
            yield f"connections that we reset, as this machine's firewall kept its kernel from it: {self.resets:,}"
