"""The rate of each flow, found by what becomes of its probes. A flow is a host, or a way out.

API first; the theory and the body follow.

Call order of an engine, once for its ways out (`Flows(few)`) and once for hosts (`Flows(many)` + `HostRows`):

    flows.begin(rows, now, ceiling=..., start=...)      a row is used for the first time
    flows.sent(rows, now, probes=..., canaries=...)     after every batch
    flows.heard(rows, sent_at, now, probes=..., canaries=...)   after every lot of answers
    flows.trouble(rows, now)                            ENOBUFS, full receive ring, link down: our own fault
    changed = flows.decide(now)                         every 5 to 20 ms, after `heard`; then Allowance.set_rate
    flows.wanted(rows, now)                             how many canaries to ask now
    flows.what_holds(row, "10.0.0.7")                   one sentence for the progress line
"""

from enum import IntEnum

from scanner.core.columns import F64, I64, Indices


class Held(IntEnum):
    """What keeps a flow from being faster."""

    NOTHING = 0
    LOSS = 1
    ROUND_TRIP = 2
    CEILING = 3
    FRAGILE = 4
    SILENT = 5
    OURSELVES = 6
    UNUSED = 7
    BLIND = 8


class Flows:
    """Columns of state, one row a flow. Times in seconds on a monotonic clock, rates in probes a second."""

    rate: F64
    """What each flow may send now, canaries included."""
    deadline: F64
    """Seconds after which an unanswered canary counts as lost: a round trip and a margin."""

    def __init__(self, rows: int) -> None:
        raise NotImplementedError

    def begin(self, rows: Indices, now: float, *, ceiling: float, start: float) -> None:
        """Start rows anew at `start` a second; they never exceed `ceiling` a second."""
        raise NotImplementedError

    def sent(self, rows: Indices, now: float, *, probes: I64 | int = 1, canaries: I64 | int = 0) -> None:
        """So many ordinary probes and canaries left at `now`, for each of `rows` (which may repeat)."""
        raise NotImplementedError

    def heard(self, rows: Indices, sent_at: F64, now: float, *, probes: I64 | int = 1, canaries: I64 | int = 0) -> None:
        """Answers came at `now` to what was sent at `sent_at`. Each endpoint's first answer of a try, once."""
        raise NotImplementedError

    def trouble(self, rows: Indices, now: float) -> None:
        """What is in flight may be lost by our own fault: the round does not count, and does not grow."""
        raise NotImplementedError

    def decide(self, now: float) -> Indices:
        """Judge the rounds that are over. The rows whose rate changed."""
        raise NotImplementedError

    def wanted(self, rows: Indices, now: float) -> I64:
        """How many canaries each row should send now, beyond those it has sent."""
        raise NotImplementedError

    def let_go(self, rows: Indices, now: float) -> None:
        """These are fragile: from now on only the floor (1 probe a second), until `begin`."""
        raise NotImplementedError

    def held(self, row: int) -> Held:
        """What keeps this flow from being faster."""
        raise NotImplementedError

    def what_holds(self, row: int, name: str) -> str:
        """The same in a plain sentence; `name` is an address, or "the path" for a way out."""
        raise NotImplementedError
