"""What the user allows, as values, and how it is divided among senders.

Two limits hold at once: a global rate, and a cap for each host so that one host never gets what was meant for
a network. A limit of r probes a second is a promise about *every* window of one second, wherever it begins;
`allowance.py` is the arithmetic that keeps it, with the proof.

Senders that cannot hear of each other when they send (processes, threads, those who ask open ports) get a part of the
limit each. Each keeps its own promise, so parts a and b let ceil(a) + ceil(b) probes go in a second; where all
but one of the parts are whole numbers that is ceil(a + b), the promise of the whole. So limits are divided in whole
probes (`divide`). Between 1 and 2 a second, halves do the same: 1 + 1. A limit of 1 or less cannot be divided.

Parts that are moved from one sender to another while they send: take before you give. Whoever loses confirms before
the winner is told. A second that straddles the move then holds at most ceil(m_i) probes of each of n senders, where the
means m_i add up to the limit at most; rounding up may add n - 1, so `divide(..., moving=True)` keeps n - 1 back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_LATENESS = 0.05
"""Seconds by which a timeout may be noticed late."""


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
        rate, host_rate = (
            (None, None) if limit is None else divide(limit, (one_in - 1, 1)) for limit in (self.rate, self.host_rate)
        )
        return Limits(rate[0], host_rate[0]), Limits(rate[1], host_rate[1])

    def among(self, senders: int, packets: int = 1) -> "Limits":
        """The equal part of each of so many senders, in whole probes of so many packets each, told in packets.

        Raises:
            ValueError: less than one probe a second for each.
        """
        return Limits(_equal(self.rate, senders, packets), _equal(self.host_rate, senders, packets))

    @property
    def rest(self) -> float:
        """Seconds that must lie between two who keep to these limits one after the other; 0 without limits."""
        given = [limit for limit in (self.rate, self.host_rate) if limit is not None]
        return max((1.0, *(1 / limit for limit in given))) if given else 0.0


UNLIMITED = Limits(rate=None, host_rate=None)
"""For loopback, where nobody else is on the wire."""


def divide(limit: float, weights: Sequence[float], *, moving: bool = False) -> tuple[float, ...]:
    """Parts of a limit, in proportion to weights, that together keep its promise; the first gets what is left over.

    Each gets one probe a second at least. `moving`: the parts may be changed while probes go.

    Raises:
        ValueError: a limit too small for so many.
    """
    others = len(weights) - 1
    whole = limit - others if moving else limit
    if others == 1 and not moving and 1 < limit < 2:
        return limit / 2, limit / 2
    if others and not whole >= len(weights):
        raise ValueError(f"a limit of {limit:g} a second cannot be divided")
    total = sum(weights)
    rest = [max(1.0, float(whole * weight // total)) for weight in weights[1:]]
    while sum(rest) > whole - 1:  # many small weights were raised to 1: the largest give way
        rest[rest.index(max(rest))] -= 1.0
    return whole - sum(rest), *rest


def packets_of(timeout: float) -> int:
    """SYNs that one unanswered connect() may put on the wire while it is waited for.

    Linux repeats them once a second at most (tcp(7), tcp_syn_linear_timeouts). `timeout` is in seconds.
    """
    return 1 + int(timeout + _LATENESS)


def fastest(limits: Limits, hosts: int) -> float | None:
    """The most probes a second that may go to so many hosts; None for no limit."""
    together = None if limits.host_rate is None else limits.host_rate * hosts
    return min((rate for rate in (limits.rate, together) if rate is not None), default=None)


def _shared(limit: float | None, packets: int) -> float | None:
    if limit is None:
        return None
    return limit // packets or limit / packets


def _equal(limit: float | None, senders: int, packets: int) -> float | None:
    if limit is None:
        return None
    probes = int(limit // (senders * packets))
    if not probes:
        raise ValueError(f"{limit} packets a second are too few for {senders} workers")
    return float(probes * packets)
