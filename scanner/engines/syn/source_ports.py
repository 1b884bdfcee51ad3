"""Source ports of probes: a block of unused ports, where each port names its wave and pass, or a canary.

port = first + slot * passes + pass. An answer thus names, by its destination port alone, the wave in flight and the
pass it belongs to, and each pass has a port of its own, as Linux wants it (a repeated SYN from the same port within
500 ms gets no second answer: `tcp_invalid_ratelimit`). Where there are more passes than ports, the oldest port is used
again. Canaries have the ports after those of all waves, one for each ticket.

The block lies outside of the kernel's ephemeral range, so that no connection of this machine is given one of its ports,
and holds no port that a socket has now. It starts at a random port, so that two scanners on one machine rarely meet; if
they do, the cookies tell them apart.
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
    passes: int
    """Number of ports of each: passes that can be told apart."""
    canaries: int = 0
    """Number of canaries that can be under way."""

    @property
    def last(self) -> int:
        """The highest port."""
        return self.first + self.slots * self.passes + self.canaries - 1

    def port(self, slot: int, number: int) -> int:
        """Return the port of a pass, from 0, of the wave in a slot."""
        return self.first + slot * self.passes + number % self.passes

    def of_tickets(self, tickets: npt.NDArray[np.intp]) -> npt.NDArray[np.uint16]:
        """Return the ports of canaries."""
        return (self.first + self.slots * self.passes + tickets).astype(np.uint16)

    def tickets(self, ports: npt.NDArray[np.uint16]) -> npt.NDArray[np.intp]:
        """Return the tickets of canaries, -1 for ports that are not theirs."""
        ticket = ports.astype(np.intp) - self.first - self.slots * self.passes
        return np.where((ticket >= 0) & (ticket < self.canaries), ticket, -1)

    def split(self, ports: npt.NDArray[np.uint16]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return slot and pass of each port; the slot is -1 where the port is not a wave's. See `latest`."""
        slot, number = np.divmod(ports.astype(np.intp) - self.first, self.passes)
        return np.where((slot >= 0) & (slot < self.slots), slot, -1), number

    def latest(self, number: npt.NDArray[np.intp], under_way: int) -> npt.NDArray[np.intp]:
        """Return the latest pass with the port of pass `number` (`split`); below 0 where there was none yet."""
        return under_way - (under_way - number) % self.passes


def choose_ports(
    slots: int, passes: int, canaries: int = 0, *, pick: Callable[[int], int], proc: Path = Path("/proc")
) -> SourcePorts:
    """Return a free block, `pick(n)` choosing among n candidates.

    Where the ephemeral range leaves no room, the block lies inside of it, at its upper end or wherever no socket is: a
    connection of this machine that is given such a port works all the same, since all four numbers identify it.

    Raises:
        InvalidInput: there are not that many free ports in a row.
    """
    wanted = slots * passes + canaries
    taken = np.zeros(1 << 16, np.bool_)
    taken[:_LOWEST] = True
    taken[list(_in_use(proc))] = True
    low, high = map(int, (proc / "sys/net/ipv4/ip_local_port_range").read_text().split())
    outside = taken.copy()
    outside[low : high + 1] = True
    for blocked in (outside, taken):
        starts = _starts(blocked, wanted)
        if len(starts):
            return SourcePorts(int(starts[pick(len(starts))]), slots, passes, canaries)
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
