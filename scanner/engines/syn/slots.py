"""The waves in flight: a table of slots. The source port of a probe names its slot (`source_ports.py`)."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from scanner.engines.syn.in_flight import InFlightWave


@dataclass(frozen=True, slots=True)
class OccupiedSlot:
    """A slot with a wave in it."""

    number: int
    """The slot."""
    flight: InFlightWave
    """The wave."""
    dropped_before: int
    """How many answers the kernel had dropped when it began."""


class Slots:
    """Waves in flight, oldest first. A slot that was left is taken again last."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = deque(range(count))
        self._taken: dict[int, OccupiedSlot] = {}
        self.sending: list[OccupiedSlot] = []
        """Those with something to send, oldest first."""
        self.held = 0
        """Bytes that they take, about."""

    def __len__(self) -> int:
        return len(self._taken)

    def __iter__(self) -> Iterator[OccupiedSlot]:
        return iter(list(self._taken.values()))

    @property
    def free(self) -> int:
        """How many slots are free."""
        return len(self._free)

    def get(self, number: int) -> InFlightWave | None:
        """The wave in a slot."""
        taken = self._taken.get(number)
        return taken.flight if taken else None

    def begin(self, flight: InFlightWave, dropped: int) -> None:
        """Put a wave into a free slot; `dropped`: answers that the kernel has dropped so far."""
        number = self._free.popleft()
        self._taken[number] = OccupiedSlot(number, flight, dropped)
        self.sending.append(self._taken[number])
        self.held += flight.memory

    def end(self, taken: OccupiedSlot) -> None:
        """The wave was settled."""
        del self._taken[taken.number]
        self._free.append(taken.number)

    def refresh(self) -> None:
        """Look anew who has something to send, and what all take."""
        self.sending = [each for each in self._taken.values() if each.flight.sending]
        self.held = sum(each.flight.memory for each in self._taken.values())
