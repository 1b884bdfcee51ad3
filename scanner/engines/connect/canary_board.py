"""Canaries under way: endpoints that answered before, asked again beside the waves.

The board is probed like a wave, place by place, but its places are used again, and what comes of them settles nothing.
"""

from scanner.core.path.exchange import Ask


class CanaryBoard:
    """The canaries that have a socket, or wait for one. Obeys `in_flight.Probed`."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.local_failures = bytearray()
        self.sent = 0
        self._asks: list[tuple[Ask, int]] = []
        self._left = bytearray()
        self._free: list[int] = []

    def place(self, ask: Ask, number: int) -> int:
        """Take a place for one of the canaries of `ask`."""
        if not self._free:
            self.ports.append(0)
            self._asks.append((ask, number))
            self.local_failures.append(0)
            self._left.append(0)
            self._free.append(len(self.ports) - 1)
        place = self._free.pop()
        self.ports[place], self._asks[place] = int(ask.port[number]), (ask, number)
        self.local_failures[place] = self._left[place] = 0
        return place

    def leaves(self, place: int) -> Ask | None:
        """The canary at a place is sent now; return it, unless it was tried before."""
        if self._left[place]:
            return None
        self._left[place] = 1
        return self.at(place)

    def at(self, place: int) -> Ask:
        """Return the canary at a place."""
        ask, number = self._asks[place]
        return ask[number : number + 1]

    def free(self, place: int) -> None:
        """Its socket is closed or idle again."""
        self._free.append(place)
