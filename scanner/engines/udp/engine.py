"""The UDP engine: what the rest of the program sees of it. It needs no right, unless it is to send frames.

A wave becomes places of hosts. Each host has a queue (`core/udp/host_queue.py`) that says what to ask next and when its
silence is proven; `run.py` asks what is due, within the limits, and hears; a wire sends (`frames.py` with raw sockets,
`error_queue.py` on Linux without, `connected.py` elsewhere).
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanner.core.model import Address
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.limits import Limits
from scanner.core.udp.catalogue import Catalogue
from scanner.engines.interface import Progress
from scanner.engines.udp import error_queue
from scanner.engines.udp.connected import ConnectedWire
from scanner.engines.udp.run import UdpRun
from scanner.engines.udp.wire import UdpWire

if TYPE_CHECKING:
    from scanner.engines.udp.frames import FrameOptions

PATIENCE = 60.0
"""Default of the seconds for telling closed ports of one host from silent ones."""


@dataclass(frozen=True, slots=True)
class UdpOptions:
    """How the UDP engine asks."""

    secret: bytes
    """Sixteen random bytes: the key of the tokens."""
    patience: float = PATIENCE
    """Seconds for telling closed ports of one host from silent ones."""
    communities: tuple[bytes, ...] = ()
    """SNMP communities that the user asked to be tried."""
    required: Callable[[Wave], Iterable[int]] | None = field(default=None, repr=False)
    """The places of a wave that the policy wants to be open: they are looked into before others."""
    sources: tuple[Address, ...] = ()
    """Addresses of this machine to ask from in turn; none leaves it to the routes."""
    portable: bool = False
    """Use connected sockets even where the error queue is there."""
    frames: "FrameOptions | None" = None
    """How to send frames; None for sockets."""

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError("secret: at least 16 bytes")
        if not 0 <= self.patience <= 1e6:
            raise ValueError(f"patience: 0 to 1,000,000 seconds, not {self.patience}")


class UdpEngine:
    """Turns waves of UDP endpoints into settled waves. Obeys `interface.Engine`."""

    name = "udp"

    def __init__(self, options: UdpOptions, limits: Limits, permitted: Callable[[Address], bool] | None = None) -> None:
        """Ask `permitted` once about each address, before the first datagram to it."""
        self._options, self._limits, self._permitted = options, limits, permitted
        self._run: UdpRun | None = None
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """See `interface.Engine`."""
        return Progress() if self._run is None else self._run.progress

    @property
    def notes(self) -> tuple[str, ...]:
        """See `interface.Engine`."""
        if self._run is None:
            return ()
        sources = self._options.sources
        count = f"{len(sources)} address{'es' * (len(sources) > 1)}"
        asked_from = f"UDP was asked from {count} (--source): {', '.join(map(str, sources))}"
        return (*([asked_from] if sources else []), *self._run.notes)

    def stop(self) -> None:
        """See `interface.Engine`."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    async def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """See `interface.Engine`. The waves hold UDP endpoints only.

        Raises:
            NotPermitted: frames are asked for without the right to raw sockets.
            InvalidInput: there is no such interface, or it cannot be used.
            OutOfScope: an address is not permitted; before any datagram of its wave.
        """
        if self._stopped:
            return
        options = self._options
        self._run = UdpRun(
            waves,
            self._wire(),
            Catalogue(options.communities),
            self._limits,
            secret=options.secret,
            patience=options.patience,
            sources={v: tuple(str(each) for each in options.sources if each.version == v) for v in (4, 6)},
            permitted=self._permitted,
            required=options.required,
        )
        async with aclosing(self._run.settled()) as settled:
            async for each in settled:
                yield each

    def _wire(self) -> UdpWire:
        if self._options.frames is not None:
            from scanner.engines.udp.frames import FrameWire

            return FrameWire(self._options.frames)
        portable = self._options.portable or not error_queue.AVAILABLE
        return ConnectedWire() if portable else error_queue.ErrorQueueWire()
