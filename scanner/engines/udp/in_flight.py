"""A wave under way: what is known of each of its places so far. And one of its hosts: what is asked of it next."""

import socket
from hashlib import blake2b
from math import nan

import numpy as np

from scanner.core.model import Address
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.rate.allowance import Allowance
from scanner.core.recognise.identity import Identity
from scanner.core.udp.host_queue import HostQueue
from scanner.core.udp.question import TOKEN_BYTES

_NOT_PROBED = reason_code(Reason.NOT_PROBED)
_INTERRUPTED = reason_code(Reason.INTERRUPTED)
KERNEL_REPORTS = 2
"""Reports of our own kernel that settle a host as a whole."""


class UdpWave:
    """The places of one wave."""

    def __init__(self, wave: Wave) -> None:
        size = len(wave)
        self.wave = wave
        self.left, self.sent = size, 0
        self.identities: dict[int, Identity] = {}
        self.evidence: dict[int, str] = {}
        self.absent: list[int] = []
        """Hosts found absent, by their index in the target set."""
        self._reason = np.full(size, _NOT_PROBED, np.uint16)
        self._at = np.zeros(size)
        self._rtt = np.full(size, np.nan, np.float32)

    def settle(self, place: int, code: int, at: float, rtt: float = nan) -> None:
        """Record the outcome of a place; `at` in seconds since the epoch, `rtt` in seconds."""
        self._reason[place], self._at[place], self._rtt[place] = code, at, rtt
        self.left -= 1

    def result(self, now: float) -> SettledWave:
        """Return the wave as of `now` (seconds since the epoch); places without an outcome are interrupted."""
        untold = self._reason == _NOT_PROBED
        self._reason[untold] = _INTERRUPTED
        self._at[untold] = now
        return SettledWave(
            wave=self.wave,
            reason=self._reason,
            at=self._at,
            rtt=self._rtt,
            sent=self.sent,
            complete=not untold.any(),
            evidence=self.evidence,
            unreachable_hosts=len(self.absent),
            absent=tuple(self.absent),
            identities=self.identities,
        )


class UdpHost:
    """One address, as long as something is asked of it or remembered."""

    __slots__ = (
        "_route_source",
        "_sources",
        "_turn",
        "address",
        "allowance",
        "began",
        "index",
        "places",
        "queue",
        "reports",
        "scheduled",
        "text",
        "tries",
        "wandering",
        "way",
    )

    def __init__(
        self, address: Address, index: int, patience: float, host_rate: float | None, sources: tuple[str, ...] = ()
    ) -> None:
        """Ask from `sources` in turn; none leaves it to the routes."""
        self.address, self.index, self.text = address, index, str(address)
        self.queue = HostQueue(patience, askers=max(1, len(sources)))
        self._sources, self._turn = sources, 0
        self.allowance = Allowance(host_rate)
        self.places: dict[int, tuple[UdpWave, int]] = {}
        """Where each port that is not settled belongs."""
        self.tries: dict[int, int] = {}
        """How often each of them was asked."""
        self.reports: dict[Reason, int] = {}
        """What our own kernel said of the address, and how often."""
        self.scheduled = False
        self.wandering: set[int] = set()
        """Those of `places` whose answer may come from elsewhere."""
        self.way = 0
        """The number of the way there, as the wire counts."""
        self.began = 0.0
        """When its latest wave began, on the monotonic clock."""
        self._route_source: str | None = None

    def next_source(self) -> str:
        """Return the address to ask from next; empty leaves it to the routes.

        A group of suspects and its canary are asked from one address: the canary's error shows that this one had
        allowance left.
        """
        if not self._sources:
            return ""
        self._turn += not self.queue.proving
        return self._sources[self._turn % len(self._sources)]

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the addresses from which this machine speaks to the host; none where that is not known."""
        if self._sources:
            return self._sources
        if self._route_source is None:
            self._route_source = _source_towards(self.address.version, self.text)
        return (self._route_source,) if self._route_source else ()

    @property
    def is_this_machine(self) -> bool:
        """Return whether the host is this very machine."""
        return self.address.is_loopback or self.text in self.sources

    def token(self, key: bytes, port: int) -> bytes:
        """Return the keyed bytes that prove an answer from a port."""
        return blake2b(self.address.packed + port.to_bytes(2), key=key, digest_size=TOKEN_BYTES).digest()

    def reported(self, reason: Reason) -> bool:
        """Count a kernel report about the address; return whether there are enough to settle every port by it."""
        self.reports[reason] = self.reports.get(reason, 0) + 1
        return self.reports[reason] >= KERNEL_REPORTS


def _source_towards(version: int, text: str) -> str:
    """Return the source address that the kernel chooses. Connecting a datagram socket sends nothing."""
    try:
        with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as ask:
            ask.connect((text, 9))
            return str(ask.getsockname()[0])
    except OSError:
        return ""
