"""What may be sent now, over all limits: the user's, and those that were found (`found.py`).

With a fixed rate there is one allowance for everything and one for each host, and nothing else is looked at. With a
rate that finds itself these stay as ceilings, and the least of what way, host and ceiling allow may go.
"""

import numpy as np

from scanner.core.columns import I64, U64, Mask
from scanner.core.rate.allowance import SLACK, Allowance, HostAllowances
from scanner.core.rate.found import HOST_SLACK, ROUTED_SLACK, FoundRates
from scanner.core.rate.pacing import Pacing


class Budget:
    """Lets probes go. Times in seconds on a monotonic clock."""

    def __init__(self, pacing: Pacing) -> None:
        """Nothing was sent yet."""
        limits = pacing.limits
        self.found = found = FoundRates(pacing, slack=ROUTED_SLACK, near=HOST_SLACK) if pacing.adaptive else None
        self._all = Allowance(limits.rate)
        by_host = found is not None or limits.host_rate is not None
        slack = HOST_SLACK if found else SLACK
        self._hosts = HostAllowances(limits.host_rate, slack=slack) if by_host else None

    @property
    def by_endpoint(self) -> bool:
        """Whether it depends on an endpoint whether it may go, so that `choose` must be asked."""
        return self._hosts is not None

    def ready(self, now: float, most: int) -> int:
        """How many may go now over all."""
        return self._all.ready(now, most)

    def took(self, count: int, late: float = 0.0) -> None:
        """So many of them went, the first `late` seconds after it was let go."""
        self._all.took(count, late)

    def wait(self, now: float) -> float:
        """Seconds until one may go."""
        return max(self._all.wait(now), self.found.wait(now) if self.found else 0.0)

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit over all."""
        return self._all.unlimited and self.found is None

    def choose(self, host: U64, path: I64, most: int, now: float) -> Mask:
        """Which of these endpoints may go now, earlier first, `most` at most. For their hosts they count as gone."""
        if self._hosts is None:
            return np.arange(len(host)) < most
        if self.found is None:
            return self._hosts.allow(host, now, most)
        chosen = np.zeros(len(host), np.bool_)
        for each in np.unique(path).tolist():
            here = np.flatnonzero(path == each)
            room = self.found.room(each, now, most)
            if room:
                allowed = self._hosts.allow(host[here], now, room, self.found.host_rates(host[here], now, path[here]))
                chosen[here[allowed]] = True
                most -= int(np.count_nonzero(allowed))
        return chosen

    def went(self, host: U64, path: int, now: float, *, late: float = 0.0, canaries: bool = False) -> None:
        """Probes to these hosts left by a way."""
        if self._hosts is not None and late:
            self._hosts.went_late(host, late)
        if self.found is not None:
            self.found.went(host, path, now, late=late, canaries=canaries)
