"""Source ports of probes: a block of unused ports, where each port names its wave and attempt.

port = first + slot * attempts + attempt. An answer thus names, by its destination port alone, the wave in flight and
the attempt it belongs to, and each attempt has a port of its own, as Linux wants it (a repeated SYN from the same port
within 500 ms gets no second answer: `tcp_invalid_ratelimit`). The block lies outside of the kernel's ephemeral range,
so that no connection of this machine is given one of its ports, and holds no port that a socket has now. It starts at a
random port, so that two scanners on one machine rarely meet; if they do, the cookies tell them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.core.errors import InvalidInput

_LOWEST = 10_000
"""No port below: servers listen there, and firewalls treat well-known source ports in special ways."""


@dataclass(frozen=True, slots=True)
class SourcePorts:
    """The block and the meaning of its ports."""

    first: int
    """The lowest port."""
    slots: int
    """Number of waves that can be in flight."""
    attempts: int
    """Number of attempts of each."""

    @property
    def last(self) -> int:
        """The highest port."""
        return self.first + self.slots * self.attempts - 1

    def port(self, slot: int, attempt: int) -> int:
        """Return the port of an attempt, from 0, of the wave in a slot."""
        return self.first + slot * self.attempts + attempt

    def split(self, ports: npt.NDArray[np.uint16]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return slot and attempt of each port; the slot is -1 where the port is not of this block."""
        slot, attempt = np.divmod(ports.astype(np.intp) - self.first, self.attempts)
        return np.where((slot >= 0) & (slot < self.slots), slot, -1), attempt


def choose_ports(slots: int, attempts: int, *, pick: Callable[[int], int], proc: Path = Path("/proc")) -> SourcePorts:
    """Return a free block, `pick(n)` choosing among n candidates.

    Where the ephemeral range leaves no room, the block lies inside of it, at its upper end or wherever no socket is: a
    connection of this machine that is given such a port works all the same, since all four numbers identify it.

    Raises:
        InvalidInput: there are not that many free ports in a row.
    """
    wanted = slots * attempts
    taken = np.zeros(1 << 16, np.bool_)
    taken[:_LOWEST] = True
    taken[list(_in_use(proc))] = True
    low, high = map(int, (proc / "sys/net/ipv4/ip_local_port_range").read_text().split())
    outside = taken.copy()
    outside[low : high + 1] = True
    for blocked in (outside, taken):
        starts = _starts(blocked, wanted)
        if len(starts):
            return SourcePorts(int(starts[pick(len(starts))]), slots, attempts)
    raise InvalidInput(f"there are no {wanted} free source ports in a row", cure="use fewer --retries")


def _starts(blocked: npt.NDArray[np.bool_], wanted: int) -> npt.NDArray[np.intp]:
    """Return where a run of `wanted` ports begins that are all free."""
    sums = np.concatenate([[0], np.cumsum(blocked)])
    wanted = min(wanted, len(sums))
    return np.flatnonzero(sums[wanted:] == sums[: len(sums) - wanted])


def _in_use(proc: Path) -> set[int]:
    """Return local ports of every TCP socket in this thread's network namespace, whatever its state."""
    ports: set[int] = set()
    for name in ("tcp", "tcp6"):
        table = proc / "thread-self/net" / name
        if table.exists():
            lines = table.read_text().splitlines()[1:]
            ports.update(int(line.split()[1].rpartition(":")[2], 16) for line in lines)
    return ports
