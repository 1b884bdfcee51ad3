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
from scanner.engines.connect.in_flight import InFlightWave, Probed
from scanner.engines.connect.ways import Way

UNSETTLED = 1 << 18
"""Maximum number of endpoints under way at once, however many waves that is; one wave always may be."""
_SKIPS = 4096
_LATER = 0.005
"""Seconds until a host is looked at again whose way out lets nothing through now."""

Turn = tuple[Probed, int, Host]
"""A wave or the canaries, an index in it, and the host there."""


class Settler(Protocol):
    """Receives the waves that begin, the endpoints that need no probe, and the waves that need none any more."""

    def begin(self, hosts: list[Host]) -> None:
        """Prepare for a wave that is about to begin with these hosts, each of them once."""
        ...

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
        self._held: dict[Host, deque[Turn]] = {}  # by host at its cap or silent, the endpoints that wait for it
        self._behind: dict[Way, deque[Turn]] = {}  # by way out, what waits until more may go
        self._urgent: deque[Turn] = deque()
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

    def prime(self) -> None:
        """Put a wave under the cursor where there is none, so that its hosts and ways are known."""
        if self._cursor >= self._end:
            self._begin()

    def stop(self) -> None:
        """Begin no further wave and give out no further turn."""
        self._waves = self._current = None
        self._cursor = self._end = 0
        self._again.clear()
        self._capped.clear()
        self._held.clear()
        self._behind.clear()
        self._urgent.clear()

    def again(self, wave: InFlightWave, index: int, due: float) -> None:
        """Probe an endpoint once more, not before `due`."""
        heappush(self._again, (due, next(self._tickets), wave, index))

    def urgently(self, turn: Turn) -> None:
        """Probe this before everything else, even where a silence holds up ordinary probes: a canary."""
        self._urgent.append(turn)

    @property
    def has_urgent(self) -> bool:
        """Whether something urgent has not gone yet."""
        return bool(self._urgent)

    def resume(self, host: Host, now: float) -> None:
        """Go on with what waits for a host that was silent, or settle it if there is a verdict."""
        if host in self._held:
            heappush(self._capped, (now, next(self._tickets), host))

    def settle_held(self, way: Way) -> None:
        """Settle what waits for a way out that was given up."""
        for turn in self._behind.pop(way, ()):
            self._settle_unasked(turn)

    def turns(self, now: float, most: int, *, spare: int = 0) -> Iterator[Turn]:
        """Yield up to `most` endpoints to probe now, and canaries, for which there is room for `spare` more.

        Each counts as probed when it is taken; the rest stay where they are.
        """
        self.skipping = False
        ordinary = (self._resumed(now), self._released(now), self._renewed(now), self._ahead(now))
        urgent = islice(self._canaries(now), max(0, most + spare))
        return chain(urgent, islice(chain(*(() if self._book.ways.stalled else ordinary)), max(0, most)))

    def _canaries(self, now: float) -> Iterator[Turn]:
        """Yield what is urgent, as far as limits let it through."""
        for _ in range(len(self._urgent) if self.active else 0):
            turn = self._urgent.popleft()
            host = turn[2]
            if host.way.left >= 1 and (host.bucket is None or host.bucket.take(now)):
                host.way.left -= 1
                yield turn
            else:
                self._urgent.append(turn)

    def _resumed(self, now: float) -> Iterator[Turn]:
        """Yield turns that waited until more may go by their way."""
        for way, held in [*self._behind.items()]:
            for _ in range(len(held)):
                if way.left < 1 or way.paused:
                    break
                turn = held.popleft()
                if self._admits(turn, now):
                    yield turn

    def _released(self, now: float) -> Iterator[Turn]:
        """Yield turns queued behind caps that have opened."""
        while self._capped and self._capped[0][0] <= now:
            yield from self._release(heappop(self._capped)[2], now)

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
                if self._admits(turn, now):
                    yield turn
                else:
                    skipped += 1
                    if skipped == _SKIPS:
                        self.skipping = True
                        break

    def _admits(self, turn: Turn, now: float) -> bool:
        """Return whether a turn may go now: nothing settles it already, and its way and its host let it through."""
        host = turn[2]
        way, bucket = host.way, host.bucket
        if host.verdict is not None or way.verdict is not None:
            self._settle_unasked(turn)
            return False
        if way.left < 1 or way.paused:
            self._behind.setdefault(way, deque()).append(turn)
            return False
        if host.paused or host in self._held:
            self._held.setdefault(host, deque()).append(turn)
            return False
        if bucket is not None and not bucket.take(now):
            self._held[host] = deque([turn])
            self._queue(host, now)
            return False
        way.left -= 1
        return True

    def _settle_unasked(self, turn: Turn) -> None:
        held, index, host = turn
        verdict = host.settled_by
        assert isinstance(held, InFlightWave)
        assert verdict is not None
        self._settler.settle_unasked(held, index, verdict)

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
            hosts, which = self._book.distinct(wave)
            self._settler.begin(hosts)
            self._current = InFlightWave(wave, hosts, which)
            self._cursor, self._end = 0, len(wave)
            self.active[self._current] = None
            if self._end:
                return True
            self._settler.finish(self._current)
        return False

    def _has_room(self) -> bool:
        return not self.active or sum(wave.left for wave in self.active) + self._end <= UNSETTLED

    def _release(self, host: Host, now: float) -> Iterator[Turn]:
        """Yield the turns that wait for a host, as many as may go."""
        held = self._held.get(host)
        if held is None or (host.paused and host.settled_by is None):
            return
        if host.settled_by is not None:
            for turn in self._held.pop(host):
                self._settle_unasked(turn)
            return
        way, bucket = host.way, host.bucket
        if way.left < 1 or way.paused:
            self._queue(host, now + _LATER)
            return
        room = int(min(way.left, len(held)))
        ready = room if bucket is None else bucket.ready(now, room)
        try:
            for _ in range(ready):
                way.left -= 1
                if bucket is not None:
                    bucket.took(1)
                yield held.popleft()
        finally:  # also where no more are taken
            if held:
                self._queue(host, now)
            else:
                del self._held[host]

    def _queue(self, host: Host, now: float) -> None:
        wait = 0.0 if host.bucket is None else host.bucket.wait(now)
        heappush(self._capped, (now + wait, next(self._tickets), host))
