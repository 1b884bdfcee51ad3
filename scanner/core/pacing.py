"""How many probes may go now: limits as values, and the arithmetic of keeping to them.

Two limits hold at once: a global rate, and a cap for each host so that one host never gets what was meant for
a network. Both are kept by spacing rather than by counting: a limiter that releases at most `rate * period`
permits each `period` and never hands out what an idle stretch left unused cannot exceed `rate` in any rolling
second by more than one batch, and cannot burst after a stop (the process was suspended, the machine slept).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows. None means no limit."""

    rate: float | None = 5000.0
    """Probes a second, over all hosts, retries included."""
    host_rate: float | None = 1000.0
    """Probes a second to one address, retries included."""


UNLIMITED = Limits(rate=None, host_rate=None)
"""For loopback, where nobody else is on the wire."""
