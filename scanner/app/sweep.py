"""The loop: plan, engine, identification, judgement, history; one result a wave for whoever iterates.

A sweep sees interfaces only. It owns the honesty of the numbers: whatever happens (a stop, a damaged history,
waves that an earlier run settled), `coverage` says of every planned endpoint exactly one state, and what was
never probed is `unknown`.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scanner.app.questions import Identifier, Questions, Screen
from scanner.core.errors import HistoryUnusable
from scanner.core.model import REPORTABLE, Address, Coverage, Finding, Judged, Observation, Severity, State, Verdict
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason
from scanner.core.plan.recall import add_up, estimate
from scanner.core.plan.wave import SettledWave, Wave
from scanner.core.report import Summary, SweepInfo
from scanner.core.udp.silent_ports import SilentPorts
from scanner.engines.interface import Engine, path_report

_SILENCE_IN_PARTS = "UDP ports that stay silent among closed ones are not listed: the sweep ran in parts"

Asked = Callable[[Wave], npt.NDArray[np.intp]]
"""Returns the places of a wave that are looked at in whatever state: what a policy requires to be open, say."""


class JudgesObservations(Protocol):
    """Turns observations into findings."""

    def judge(self, observation: Observation) -> Judged:
        """Return what the rules say of one observation."""
        ...


class Recorder(Protocol):
    """Remembers a sweep, a wave at a time. Raises HistoryUnusable where it cannot."""

    def first_seen(self, finding_ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each finding was first recorded; unknown ids are left out."""
        ...

    def wave(self, result: "WaveResult") -> None:
        """Record a wave with everything in it, in one transaction."""
        ...


@dataclass(frozen=True, slots=True)
class WaveResult:
    """What a settled wave gave."""

    number: int
    """Place of the wave in the plan's shard."""
    complete: bool
    """Whether all of it was probed, and every question about it answered; if not, a resumed sweep probes it again."""
    coverage: Coverage
    """What it covered."""
    reasons: Mapping[str, int]
    """How many endpoints have each reason."""
    judged: tuple[Judged, ...]
    """Open endpoints, and those that were asked for."""
    degraded: tuple[str, ...] = ()
    """Why answers may have been lost."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier, interrupted run of the same plan has settled."""

    waves: frozenset[int] = frozenset()
    """The waves that need no probing."""
    coverage: Coverage = Coverage()
    """What they covered."""
    reasons: Mapping[str, int] | None = None
    """How many of their endpoints have each reason."""
    degraded: tuple[str, ...] = ()
    """Why answers may have been lost in them."""


