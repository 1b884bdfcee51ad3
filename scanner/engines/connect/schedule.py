"""Which endpoint the connect engine probes next.

First what is due again (a retry, a local failure to be tried again), then the hosts whose cap has opened, then the wave
under the cursor. A turn whose host is at its cap is queued behind that cap, so that one slow host never holds up the
others. When the cursor is through a wave, the next one is begun although the last has not settled yet: no time is lost
between waves, and a bound on unsettled endpoints keeps memory in check.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import chain, count, islice
from math import inf
from typing import Protocol

from scanner.core.plan.wave import Wave
from scanner.engines.connect.hosts import Host, HostBook
from scanner.engines.connect.in_flight import InFlightWave

UNSETTLED = 1 << 18
"""Maximum number of endpoints under way at once, however many waves that is; one wave always may be."""
_SKIPS = 4096

Turn = tuple[InFlightWave, int, Host]
"""A wave, an index in it, and the host there."""


class Settler(Protocol):
    """Receives the endpoints that need no probe, and the waves that need none any more."""

    def settle_unasked(self, wave: InFlightWave, index: int, code: int) -> None:
        """Settle an endpoint whose host has a verdict."""
        ...

    def finish(self, wave: InFlightWave) -> None:
        """Finish a wave of which nothing is left to settle."""
        ...


class Schedule:
    """The order of probes over waves, retries and caps. Times are seconds on a monotonic clock."""

    def __init__(self, waves: Iterable[Wave | None], book: HostBook, settler: Settler) -> None:
        """`waves` gives None where there is no wave yet, but may be one later."""
        self._waves: Iterator[Wave | None] | None = iter(waves)
        self._book = book
        self._settler = settler
        self._current: InFlightWave | None = None
        self._cursor = self._end = 0
        self._again: list[tuple[float, int, InFlightWave, int]] = []
        self._capped: list[tuple[float, int, Host]] = []
        self._held: dict[Host, deque[Turn]] = {}  # by host at its cap, the endpoints that wait for it
        self._tickets = count()
        self.active: dict[InFlightWave, None] = {}
        """Waves begun and not yet settled, oldest first."""
        self.skipping = False
        """Whether `turns` last gave up on a long row of needless endpoints: there may be more behind."""

    @property
    def exhausted(self) -> bool:
        """Whether every wave was begun and settled."""
        return self._waves is None and not self.active

    @property
    def opens(self) -> float:
        """When the first cap opens behind which turns wait; infinity where none do."""
        return self._capped[0][0] if self._capped else inf

    def stop(self) -> None:
        """Begin no further wave and give out no further turn."""
        self._waves = self._current = None
        self._cursor = self._end = 0
        self._again.clear()
        self._capped.clear()
        self._held.clear()

    def again(self, wave: InFlightWave, index: int, due: float) -> None:
        """Probe an endpoint once more, not before `due`."""
        heappush(self._again, (due, next(self._tickets), wave, index))

    def turns(self, now: float, most: int) -> Iterator[Turn]:
        """Yield up to `most` endpoints to probe now. Each counts as probed when it is taken; the rest stay where they
        are."""
        self.skipping = False
        return islice(chain(self._released(now), self._renewed(now), self._ahead(now)), most)

    def _released(self, now: float) -> Iterator[Turn]:
        """Yield turns queued behind caps that have opened."""
        while self._capped and self._capped[0][0] <= now:
            turn = self._release(heappop(self._capped)[2], now)
            if turn is not None:
                yield turn

    def _renewed(self, now: float) -> Iterator[Turn]:
        """Yield turns that are due again."""
        while self._again and self._again[0][0] <= now:
            _, _, wave, index = heappop(self._again)
            turn = wave, index, wave.host_of[index]
            if self._admits(turn, now):
                yield turn

    def _ahead(self, now: float) -> Iterator[Turn]:
        """Yield the turns under the cursor, wave after wave."""
        skipped = 0
        while (self._cursor < self._end or self._begin()) and not self.skipping:
            wave = self._current
            assert wave is not None
            for index in range(self._cursor, self._end):
                self._cursor = index + 1
                turn = wave, index, wave.host_of[index]
                if turn[2].unconditional or self._admits(turn, now):
                    yield turn
                else:
                    skipped += 1
                    if skipped == _SKIPS:
                        self.skipping = True
                        break

    def _admits(self, turn: Turn, now: float) -> bool:
        """Return whether a turn may go now: its host has no verdict, and a cap that lets it through."""
        wave, index, host = turn
        if host.verdict is not None:
            self._settler.settle_unasked(wave, index, host.verdict)
            return False
        if host.bucket is None:
            return True
        held = self._held.get(host)
        if held is None:
            if host.bucket.take(now):
                return True
            held = self._held[host] = deque()
            self._queue(host, now)
        held.append(turn)
        return False

    def _begin(self) -> bool:
        """Put the next wave under the cursor, if there is one and there is room for it."""
        while self._waves is not None and self._has_room():
            try:
                wave = next(self._waves)
            except StopIteration:
                self._waves = None
                break
            if wave is None:
                break
            self._current = InFlightWave(wave, self._book.of(wave))
            self._cursor, self._end = 0, len(wave)
            self.active[self._current] = None
            if self._end:
                return True
            self._settler.finish(self._current)
        return False

    def _has_room(self) -> bool:
        return not self.active or sum(wave.left for wave in self.active) + self._end <= UNSETTLED

    def _release(self, host: Host, now: float) -> Turn | None:
        """Return the first turn queued behind a cap, if that is open."""
        assert host.bucket is not None
        if host.verdict is not None:
            for wave, index, _ in self._held.pop(host):
                self._settler.settle_unasked(wave, index, host.verdict)
            return None
        held = self._held[host]
        turn = held.popleft() if host.bucket.take(now) else None
        if held:
            self._queue(host, now)
        else:
            del self._held[host]
        return turn

    def _queue(self, host: Host, now: float) -> None:
        assert host.bucket is not None
        heappush(self._capped, (now + host.bucket.wait(now), next(self._tickets), host))
