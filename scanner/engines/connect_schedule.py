"""Which endpoint the connect engine asks next.

First what is due again (a retry, a local failure to be tried anew), then the hosts whose cap has opened, then
the wave under the cursor. A place whose host is at its cap is laid aside with that host, so that one slow host
never holds up the others. When the cursor is through a wave, the next one is begun although the last has not
settled yet: no time is lost between waves, and a bound on unsettled places keeps memory in check.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from scanner.core.wave import Wave
from scanner.engines.connect_hosts import Host, HostBook
from scanner.engines.connect_ledger import OpenWave

UNSETTLED = 1 << 18
"""Places that may be under way at once, however many waves that is; one wave always may."""
_SKIPS = 4096

Turn = tuple[OpenWave, int]
"""A wave and a place in it."""


class Settler(Protocol):
    """Who is told when asking is needless."""

    def settle_unasked(self, wave: OpenWave, place: int, code: int) -> None:
        """The host of this place has a verdict."""
        ...

    def finish(self, wave: OpenWave) -> None:
        """Nothing of this wave is left to settle."""
        ...


class Schedule:
    """The order of probes over waves, retries and caps. Times are seconds on a monotonic clock."""

    def __init__(self, waves: Iterable[Wave], book: HostBook, settler: Settler) -> None:
        self._waves: Iterator[Wave] | None = iter(waves)
        self._book = book
        self._settler = settler
        self._current: OpenWave | None = None
        self._cursor = 0
        self._again: list[tuple[float, int, OpenWave, int]] = []
        self._capped: list[tuple[float, int, Host]] = []
        self._tickets = count()
        self.active: dict[OpenWave, None] = {}
        """Waves begun and not yet settled, oldest first."""
        self.skipping = False
        """Whether `next` last gave up on a long row of needless places: there may be more behind."""

    @property
    def exhausted(self) -> bool:
        """Whether every wave was begun and settled."""
        return self._waves is None and not self.active

    def stop(self) -> None:
        """Begin no wave and ask nothing any more."""
        self._waves = self._current = None
        self._again.clear()
        self._capped.clear()

    def again(self, wave: OpenWave, place: int, due: float) -> None:
        """Ask a place once more, not before `due`."""
        heappush(self._again, (due, next(self._tickets), wave, place))

    def next(self, now: float) -> Turn | None:
        """The next place to ask, or None where there is none right now."""
        while self._capped and self._capped[0][0] <= now:
            turn = self._release(heappop(self._capped)[2], now)
            if turn is not None:
                return turn
        skipped = 0
        while skipped < _SKIPS and (turn := self._candidate(now)) is not None:
            wave, place = turn
            host = wave.hosts[wave.host_of[place]]
            if host.verdict is not None:
                self._settler.settle_unasked(wave, place, host.verdict)
                skipped += 1
            elif host.bucket is None or (not host.held and host.bucket.take(now)):
                return turn
            else:
                self._hold(host, turn, now)
        self.skipping = skipped == _SKIPS
        return None

    def _candidate(self, now: float) -> Turn | None:
        """A place that is due again, or else the one under the cursor."""
        if self._again and self._again[0][0] <= now:
            _, _, wave, place = heappop(self._again)
            return wave, place
        current = self._current
        if current is None or self._cursor == len(current.ports):
            current = self._begin()
            if current is None:
                return None
        self._cursor += 1
        return current, self._cursor - 1

    def _begin(self) -> OpenWave | None:
        """The next wave that has places, if there is one and there is room for it."""
        while self._waves is not None and self._has_room():
            wave = next(self._waves, None)
            if wave is None:
                self._waves = self._current = None
                break
            self._current, self._cursor = OpenWave(wave, *self._book.of(wave)), 0
            self.active[self._current] = None
            if len(wave):
                return self._current
            self._settler.finish(self._current)
        return None

    def _has_room(self) -> bool:
        size = len(self._current.ports) if self._current is not None else 0
        return not self.active or sum(wave.left for wave in self.active) + size <= UNSETTLED

    def _hold(self, host: Host, turn: Turn, now: float) -> None:
        """Lay a place aside until its host's cap opens."""
        if not host.held:
            self._queue(host, now)
        host.held.append(turn)

    def _release(self, host: Host, now: float) -> Turn | None:
        """The first place laid aside with a host, if its cap is open."""
        assert host.bucket is not None
        if host.verdict is not None:
            while host.held:
                self._settler.settle_unasked(*host.held.popleft(), host.verdict)
            return None
        turn = host.held.popleft() if host.bucket.take(now) else None
        if host.held:
            self._queue(host, now)
        return turn

    def _queue(self, host: Host, now: float) -> None:
        assert host.bucket is not None
        heappush(self._capped, (now + host.bucket.wait(now), next(self._tickets), host))
