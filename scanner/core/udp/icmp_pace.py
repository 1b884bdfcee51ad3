"""Learns how many ICMP errors a host sends a second, by counting them, while asking a little faster than they come.

Hosts limit the ICMP errors that they send (RFC 1812 4.3.2.8, RFC 4443 2.4 f): Linux to one a second for each asker by
IPv4, with six saved up. Being asked faster costs nothing: what comes back *is* the limit. So the pace is found in
windows: while nearly every question in one brings an error, it doubles; otherwise it becomes a little more than the
errors that came. It cannot go on falling where most ports are silent: the errors that come bound it below.
"""

_FIRST, _SLOWEST, _FASTEST = 1000.0, 0.5, 100_000.0
_SHORTEST, _LONGEST = 0.05, 4.0
_ASKS_A_WINDOW = 8
_NEARLY_ALL = 0.9
_FASTER = 2.0
_SLOWER = 8.0


class IcmpPace:
    """The pace for one host. Times in seconds on any monotonic clock."""

    __slots__ = ("_asked", "_begins", "_number", "_past", "_told", "limited", "pace", "told_a_second")

    def __init__(self) -> None:
        self.pace = _FIRST
        """How many ports to ask a second."""
        self.told_a_second = 0.0
        """Errors a second that the host sent when it was asked for more than it sends; 0 before that is known."""
        self.limited = False
        """Whether the host sent fewer errors than it was asked for, in the last window that was weighed."""
        self._number = 0
        self._begins = float("-inf")
        self._asked = self._told = 0
        self._past: tuple[int, float, int, int] | None = None

    def asked(self, now: float) -> int:
        """Count a port that is asked now; return the number of its window, for `told`."""
        if now >= self._begins + self._length:
            self._roll(now)
        self._asked += 1
        return self._number

    def told(self, window: int) -> None:
        """Count the first error about a port since it was asked in a window."""
        if window == self._number:
            self._told += 1
        elif self._past is not None and window == self._past[0]:
            number, length, asked, told = self._past
            self._past = (number, length, asked, told + 1)

    @property
    def _length(self) -> float:
        return min(max(_ASKS_A_WINDOW / self.pace, _SHORTEST), _LONGEST)

    def _roll(self, now: float) -> None:
        """End a window. It is weighed when the next one ends, so that late errors still count."""
        if self._past is not None:
            _, length, asked, told = self._past
            self._judge(length, asked, told)
        length = max(self._length, min(now - self._begins, 2 * _LONGEST)) if self._asked else 0.0
        self._past = (self._number, length, self._asked, self._told) if self._asked else None
        self._number += 1
        self._begins, self._asked, self._told = now, 0, 0

    def _judge(self, length: float, asked: int, told: int) -> None:
        filled = asked >= self.pace * length / 2
        if not filled and told >= asked / 2:  # there was little to ask, and what is missing may have been lost
            return
        self.limited = told < _NEARLY_ALL * asked
        if not self.limited:
            self.pace = min(self.pace * 2, _FASTEST)
            return
        if told:
            self.told_a_second = told / length
        self.pace = min(max(_FASTER * told / length, self.pace / _SLOWER, _SLOWEST), _FASTEST)
