"""One run of the UDP engine: hosts that are due are asked, what comes is believed or not, waves are handed out.

Everything happens in one coroutine: hear, decide, ask, wait until a socket has something or a host is due. Hosts wait
in a heap by the time at which they want to ask next, so that a network takes as long as its slowest host and no longer.
"""

import asyncio
import errno
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from time import monotonic, time
from types import MappingProxyType

import numpy as np

from scanner.core.errors import OutOfScope
from scanner.core.model import Address
from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.allowance import Allowance
from scanner.core.rate.limits import Limits
from scanner.core.udp.catalogue import EMPTY, Catalogue
from scanner.core.udp.host_queue import Rank
from scanner.core.udp.question import Payload, Replies
from scanner.engines.interface import Progress
from scanner.engines.udp.hearing import Hearing
from scanner.engines.udp.in_flight import UdpHost, UdpWave
from scanner.engines.udp.wire import NO_ROOM, Probe, UdpWire, WayState

_TICK = 0.02
"""Seconds between looks at the clock, at most, while something is under way."""
_LOT = 256
"""Hosts that are asked, and datagrams that are sent, between two looks at what came."""
_MOST_PLACES = 1 << 17
_MOST_WAVES = 64
_UNTAKEN = 64
_GRACE = 0.3
_REMEMBERED = 1 << 15
"""Hosts that are remembered, at least."""
_SEEK = 0.05
"""Seconds from one look to the next at a host whose next hop is being looked for."""
_MOST_SEEKING = 64
"""Packets that a turn may spend on looking for next hops."""
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})
_LINK_DOWN = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
_NO_WAY_CODES: Mapping[WayState, int] = MappingProxyType(
    {
        WayState.ABSENT: reason_code(Reason.HOST_UNREACHABLE),
        WayState.NO_GATEWAY: local_error_code(errno.EHOSTUNREACH),
        WayState.NO_ROUTE: reason_code(Reason.NO_ROUTE),
        WayState.LINK_DOWN: reason_code(Reason.LINK_DOWN),
    }
)
"""What becomes of the ports of a host to which there is no way."""
_STRIKES = 200
"""Times in a row that the system may have no room for a datagram before that is written down as our failure."""


