"""The SYN engine as the rest of the program sees it.

The work is done by two threads, one that sends and decides (`loop.py`) and one that listens (`listener.py`): a packet's
time is spent in the kernel and in numpy, which both release the interpreter's lock, so the two really run at once.
asyncio is only the door. `run` hands waves to the sending thread when it asks for them and yields what comes back; a
slow consumer makes the engine send slowly, since waves are only handed over while one waits for results. The threads
are started by `run`, in the network namespace of its caller.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.limits import Limits
from scanner.core.rate.pacing import Pacing, fixed
from scanner.engines.choose import EngineName, demand_raw
from scanner.engines.interface import PathReport, Progress
from scanner.engines.packets.pcap import PcapWriter
from scanner.engines.syn.loop import SynLoop
from scanner.engines.syn.options import Permitted, SynOptions, SynStatistics
from scanner.engines.syn.parts import assemble
from scanner.engines.syn.route_output import sender_opener
from scanner.engines.syn.supply import Supply

_SWITCH = 0.0002
"""Seconds after which one thread makes room for the other. Python's 5 ms would keep the sender waiting for longer than
a batch takes to send, each time it comes back from the kernel while the listener computes."""


class _Want:
    """Event: the sending thread asks for one more wave."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """Event: the sending thread has ended."""

    error: BaseException | None = None


_Event = _Want | _Ended | SettledWave


class SynEngine:
    """Probes by SYN through packet sockets. Obeys `interface.Engine`. Linux only; needs CAP_NET_RAW."""

    def __init__(self, options: SynOptions, pacing: Pacing | Limits, permitted: Permitted) -> None:
        """`Limits` alone are a fixed rate. `permitted` is asked about every address again where frames are built."""
        self._options, self._permitted = options, permitted
        self._pacing = fixed(pacing) if isinstance(pacing, Limits) else pacing
        self._loop: SynLoop | None = None
        self._supply: Supply | None = None
        self._stopping = False
        self._notes: dict[str, str] = {}

    @property
    def name(self) -> str:
        """See `interface.Engine`."""
        return EngineName.SYN

    @property
    def progress(self) -> Progress:
        """See `interface.Engine`."""
        return self._loop.progress if self._loop else Progress()

    @property
    def statistics(self) -> SynStatistics:
        """What was counted beyond the waves: forged, late and lost answers."""
        return self._loop.statistics if self._loop else SynStatistics()

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        return (*self._notes.values(), *self.statistics.notes())

    @property
    def path_report(self) -> PathReport:
        """See `interface.PathReport`."""
        said = self.statistics
        return PathReport(said.hidden, (*(rate.words() for rate in said.paths), *said.holding))

    def stop(self) -> None:
        """See `interface.Engine`."""
        self._stopping = True
        if self._supply:
            self._supply.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """See `interface.Engine`.

        Raises:
            NotPermitted: no privilege for raw sockets; before any probe.
            InvalidInput: there is no such interface, or no way to send on it.
            OutOfScope: a wave holds an address that is not permitted.
        """
        demand_raw(EngineName.SYN)
        inbox: asyncio.Queue[_Event] = asyncio.Queue()
        post = _poster(asyncio.get_running_loop(), inbox)
        capture = PcapWriter(self._options.pcap) if self._options.pcap else None
        self._supply = supply = Supply(lambda: post(_Want()))
        self._loop = loop = self._make(supply, post, capture)
        closing = threading.Event()
        thread = threading.Thread(target=_work, args=(loop, closing, post), name="syn-sender", daemon=True)
        thread.start()
        source, interval = iter(waves), sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        try:
            while not isinstance(event := await inbox.get(), _Ended):
                if isinstance(event, SettledWave):
                    yield event
                else:
                    supply.give(None if self._stopping else next(source, None))
            if event.error:
                raise event.error
        finally:
            sys.setswitchinterval(interval)
            closing.set()
            thread.join()
            loop.close()
            if capture:
                capture.close()

    def _make(self, supply: Supply, post: Callable[[_Event], None], capture: PcapWriter | None) -> SynLoop:
        parts = assemble(
            self._options,
            self._pacing,
            self._permitted,
            open_sender=sender_opener(self._options.wire, self._notes),
            keep=capture.write if capture else None,
        )
        return SynLoop(parts, self._options, self._permitted, supply, post)


def _work(loop: SynLoop, closing: threading.Event, post: Callable[[_Event], None]) -> None:
    """Run the sending thread."""
    try:
        loop.run(closing.is_set)
    except BaseException as error:  # noqa: BLE001 - raised again where the results are awaited
        post(_Ended(error))
    else:
        post(_Ended())


def _poster(loop: asyncio.AbstractEventLoop, inbox: "asyncio.Queue[_Event]") -> Callable[[_Event], None]:
    """Return a function that puts events into the inbox, from any thread."""

    def post(event: _Event) -> None:
        loop.call_soon_threadsafe(inbox.put_nowait, event)

    return post
