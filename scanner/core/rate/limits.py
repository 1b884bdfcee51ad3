"""How many probes may go now: limits as values, and the arithmetic of keeping to them.

Two limits hold at once: a global rate, and a cap for each host so that one host never gets what was meant for
a network. A limit of r probes a second is a promise about *every* window of one second, wherever it begins.

Theory. A token bucket of depth b that gains a token every T seconds lets at most b + ceil(W / T) - 1 probes
through in any window of W seconds: b that were saved up, then one every T. To keep that at r for W = 1, the
bucket must gain no more than r - (b - 1) tokens a second. So depth is bought with rate: a depth of one tick's
worth (2 % of a second) costs at most 2 % of the rate, and the promise is exact. An idle stretch, a suspended
process or a sleeping machine saves up b at most, so there is no burst of catching up afterwards.

Who cannot hear of each other when they send (an engine in other threads or processes, and those who ask open ports)
get a part of the limit each. Each keeps its own promise, so at most ceil(a) + ceil(b) probes go in any second; where
one of the parts is a whole number that is ceil(a + b), the promise of the whole. So limits are divided in whole
probes. Between 1 and 2 a second, halves do the same: 1 + 1. A limit of 1 or less cannot be divided.

The bucket is kept as the one number of the generic cell rate algorithm (ITU-T I.371, Annex A): the time at
which it would be full again. `Batching` is the same bound for a limiter that lets whole batches go. Time comes in
as an argument, in seconds on any clock that never goes back. `spacing.py` does the same for whole batches in numpy.
"""

from dataclasses import dataclass
from math import ceil

TICK = 0.02
"""Seconds of probes that may go at once: coarse enough to cost nothing, fine enough to look even."""

_LATENESS = 0.05
"""Seconds by which a timeout may be noticed late."""

_ROUNDING = 1e-6
"""Tokens: what floating point may make of sums of intervals. Only moves a probe by a millionth of an interval."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows. None means no limit."""

    rate: float | None = 5000.0
    """Probes a second, over all hosts, retries and questions to open ports included."""
    host_rate: float | None = 1000.0
    """Probes a second to one address, likewise."""

    def shared_by(self, packets: int) -> "Limits":
        """The limits in probes a second where each probe puts that many packets on the wire.

        In whole probes where there is at least one, or rounding up would let a packet too many through.
        """
        return Limits(rate=_shared(self.rate, packets), host_rate=_shared(self.host_rate, packets))

    def divided(self, one_in: int) -> tuple["Limits", "Limits"]:
        """Two parts that together keep to these limits: most of each, and one in so many (2 or more) of its probes.

        Raises:
            ValueError: a limit of one probe a second or less.
        """
        rate, host_rate = _divided(self.rate, one_in), _divided(self.host_rate, one_in)
        return Limits(rate[0], host_rate[0]), Limits(rate[1], host_rate[1])

    @property
    def rest(self) -> float:
        """Seconds that must lie between two who keep to these limits one after the other; 0 without limits."""
        given = [limit for limit in (self.rate, self.host_rate) if limit is not None]
        return max((1.0, *(1 / limit for limit in given))) if given else 0.0


def packets_of(timeout: float) -> int:
    """SYNs that one unanswered connect() may put on the wire while it is waited for.

    Linux repeats them once a second at most (tcp(7), tcp_syn_linear_timeouts). `timeout` is in seconds.
    """
    return 1 + int(timeout + _LATENESS)


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
        """Seconds until one probe may go; 0 where it may go now, as `take` sees it."""
        wait = self._full_at - now - (self._depth - 1) * self._interval
        return wait if wait > _ROUNDING * self._interval else 0.0

    def is_full(self, now: float) -> bool:
        """Whether it is as good as a new one, so that it may be forgotten."""
        return self._full_at <= now


def _shared(limit: float | None, packets: int) -> float | None:
    if limit is None:
        return None
    return limit // packets or limit / packets


def _divided(limit: float | None, one_in: int) -> tuple[float | None, float | None]:
    if limit is None:
        return None, None
    if not limit > 1:
        raise ValueError(f"a limit of {limit:g} a second cannot be divided")
    part = max(1.0, limit // one_in) if limit >= 2 else limit / 2
    return limit - part, part


def _depth(rate: float, tick: float) -> int:
    if not rate > 0:
        raise ValueError(f"a rate is above 0, not {rate}")
    return max(1, int(rate * tick))


def _interval(rate: float, depth: int) -> float:
    return 1.0 / (rate - (depth - 1))


def _missing(seconds: float, interval: float) -> int:
    """Tokens that a bucket lacks which will be full in so many seconds, rounded up."""
    return ceil(seconds / interval - _ROUNDING)
