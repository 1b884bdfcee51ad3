"""How many sockets this process may hold.

The soft limit on descriptors (often 1,024) is a default, the hard limit is the rule: any process may raise its soft
limit, so this one does. What is already open, and a reserve for whatever else the program has to open during a sweep
(the history, outputs, pipes), is left alone. getrlimit(2).
"""

import os

RESERVE = 32
"""Descriptors that engines leave for everything else."""


class Room:
    """How many sockets may be in use. Shrinks where the system gives none, and grows again slowly."""

    def __init__(self, sockets: int) -> None:
        """`sockets`: at most."""
        self._most = sockets
        self.now = sockets
        """How many there may be now."""

    def shrink(self, in_use: int) -> None:
        """There is no more than this."""
        self.now = in_use

    def grow(self) -> None:
        """Try a little more."""
        self.now = min(self._most, self.now + max(1, self.now // 16))


def socket_budget(wanted: int) -> int:
    """Raise the soft limit as far as needed; return how many of the wanted sockets fit, at least 1."""
    limit = _raised(wanted + RESERVE + _open_now())
    return max(1, min(wanted, limit - _open_now() - min(RESERVE, limit // 8)))


def _raised(wanted: int) -> int:
    """Return the soft limit after raising it to `wanted`, as far as that is allowed."""
    try:
        import resource
    except ImportError:  # not a POSIX system: nothing to raise, and select() there takes 512 sockets
        return min(wanted, 512)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    goal = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if goal <= soft:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
    except (OSError, ValueError):  # macOS has a lower limit of its own (kern.maxfilesperproc)
        return soft
    return goal


def _open_now() -> int:
    """Return the number of descriptors in use, or a guess where the system does not say."""
    try:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 (names are all that is needed)
    except OSError:
        return 16
