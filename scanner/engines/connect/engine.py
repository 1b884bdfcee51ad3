"""The connect engine: TCP connect() by the operating system, without any privilege.

Built for one core and one thread: waves in flight keep what is known of each endpoint (`in_flight.py`), a schedule says
which endpoint is next (`schedule.py`), a prober probes it (`epoll.py` or `portable.py`), a table classifies the errno
(`outcome.py`), and `run.py` ties them to asyncio's loop.

Times. An unanswered SYN is sent again by the kernel after one second, whatever we want. The default timeout lies below
that, so one probe is one packet and the promised rate is the rate on the wire; a longer timeout is allowed for slow
links, and the limits are then divided by the packets it may cause. The kernel gives up on ARP or neighbour discovery
after three seconds: with the default gap between attempts, the second one is under way then and learns of it, so that
an absent host is told from a silent one even where it is probed on one port only.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from scanner.core.model import Address
from scanner.core.plan.recall import HiddenOpen
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.found import PathRate
from scanner.core.rate.limits import Limits, packets_of
from scanner.core.rate.pacing import Pacing, fixed
from scanner.engines.connect.absent_hosts import NEIGHBOUR_NEWS_AVAILABLE, AbsenceWatch
from scanner.engines.connect.attempt import OutcomeSink, Prober
from scanner.engines.connect.batch_gate import BatchGate, ProbeGate, TickGate
from scanner.engines.connect.epoll import EPOLL_AVAILABLE, EpollProber
from scanner.engines.connect.hosts import HostBook
from scanner.engines.connect.pace_keeper import PaceKeeper
from scanner.engines.connect.portable import PortableProber
from scanner.engines.connect.run import PUMP_TICK, ConnectRun
from scanner.engines.connect.settling import LEAST_GAP, Settling
from scanner.engines.connect.ways import WayOf, Ways
from scanner.engines.interface import PathReport, Progress
from scanner.engines.socket_budget import Room, socket_budget

_MOST_SOCKETS = 16_384
_UNPACED_SOCKETS, _UNPACED_SLOW_SOCKETS = 4096, 512


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """How the connect engine probes."""

    timeout: float = 0.8
    """Seconds to wait for the answer to one probe."""
    retries: int | None = 1
    """Further probes of an endpoint that did not answer; None for as many as loss on the way makes necessary."""
    retry_gap: float = 2.6
    """Seconds from one probe of an endpoint to the next; at least 1, and never less than the timeout in effect."""
    parallel: int | None = None
    """Maximum number of sockets in use at once; None for as many as the rate needs and the system allows."""
    portable: bool = False
    """Use the portable prober even where epoll is available."""
    planned: int = 0
    """Endpoints of the whole plan, by which the number of tries is found where it follows from need; 0: unknown."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 60:
            raise ValueError(f"timeout: above 0 and up to 60 seconds, not {self.timeout}")
        if self.retries is not None and not 0 <= self.retries <= 20:
            raise ValueError(f"retries: 0 to 20, not {self.retries}")
        if not self.retry_gap >= LEAST_GAP:
            raise ValueError(f"retry_gap: at least {LEAST_GAP} s, not {self.retry_gap}")
        if self.parallel is not None and self.parallel < 1:
            raise ValueError(f"parallel: at least 1, not {self.parallel}")

    @property
    def packets(self) -> int:
        """SYNs that one unanswered probe may put on the wire (Linux repeats them once a second at most)."""
        return packets_of(self.timeout)


