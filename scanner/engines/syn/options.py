"""Options of the `syn` and `scapy` engines, and the statistics that the summary shows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.core.columns import U8, U64
from scanner.core.errors import InvalidInput
from scanner.core.plan.recall import HiddenOpen
from scanner.core.rate.found import PathRate
from scanner.engines.choose import Wire

LEAST_SPACING = 1.0
"""Minimum seconds between two SYNs to one endpoint: Linux answers a repeated one only after half a second."""

Permitted = Callable[[U8, U64, U64], npt.NDArray[np.bool_]]
"""(version, high, low) columns of addresses -> which of them may be probed, bool[n]."""


@dataclass(frozen=True, slots=True)
class SynOptions:
    """How SYNs are sent and waited for."""

    attempts: int | None = 3
    """How often an endpoint that does not answer is probed; None for as often as it takes (`core/path/retries.py`)."""
    spacing: float = LEAST_SPACING
    """Seconds from the end of one attempt of a wave to the beginning of the next."""
    cooldown: float = LEAST_SPACING
    """Seconds to wait for answers after the last attempt of a wave."""
    interface: str | None = None
    """The interface that every probe must use; None leaves it to the routing tables."""
    wire: Wire = Wire.AUTO
    """How frames are given to the kernel."""
    pcap: Path | None = None
    """Where to write the accepted answers as a capture file."""
    in_flight: int = 56 << 20
    """Maximum memory of waves in flight, in bytes. A silent endpoint of IPv4 takes 20 of them: close to three million
    fit."""

    planned: int = 0
    """Endpoints of the whole plan, where that is known: it tells how many open ports to expect."""

    def __post_init__(self) -> None:
        if self.attempts is not None and not 1 <= self.attempts <= 21:
            raise InvalidInput(f"{self.attempts - 1} retries are not possible", where="--retries", cure="use 0 to 20")
        if self.spacing < LEAST_SPACING:
            problem = f"{self.spacing:g} s between attempts is too short"
            raise InvalidInput(problem, where="spacing", cure="use at least 1 s, or Linux does not answer")


@dataclass(frozen=True, slots=True)
class SynStatistics:
    """What the engine counted, beyond the coverage of the waves."""

    forged: int = 0
    """Packets that looked like answers but did not carry our cookie."""
    late: int = 0
    """Genuine answers that came after their wave was settled."""
    dropped: int = 0
    """Answers dropped because the receive buffer was full."""
    resets: int = 0
    """Half-open connections reset by us because our kernel's own reset did not get through."""
    neighbour_requests: int = 0
    """ARP requests and neighbour solicitations sent."""
    canaries: int = 0
    """Endpoints known to answer that were asked again."""
    wires: tuple[str, ...] = ()
    """How frames were given to the kernel."""
    hidden: HiddenOpen | None = None
    """What may have been missed."""
    paths: tuple[PathRate, ...] = ()
    """What was found of each way out; empty at a fixed rate."""
    fragile: tuple[str, ...] = ()
    """Hosts that were let go, not to break them."""
    holding: tuple[str, ...] = ()
    """The slowest hosts of those that hold the rate back, in sentences."""
    lost: tuple[str, ...] = ()
    """Who answered, fell silent and was given up, in sentences."""

    def notes(self) -> Iterator[str]:
        """Yield what an auditor should know of it, one line each."""
        if self.forged:
            yield f"forged answers rejected (no valid cookie): {self.forged:,}"
        if self.late:
            yield f"answers after the end of their wave: {self.late:,} (duplicates, or --timeout is too short)"
        if self.dropped:
            yield f"answers dropped because the receive buffer was full: {self.dropped:,}"
        if self.resets:
            blocked = "the local firewall blocked the kernel's RST"
            yield f"half-open connections reset by us ({blocked}): {self.resets:,}"
        yield from self.lost
        for address in self.fragile:
            yield f"{address} answered ever more slowly and was let go: one probe a second"