class UdpRun:
    """Waves in, settled waves out."""

    def __init__(
        self,
        waves: Iterable[Wave],
        wire: UdpWire,
        catalogue: Catalogue,
        limits: Limits,
        *,
        secret: bytes,
        patience: float,
        sources: Mapping[int, tuple[str, ...]],
        permitted: Callable[[Address], bool] | None,
        required: Callable[[Wave], Iterable[int]] | None,
    ) -> None:
        """Take what `engine.UdpOptions` names. Needs a running loop."""
        self._waves = iter(waves)
        self._wire, self._catalogue = wire, catalogue
        self._limits, self._patience = limits, patience
        self._allowance = Allowance(limits.rate)
        self._secret, self._permitted, self._required, self._sources = secret, permitted, required, sources
        self._hosts: dict[str, UdpHost] = {}
        self._due: list[tuple[float, int, UdpHost]] = []
        self._turn = 0
        self._outbox: deque[tuple[UdpHost, Probe]] = deque()
        self._active: dict[UdpWave, None] = {}
        self._done: deque[SettledWave] = deque()
        self._exhausted = self._stopping = False
        self._more = False  # a whole lot was asked, and more may be due
        self._stopped_at = inf
        self._sent = self._settled = self._opened = 0
        self._strikes = self._busy = 0
        self._limited, self._limited_hosts, self._more_seconds = 0, 0, 0.0
        self._hearing = Hearing(self._hosts, catalogue, secret, self, wire)
        self._clock_offset = time() - monotonic()

    # -- what others see ---------------------------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        """Return how far this run has come."""
        return Progress(self._sent, self._settled, self._opened)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the summary should say."""
        if not self._limited:
            return self._wire.notes
        more = f"; about {self._more_seconds:,.0f} s more for each host would settle them" if self._more_seconds else ""
        hosts = f"{self._limited_hosts:,} host{'s' * (self._limited_hosts > 1)}"
        return (
            *self._wire.notes,
            f"{self._limited:,} UDP port{'s' * (self._limited > 1)} of {hosts} may be closed or silent: hosts limit "
            f"how fast they report closed ports{more} (--udp-patience)",
        )

    def stop(self) -> None:
        """Send nothing more. May be called from a signal handler."""
        self._stopping = True

    async def settled(self) -> AsyncGenerator[SettledWave, None]:
        """Yield each wave when it is settled. Closing closes every socket."""
        try:
            while True:
                self._turn_around(monotonic())
                while self._done:
                    yield self._done.popleft()
                if self._exhausted and not self._active:
                    return
                await self._wait()
        finally:
            self._wire.close()

    # -- the loop ----------------------------------------------------------------------------------------------

    def _turn_around(self, now: float) -> None:
        self._hearing.hear(self._wire.hear(), now)
        if self._stopping:
            self._wind_down(now)
            return
        self._allowance.took(self._wire.keep_up(now, self._allowance.ready(now, _MOST_SEEKING)))
        if len(self._done) < _UNTAKEN:
            self._take_waves()
            self._ask()

    async def _wait(self) -> None:
        """Wait until something may have changed."""
        due = self._due[0][0] if self._due else inf
        seconds = min(max(0.0, due - monotonic()), _TICK)
        if self._strikes:
            seconds = _TICK
        elif self._outbox:
            seconds = min(self._allowance.wait(monotonic()), _TICK)
        filenos = self._wire.filenos()
        if not filenos and not self._more:
            seconds = max(seconds, self._wire.gather)
        if seconds <= 0 or not filenos:
            await asyncio.sleep(seconds)
            return
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        for fileno in filenos:
            loop.add_reader(fileno, woken.set)
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            for fileno in filenos:
                loop.remove_reader(fileno)

    def _take_waves(self) -> None:
        while not self._exhausted and len(self._active) < _MOST_WAVES:
            if sum(wave.left for wave in self._active) >= _MOST_PLACES:
                return
            wave = next(self._waves, None)
            if wave is None:
                self._exhausted = True
                return
            self._begin(wave)

    def _begin(self, wave: Wave) -> None:
        flight = UdpWave(wave)
        self._active[flight] = None
        required = frozenset(self._required(wave)) if self._required else frozenset()
        _, first, inverse = np.unique(wave.host, return_index=True, return_inverse=True)
        hosts = [self._host(wave, place) for place in first.tolist()]
        now = monotonic()
        ways = self._wire.ways(wave.version[first], wave.high[first], wave.low[first])
        for host, way in zip(hosts, ways, strict=True):
            host.way, host.began = way, now
        for place, (which, port) in enumerate(zip(inverse.tolist(), wave.port.tolist(), strict=True)):
            host = hosts[which]
            asked = self._catalogue.of(port)
            if any(question.replies is not Replies.SAME_PORT for question in asked):
                host.wandering.add(port)
            rank = Rank.QUESTION if asked else Rank.REQUIRED if place in required else Rank.REST
            host.places[port] = (flight, place)
            host.queue.add(port, rank)
        for host in hosts:
            self._schedule(host, now)
        if not len(wave):
            self._finish(flight)

    def _host(self, wave: Wave, place: int) -> UdpHost:
        address = wave.address(place)
        host = self._hosts.get(str(address))
        if host is None:
            if self._permitted is not None and not self._permitted(address):
                raise OutOfScope(f"{address} is not permitted by the scope; nothing was sent to it")
            self._forget_idle()
            sources = self._sources.get(address.version, ())
            host = UdpHost(address, int(wave.host[place]), self._patience, self._limits.host_rate, sources)
            self._hosts[host.text] = host
        return host

    def _forget_idle(self) -> None:
        """Forget hosts without open questions where many are remembered from earlier waves."""
        if len(self._hosts) >= _REMEMBERED and len(self._hosts) >= 2 * self._busy:
            for text in [text for text, host in self._hosts.items() if not host.places]:
                del self._hosts[text]
            self._busy = len(self._hosts)

    def _schedule(self, host: UdpHost, due: float) -> None:
        if not host.scheduled and due < inf:
            host.scheduled = True
            self._turn += 1
            heappush(self._due, (due, self._turn, host))

    def _ask(self) -> None:
        """Send what waits; then let hosts that are due say what to ask, and send that."""
        self._more = False
        if not self._empty_outbox():
            return
        room = self._allowance.ready(monotonic(), _LOT)
        for _ in range(_LOT):
            now = monotonic()
            if len(self._outbox) >= room or not self._due or self._due[0][0] > now:
                break
            _, _, host = heappop(self._due)
            host.scheduled = False
            self._ask_host(host, now)
        else:
            self._more = True
        self._empty_outbox()

    def _ask_host(self, host: UdpHost, now: float) -> None:
        if wait := host.allowance.wait(now):
            self._schedule(host, now + wait)
            return
        way = self._wire.way(host.way, now)
        if way is WayState.SOUGHT:
            self._schedule(host, now + _SEEK)
            return
        if way is not WayState.OPEN:
            self.settle_host(host, _NO_WAY_CODES[way], now)
        elif (port := host.queue.take(now)) is not None:
            self._put_out(host, port, now)
        self._settle_silent(host, now)
        if len(host.queue):
            self._schedule(host, max(now, host.queue.due(now)))
        elif not host.queue.tells:
            self._hosts.pop(host.text, None)

    def _put_out(self, host: UdpHost, port: int, now: float) -> None:
        payloads = self._payloads(host, port)
        host.allowance.ready(now, len(payloads))
        host.allowance.took(len(payloads))
        token, last = host.token(self._secret, port), host.queue.is_canary(port)
        source = host.next_source()
        self._outbox.extend(
            (host, Probe(host.address, host.text, port, payload, token, source, host.way, last)) for payload in payloads
        )

    def _payloads(self, host: UdpHost, port: int) -> Sequence[Payload]:
        """Return all questions of a port the first time; then one at a time, each in turn."""
        questions = self._catalogue.of(port)
        if not questions:
            return (EMPTY,)
        turn = host.tries.get(port, 0)
        host.tries[port] = turn + 1
        chosen = questions if not turn else (questions[turn % len(questions)],)
        return [question.payload for question in chosen]

    def _empty_outbox(self) -> bool:
        """Send what is in the outbox; return whether all of it went."""
        while self._outbox:
            now = monotonic()
            count = self._allowance.ready(now, min(len(self._outbox), _LOT))
            if not count:
                return False
            lot = [self._outbox.popleft() for _ in range(count)]
            failed = self._wire.send([probe for _, probe in lot])
            self._allowance.took(count - len(failed))
            if not self._take_stock(lot, failed, now):
                return False
        return True

    def _take_stock(self, lot: list[tuple[UdpHost, Probe]], failed: Mapping[int, int], now: float) -> bool:
        """Count what went, settle what failed, put back what there was no room for; return whether all had room."""
        back = []
        for place, (host, probe) in enumerate(lot):
            error = failed.get(place, 0)
            if error in NO_ROOM and self._strikes < _STRIKES:
                back.append((host, probe))
            elif error:
                self._failed(host, probe.port, error, now)
            else:
                self._sent += 1
                if probe.port in host.places:
                    host.places[probe.port][0].sent += 1
        self._outbox.extendleft(reversed(back))
        self._strikes = self._strikes + 1 if back else 0
        return not back

    def _failed(self, host: UdpHost, port: int, error: int, now: float) -> None:
        """Settle a port to which nothing could be sent: no route, or a failure of this machine."""
        if error in _LINK_DOWN and self._wire.way(host.way, now) is WayState.SOUGHT:
            return  # the link may come back: as good as lost on the way
        if error in _NO_WAY:
            self.settle_host(host, reason_code(Reason.NO_ROUTE), now)
        elif error == errno.EACCES and host.address.version == 4:  # a broadcast address: no host (socket(7))
            self.settle_host(host, reason_code(Reason.HOST_UNREACHABLE), now)
        elif port in host.places:
            self.settle(host, port, local_error_code(error), now)
            host.queue.drop(port)

    def _wind_down(self, now: float) -> None:
        """Hear what is still on its way, but not for long; then end every wave as it is."""
        self._exhausted = True
        self._stopped_at = min(self._stopped_at, now)
        if now - self._stopped_at >= _GRACE or not self._active:
            for flight in list(self._active):
                self._finish(flight)

    # -- what came of it ---------------------------------------------------------------------------------------

    def _settle_silent(self, host: UdpHost, now: float) -> None:
        queue = host.queue
        if not queue.settled:
            return
        limited = sum(reason is Reason.UDP_NO_RESPONSE_LIMITED for _, reason in queue.settled)
        if limited:
            self._limited += limited
            self._limited_hosts += 1
            told = queue.icmp.told_a_second
            self._more_seconds = max(self._more_seconds, limited / told if told else 0.0)
        cut = self._wire.was_cut(host.way, host.began)
        for port, reason in queue.settled:
            self.settle(host, port, reason_code(Reason.LINK_DOWN if cut else reason), now)
        queue.settled.clear()

    def settle(self, host: UdpHost, port: int, code: int, now: float, rtt: float | None = None) -> tuple[UdpWave, int]:
        """Record the outcome of a port that is not settled; return its wave and place."""
        flight, place = host.places.pop(port)
        host.tries.pop(port, None)
        host.wandering.discard(port)
        flight.settle(place, code, now + self._clock_offset, float("nan") if rtt is None else rtt)
        self._wire.done_with(host.text, port)
        self._settled += 1
        if not flight.left:
            self._finish(flight)
        return flight, place

    def settle_host(self, host: UdpHost, code: int, now: float) -> None:
        """Record one outcome for every port of a host."""
        if host.places and code == reason_code(Reason.HOST_UNREACHABLE):
            next(iter(host.places.values()))[0].absent.append(host.index)
        for port in host.queue.give_up():
            if port in host.places:
                self.settle(host, port, code, now)

    def found_open(self) -> None:
        """Count an open endpoint."""
        self._opened += 1

    def _finish(self, flight: UdpWave) -> None:
        if flight in self._active:
            del self._active[flight]
            self._done.append(flight.result(time()))