class ConnectEngine:
    """Turns waves into settled waves by connect()."""

    name = "connect"

    def __init__(
        self,
        options: ConnectOptions,
        pacing: Pacing | Limits,
        permitted: Callable[[Address], bool] | None = None,
        *,
        way_of: WayOf | None = None,
        alone: bool = True,
    ) -> None:
        """`pacing` says how fast; limits alone are a fixed rate.

        `permitted` is asked once about each address, before the first probe of its wave. `way_of` says which way out
        an address takes; without it all take one, by a router. `alone` is False in a worker of a pool (`pool.py`):
        other processes of ours probe too.
        """
        self._options = options
        pacing = fixed(pacing) if isinstance(pacing, Limits) else pacing
        self._pacing = pacing.part(pacing.limits.shared_by(options.packets))
        self._permitted, self._way_of, self._alone = permitted, way_of, alone
        self._run: ConnectRun | None = None
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """How far the running `run` has come."""
        return Progress() if self._run is None else self._run.progress

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return ()

    @property
    def found_rates(self) -> tuple[PathRate, ...]:
        """What was found of each way out: rate, loss, round trip, and what holds it back. Empty at a fixed rate."""
        return () if self._run is None else self._run.statistics.rates

    @property
    def fragile(self) -> tuple[str, ...]:
        """The addresses that were let go because they answered ever more slowly."""
        return () if self._run is None else self._run.statistics.fragile

    @property
    def hidden(self) -> HiddenOpen | None:
        """What may have been missed, from what is known of loss and of silence; None before the first probe."""
        return None if self._run is None else self._run.statistics.hidden

    @property
    def path_report(self) -> PathReport:
        """See `interface.PathReport`."""
        if self._run is None:
            return PathReport()
        said = self._run.statistics
        fragile = (
            f"{address} answered ever more slowly and was let go: one probe a second" for address in said.fragile
        )
        return PathReport(said.hidden, (*(rate.words() for rate in said.rates), *said.slow, *fragile))

    def stop(self) -> None:
        """Send no new probe; what is under way is settled within a second. May be called from a signal handler."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    def wake(self) -> None:
        """Resume after the iterator gave None: it has waves again."""
        if self._run is not None:
            self._run.wake()

    async def run(self, waves: Iterable[Wave | None]) -> AsyncGenerator[SettledWave, None]:
        """Probe and settle every wave of `waves`, which may give None where there is none yet (see `wake`).

        Raises:
            OutOfScope: an address is not permitted; before any probe of its wave.
        """
        if self._stopped:
            return
        options, pacing = self._options, self._pacing
        room = Room(socket_budget(self._wanted_sockets()))
        book = HostBook(None if pacing.adaptive else pacing.limits.host_rate, self._permitted, Ways(self._way_of))
        pace = PaceKeeper(pacing, book) if pacing.adaptive else None
        settling = Settling(
            waves,
            book,
            tries=None if options.retries is None else options.retries + 1,
            planned=options.planned,
            retry_gap=options.retry_gap,
            room=room,
            pace=pace,
            alone=self._alone,
        )
        self._run = ConnectRun(
            settling,
            self._gate(pace),
            timeout=options.timeout,
            room=room,
            prober=self._prober(),
            watch=_watch(),
            book=book,
        )
        async with aclosing(self._run.settled()) as settled:
            async for each in settled:
                yield each

    def _gate(self, pace: PaceKeeper | None) -> ProbeGate | None:
        if pace is not None:
            return TickGate(lambda: pace.rate)
        return None if self._pacing.limits.rate is None else BatchGate(self._pacing.limits.rate)

    def _wanted_sockets(self) -> int:
        """Return enough sockets to wait for every probe of the last timeout at once."""
        if self._options.parallel is not None:
            return self._options.parallel
        if self._pacing.limits.rate is None and self._pacing.adaptive:
            return _MOST_SOCKETS if self._is_fast else _UNPACED_SLOW_SOCKETS
        if self._pacing.limits.rate is None:
            return _UNPACED_SOCKETS if self._is_fast else _UNPACED_SLOW_SOCKETS
        return max(64, min(_MOST_SOCKETS, int(self._pacing.limits.rate * (self._options.timeout + 4 * PUMP_TICK))))

    def _prober(self) -> Callable[[OutcomeSink, Callable[[], None]], Prober]:
        return EpollProber if self._is_fast else PortableProber

    @property
    def _is_fast(self) -> bool:
        return EPOLL_AVAILABLE and not self._options.portable


def _watch() -> AbsenceWatch | None:
    """Return a watch for absent hosts where the system announces them; elsewhere timeouts have to do."""
    try:
        return AbsenceWatch() if NEIGHBOUR_NEWS_AVAILABLE else None
    except OSError:
        return None