class Sweep:
    """One run of a plan. Iterate over `results()` once; the totals are right at any time."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        judge: JudgesObservations,
        *,
        asked: Asked | None = None,
        screen: Screen | None = None,
        identifier: Identifier | None = None,
        recorder: Recorder | None = None,
        hostnames: Mapping[Address, str] | None = None,
        excluded: int = 0,
        earlier: Earlier | None = None,
    ) -> None:
        """`excluded` is how many endpoints the user took out of the plan; `hostnames` names addresses."""
        self.plan, self.engine = plan, engine
        self._judge, self._asked, self._recorder = judge, asked, recorder
        self._questions = Questions(screen, identifier)
        self._hostnames = hostnames or {}
        self._earlier = earlier or Earlier()
        self._seen = self._earlier.coverage + Coverage(excluded=excluded)
        self._reasons: Counter[str] = Counter(self._earlier.reasons or {})
        self._severities: Counter[Severity] = Counter()
        self._verdicts: Counter[Verdict] = Counter()
        self._degraded: dict[str, None] = dict.fromkeys(self._earlier.degraded)
        self._answers: tuple[int, ...] = ()
        self._silent_ports = SilentPorts()
        self._stopped = False
        self._stopped_because = ""
        self.notes: list[str] = []
        """What else should be said about this sweep."""

    @property
    def coverage(self) -> Coverage:
        """What is covered so far; what is not yet probed counts as unknown."""
        rest = self.plan.size - self._seen.planned
        return self._seen + Coverage(planned=rest, unknown=rest)

    @property
    def left(self) -> int:
        """Endpoints that this run is to look at: all that no earlier run has settled."""
        return self.plan.size - self._earlier.coverage.planned

    @property
    def interrupted(self) -> bool:
        """Whether `stop` cut it short."""
        return self._stopped and (self.coverage.unknown > 0 or self._questions.cut_short)

    def stop(self, because: str = "") -> None:
        """Send no more probes and settle what is under way. May be called from a signal handler.

        `because` is what the summary says about a sweep that this cut short; the first reason stands.
        """
        if not self._stopped:
            self._stopped, self._stopped_because = True, because
        self.engine.stop()
        self._questions.stop()

    def recall(self, judged: Judged) -> None:
        """Count what an earlier run of the same plan found; its coverage is in `earlier` already."""
        self._count_findings([judged])

    def lose_history(self, error: HistoryUnusable) -> None:
        """A sweep outlives its history: the findings are still written, and the summary says what is missing."""
        self._recorder = None
        self._degraded[f"the history was not kept: {error}"] = None

    async def results(self) -> AsyncGenerator[WaveResult, None]:
        """Each wave as it is settled, judged and recorded."""
        async with aclosing(self.engine.run(self._waves())) as settled_waves:
            async for settled in settled_waves:
                yield await self._take(settled)

    def summary(self, info: SweepInfo, finished: datetime) -> Summary:
        """What is known now, as one value."""
        rest = self.plan.size - self._seen.planned
        interrupted = self.interrupted
        untouched = {Reason.INTERRUPTED.value if self._stopped else Reason.NOT_PROBED.value: rest} if rest else {}
        return Summary(
            info=info,
            finished=finished,
            coverage=self.coverage,
            reasons=dict(self._reasons + Counter(untouched)),
            findings={severity: self._severities[severity] for severity in Severity},
            verdicts={verdict: self._verdicts[verdict] for verdict in Verdict},
            interrupted=interrupted,
            degraded=(
                *self._degraded,
                *([self._stopped_because] if self._stopped_because and interrupted else []),
                *self._missed(),
            ),
            notes=(*self.notes, *self._questions.notes, *self.engine.notes, *self._recall()),
        )

    def _waves(self) -> Iterator[Wave]:
        for number in self.plan.numbers(self._earlier.waves):
            if self._stopped:
                return
            yield self.plan.wave(number)

    async def _take(self, settled: SettledWave) -> WaveResult:
        observations, whole = await self._questions.ask(self._observe(settled))
        judged = self._remember_first_seen([self._judge.judge(each) for each in observations])
        result = WaveResult(
            number=settled.wave.number,
            complete=settled.complete and whole,
            coverage=settled.coverage(),
            reasons=settled.reasons(),
            judged=tuple(judged),
            degraded=settled.degraded,
        )
        self._count(result)
        self._answers = add_up([self._answers, settled.answers_by_try])
        self._record(result)
        return result

    def _observe(self, settled: SettledWave) -> Sequence[Observation]:
        places = settled.places(State.OPEN)
        if self._asked is not None:
            places = np.union1d(places, self._asked(settled.wave))
        observations = list(settled.observe(places))
        if self.plan.udp_ports:
            self._silent_ports.take(settled, places)
            observations += self._silent_among_closed(settled)
        return [self._named(each) for each in observations]

    def _silent_among_closed(self, settled: SettledWave) -> Iterator[Observation]:
        """Yield the silent UDP ports that deserve a look, with the wave that completes the sweep."""
        if self._seen.planned + len(settled.wave) < self.plan.size or not settled.complete:
            return
        if self._earlier.waves:
            self.notes += [_SILENCE_IN_PARTS] if self._silent_ports.any else []
            return
        yield from self._silent_ports.found()
        if hosts := self._silent_ports.filtering_hosts:
            self.notes.append(
                f"a filter seems to drop UDP ports of {hosts:,} host{'s' * (hosts > 1)}: too many stay silent to list"
            )

    def _missed(self) -> tuple[str, ...]:
        """Return what may have been missed, where that is more than a complete sweep promises."""
        hidden = path_report(self.engine).hidden
        return (hidden.words(),) if hidden and hidden.degraded and self._seen.planned else ()

    def _recall(self) -> tuple[str, ...]:
        report = path_report(self.engine)
        if report.hidden is not None:
            return (*report.remarks, *(() if report.hidden.degraded else (report.hidden.words(),)))
        recall = estimate(self._answers)
        return () if recall is None else (recall.words(),)

    def _named(self, observation: Observation) -> Observation:
        name = self._hostnames.get(observation.endpoint.address)
        return replace(observation, hostname=name) if name else observation

    def _count(self, result: WaveResult) -> None:
        self._seen += result.coverage
        self._reasons.update(result.reasons)
        self._degraded.update(dict.fromkeys(result.degraded))
        self._count_findings(result.judged)

    def _count_findings(self, judged: Iterable[Judged]) -> None:
        for finding in findings_of(judged):
            self._verdicts[finding.verdict] += 1
            if finding.verdict in REPORTABLE:
                self._severities[finding.severity] += 1

    def _remember_first_seen(self, judged: list[Judged]) -> list[Judged]:
        if self._recorder is None or not judged:
            return judged
        try:
            known = self._recorder.first_seen([finding.id for finding in findings_of(judged)])
        except HistoryUnusable as error:
            self.lose_history(error)
            return judged
        return [Judged(each.observation, tuple(_since(finding, known) for finding in each.findings)) for each in judged]

    def _record(self, result: WaveResult) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.wave(result)
        except HistoryUnusable as error:
            self.lose_history(error)


def _since(finding: Finding, known: Mapping[str, datetime]) -> Finding:
    """The finding with the date since when it is known: that of its observation where it is new, never a later one."""
    at = finding.observation.at
    return replace(finding, first_seen=min(known.get(finding.id, at), at))


def findings_of(judged: Iterable[Judged]) -> Iterator[Finding]:
    """Every finding of several judged observations."""
    return (finding for each in judged for finding in each.findings)
