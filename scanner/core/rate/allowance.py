"""How many probes may go now, at a rate that may change. API first; `limits.py` and `batches.py` become this.

`Allowance` replaces Bucket, Spacing and the arithmetic of permits; `HostAllowances` replaces HostSpacing.
"""

from scanner.core.columns import F64, U64, Mask


class Allowance:
    """A limit on one stream of probes. Times in seconds on a monotonic clock."""

    def __init__(self, rate: float | None, *, slack: float = 0.006) -> None:
        """`rate` probes a second, None for no limit; `slack` seconds of unused allowance are kept."""
        raise NotImplementedError

    def set_rate(self, rate: float | None, now: float) -> None:
        """From `now` on another rate; what is owed or saved stays owed or saved, counted in probes."""
        raise NotImplementedError

    def ready(self, now: float, most: int) -> int:
        """How many may go at `now`, at most `most`; nothing is counted yet."""
        raise NotImplementedError

    def took(self, count: int, late: float = 0.0) -> None:
        """So many of those that `ready` offered have gone, the first `late` seconds after it was asked."""
        raise NotImplementedError

    def take(self, now: float, wanted: int = 1) -> int:
        """`ready` and `took` at once."""
        raise NotImplementedError

    def wait(self, now: float) -> float:
        """Seconds until one may go; 0 where one may go now."""
        raise NotImplementedError


class HostAllowances:
    """The same for each host of a batch, in numpy."""

    def __init__(self, ceiling: float | None, *, hosts: int = 1 << 20) -> None:
        """`ceiling`: probes a second to one host that no other rate exceeds; None for no limit."""
        raise NotImplementedError

    def allow(self, host: U64, now: float, most: int, rate: F64 | None = None) -> Mask:
        """Which probes may go, earlier ones first; these count as sent. `rate`: each probe's host's own, a second."""
        raise NotImplementedError

    def went_late(self, host: U64, late: float) -> None:
        """What `allow` let go to these hosts left so many seconds later."""
        raise NotImplementedError
