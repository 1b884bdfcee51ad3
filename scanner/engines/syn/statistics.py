"""What a sweep by SYN counted beside its waves, and how that is said."""

from collections.abc import Iterator
from dataclasses import dataclass


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
