"""When a wave is done, and what its silence means. No sockets and no clock: tests drive it with numbers.

A pass over a wave is followed by another as long as somebody must be asked again (`core/path/effort.py`). After the
last one the wave cools down; meanwhile the canaries of all its silent hosts and ways are asked, and it is settled when
each of them has answered after the last probe, or was given up.
"""

from collections.abc import Callable
from enum import Enum, auto

import numpy as np

from scanner.core.columns import F64, I32, I64, U16, WaveIndices
from scanner.core.path.effort import Effort, Unanswered
from scanner.core.path.watch import Watch
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.targets.address_columns import distinct
from scanner.engines.syn.in_flight import InFlightWave

ASK_EARLY = 0.3
"""Seconds before the end of a wave at which the canaries that it waits for are asked."""
_LOOK = 0.05
"""Seconds from one look at a wave that waits for canaries to the next."""
SILENCE_LOST = np.array([reason_code(Reason.PATH_LOST), reason_code(Reason.HOST_LOST)], np.uint16)
"""The codes of endpoints whose silence is not proved."""


class Step(Enum):
    """What becomes of a wave now."""

    WAIT = auto()
    """Nothing yet."""
    PASS = auto()
    """Another pass was begun."""
    DONE = auto()
    """It can be settled."""


class WaveSettler:
    """Looks after waves whose pass is over."""

    def __init__(
        self,
        watch: Watch,
        effort: Effort,
        *,
        spacing: float,
        cooldown: float,
        path_of: Callable[[I32], I64],
        evidence: dict[int, int],
    ) -> None:
        """Look after waves.

        Args:
            watch: who is silent.
            effort: who must be asked again.
            spacing: seconds between passes.
            cooldown: seconds after the last one.
            path_of: the way out of next hops.
            evidence: where to write how many canaries are wanted of ways of whose loss too little is known.
        """
        self._watch, self._effort = watch, effort
        self._spacing, self._cooldown = spacing, cooldown
        self._path_of = path_of
        self._evidence, self._enquired = evidence, set[int]()

    def step(self, flight: InFlightWave, read_until: float) -> Step:
        """Begin another pass over a wave, or say whether it is done. All answers up to `read_until` were looked at."""
        quiet = read_until - flight.last_sent
        if not flight.left:
            return Step.DONE
        if flight.sending or read_until < flight.look_at or quiet < self._soonest():
            return Step.WAIT
        if self._enquire(flight):
            flight.look_at = read_until + float(self._watch.deadlines.min())
            return Step.WAIT
        wanted, chosen = self._again(flight, quiet)
        if wanted and (chosen is None or len(chosen)):
            flight.next_pass(chosen)
            return Step.PASS
        flight.look_at = read_until + _LOOK
        if wanted or quiet < self._cooldown - ASK_EARLY:
            return Step.WAIT
        undecided = self._undecided(flight)
        return Step.DONE if quiet >= self._cooldown and not undecided else Step.WAIT

    def codes(self, flight: InFlightWave) -> int | U16:
        """The reason codes of the unanswered endpoints of a wave; what may have been missed is added up."""
        if self._watch.blank:
            return reason_code(Reason.SILENT_HOST)
        left = flight.unanswered
        host, path = flight.wave.host[left], self._path_of(flight.hop[left])
        codes = self._watch.codes(host, path, self._last_sent(flight, left))
        efforts = self._effort.of(self._tries(flight, left))
        self._effort.add(efforts, ~np.isin(codes, SILENCE_LOST))
        return codes

    def _soonest(self) -> float:
        """Seconds after the end of a pass at which the next one may begin."""
        return min(self._spacing, float(self._watch.deadlines.min())) if self._effort.automatic else self._spacing

    def _enquire(self, flight: InFlightWave) -> bool:
        """Ask for canaries of ways of whose loss too little is known, once each."""
        if self._watch.blank:
            return False
        paths = [each for each in distinct(self._path_of(flight.hop)).tolist() if each not in self._enquired]
        wanted = self._effort.lacks_evidence(np.array(paths, np.int64)).tolist()
        self._enquired.update(paths)
        self._evidence.update({path: count for path, count in zip(paths, wanted, strict=True) if count})
        return any(wanted)

    def _again(self, flight: InFlightWave, quiet: float) -> tuple[bool, WaveIndices | None]:
        """Whether somebody must be asked again, and who may be now; None for all that are left."""
        passes, effort = flight.attempt + 1, self._effort
        if passes >= effort.most_passes:
            return False, None
        if self._watch.blank or not (effort.automatic or self._watch.silent_since(flight.born)):
            wanted = passes < effort.least_passes
            return wanted, None if quiet >= self._spacing else _nobody()
        left = flight.unanswered
        these = self._tries(flight, left)
        efforts = effort.of(these)
        again = effort.again(efforts)
        if not again.any():
            return False, None
        soon = efforts.known if effort.automatic else np.zeros(len(left), np.bool_)
        chosen = again if quiet >= self._spacing else again & soon
        chosen = chosen & ~self._watch.given_up(these.host, these.path)
        return bool(again.any() and (chosen.any() or quiet < self._spacing)), left[chosen]

    def _undecided(self, flight: InFlightWave) -> bool:
        if self._watch.blank:
            return False
        left = flight.unanswered
        host, path = flight.wave.host[left], self._path_of(flight.hop[left])
        return bool(self._watch.undecided(host, path, np.full(len(left), flight.last_sent)).any())

    def _tries(self, flight: InFlightWave, left: WaveIndices) -> Unanswered:
        tries = [flight.sent_at(number, left) for number in range(flight.attempt + 1)]
        return Unanswered(flight.wave.host[left], self._path_of(flight.hop[left]), tries)

    def _last_sent(self, flight: InFlightWave, left: WaveIndices) -> F64:
        """When endpoints were probed last: a bound for all together, unless somebody is silent."""
        if self._watch.calm:
            return np.full(len(left), flight.last_sent)
        return flight.born + flight.passes.last(left)


def _nobody() -> WaveIndices:
    return np.zeros(0, np.int32)
