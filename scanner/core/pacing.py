"""How many probes may go now: limits as values, and the arithmetic of keeping to them.

Two limits hold at once: a global rate, and a cap for each host so that one host never gets what was meant for
a network. A limit of r probes a second is a promise about *every* window of one second, wherever it begins.

Theory. A token bucket of depth b that gains a token every T seconds lets at most b + ceil(W / T) - 1 probes
through in any window of W seconds: b that were saved up, then one every T. To keep that at r for W = 1, the
bucket must gain no more than r - (b - 1) tokens a second. So depth is bought with rate: a depth of one tick's
worth (2 % of a second) costs at most 2 % of the rate, and the promise is exact. An idle stretch, a suspended
process or a sleeping machine saves up b at most, so there is no burst of catching up afterwards.

The bucket is kept as the one number of the generic cell rate algorithm (ITU-T I.371, Annex A): the time at
which it would be full again. `Batching` is the same bound for a limiter that lets whole batches go. Time comes in
as an argument, in seconds on any clock that never goes back. `spacing.py` does the same for whole batches in numpy.
"""

from dataclasses import dataclass
from math import ceil

TICK = 0.02
"""Seconds of probes that may go at once: coarse enough to cost nothing, fine enough to look even."""

_ROUNDING = 1e-6
"""Tokens: what floating point may make of sums of intervals. Only moves a probe by a millionth of an interval."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows. None means no limit."""

    rate: float | None = 5000.0
    """Probes a second, over all hosts, retries included."""
    host_rate: float | None = 1000.0
    """Probes a second to one address, retries included."""

    def shared_by(self, packets: int) -> "Limits":
        """The limits in probes a second where each probe puts that many packets on the wire."""
        return Limits(
            rate=None if self.rate is None else self.rate / packets,
            host_rate=None if self.host_rate is None else self.host_rate / packets,
        )


def fastest(limits: Limits, hosts: int) -> float | None:
    """The most probes a second that may go to so many hosts; None for no limit."""
    together = None if limits.host_rate is None else limits.host_rate * hosts
    return min((rate for rate in (limits.rate, together) if rate is not None), default=None)


UNLIMITED = Limits(rate=None, host_rate=None)
"""For loopback, where nobody else is on the wire."""


@dataclass(frozen=True, slots=True)
class Batching:
    """Batches at a distance: no window of one second holds more than the rate they were made for."""

    batch: int
    """Probes that go at once."""
    period: float
    """Seconds from the start of one batch to the start of the next."""


def batching(rate: float, tick: float = TICK) -> Batching:
    """The batches, about `tick` seconds apart, that keep to `rate` probes a second."""
    batch = _depth(rate, tick)
    return Batching(batch, batch * _interval(rate, batch))


class Bucket:
    """A limit on one flow of probes."""

    __slots__ = ("_depth", "_full_at", "_interval")

    def __init__(self, rate: float, tick: float = TICK) -> None:
        """At most `rate` probes in any second, at most about `tick` seconds' worth of them at once."""
        self._depth = _depth(rate, tick)
        self._interval = _interval(rate, self._depth)
        self._full_at = float("-inf")

    def take(self, now: float, wanted: int = 1) -> int:
        """How many of the wanted probes may go now; they count as gone."""
        full_at = max(self._full_at, now)
        granted = min(wanted, self._depth - _missing(full_at - now, self._interval))
        if granted <= 0:
            return 0
        self._full_at = full_at + granted * self._interval
        return granted

    def wait(self, now: float) -> float:
        """Seconds until one probe may go; 0 where it may go now."""
        return max(0.0, self._full_at - now - (self._depth - 1) * self._interval)


def _depth(rate: float, tick: float) -> int:
    if not rate > 0:
        raise ValueError(f"a rate is above 0, not {rate}")
    return max(1, int(rate * tick))


def _interval(rate: float, depth: int) -> float:
    return 1.0 / (rate - (depth - 1))


def _missing(seconds: float, interval: float) -> int:
    """Tokens that a bucket lacks which will be full in so many seconds, rounded up."""
    return ceil(seconds / interval - _ROUNDING)
