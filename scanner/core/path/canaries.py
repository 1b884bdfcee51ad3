"""Which endpoints are canaries: known to answer, so that their silence means something.

A reset is as good as a SYN-ACK, and cheaper for the host: it keeps no half-open connection. But a host may limit its
resets (`resets_limited`), so where a host has both, both are asked in turn. A way out has canaries at many hosts, so
that one host that goes away does not look like a path that is cut. Endpoints that were open last time are asked where
nothing has answered yet; their silence proves nothing, their answer makes them canaries like the others.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from scanner.core.columns import U16, Indices

PER_PATH = 64
"""Hosts that are remembered as canaries of a way out."""
_TOLD = 6
"""Resets that must be missing before they are called limited."""


@dataclass(frozen=True, slots=True)
class Canary:
    """An endpoint to ask again."""

    host: int
    """The host's number, as the engine counts hosts."""
    port: int
    """TCP port."""
    open: bool
    """Whether it answered SYN-ACK, not a reset."""


class HostCanaries:
    """Two endpoints of each host: one that is open and one that is closed, as columns."""

    def __init__(self, hosts: int) -> None:
        self._open: U16 = np.zeros(hosts, np.uint16)
        self._closed: U16 = np.zeros(hosts, np.uint16)

    def note(self, rows: Indices, ports: U16, *, is_open: bool) -> None:
        """These endpoints answered so."""
        (self._open if is_open else self._closed)[rows] = ports

    def forget(self, rows: Indices) -> None:
        """These rows stand for other hosts from now on."""
        self._open[rows] = self._closed[rows] = 0

    def pick(self, rows: Indices, turn: int) -> tuple[U16, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
        """A port of each host, 0 where none is known, and whether it is open. `turn` counts up: kinds alternate."""
        first, second = (self._open, self._closed) if turn % 2 else (self._closed, self._open)
        port = np.where(first[rows] > 0, first[rows], second[rows])
        return port, (port > 0) & (port == self._open[rows])


class PathCanaries:
    """Endpoints at different hosts behind one way out, asked in turn."""

    def __init__(self) -> None:
        self._proven: deque[Canary] = deque(maxlen=PER_PATH)
        self._hosts: set[int] = set()
        self._remembered: deque[Canary] = deque(maxlen=PER_PATH)

    def note(self, canary: Canary) -> None:
        """It answered in this sweep. One is kept for each host, newer hosts replace older ones."""
        if canary.host in self._hosts:
            return
        if len(self._proven) == PER_PATH:
            self._hosts.discard(self._proven[0].host)
        self._proven.append(canary)
        self._hosts.add(canary.host)

    def remember(self, canary: Canary) -> None:
        """It was open last time."""
        self._remembered.append(canary)

    def drop(self, host: int) -> None:
        """The host fell silent by itself, or was let go: it says nothing of the path any more."""
        if host not in self._hosts:
            return
        self._proven = deque((each for each in self._proven if each.host != host), maxlen=PER_PATH)
        self._hosts.discard(host)

    @property
    def proven(self) -> bool:
        """Whether silence of what `pick` gives means something."""
        return bool(self._proven)

    @property
    def sole(self) -> int:
        """The one host that has answered; -1 where there is none or several."""
        return self._proven[0].host if len(self._proven) == 1 else -1

    def pick(self, count: int) -> list[Canary]:
        """The next `count` to ask, fewer where fewer are known; each host once."""
        source = self._proven or self._remembered
        count = min(count, len(source))
        picked = [source[place] for place in range(count)]
        source.rotate(-count)
        return picked


def resets_limited(*, open_asked: int, open_silent: int, closed_asked: int, closed_silent: int) -> bool:
    """Whether a host limits its resets: they are missing where SYN-ACKs asked for beside them are not.

    Then its closed ports may stay silent (`reset-limited`), but no open one does. Some systems send 200 a second at
    most (FreeBSD's net.inet.icmp.icmplim). Without a SYN-ACK to compare with it cannot be told from a slow path.
    """
    if closed_silent < _TOLD or not open_asked:
        return False
    share = closed_silent / closed_asked
    return share * open_asked >= _TOLD / 2 and open_silent <= 0.3 * share * open_asked
