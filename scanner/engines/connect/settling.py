"""What follows from each outcome of a probe: settle, ask again, wait for proof, or count our own failure.

No socket and no loop: outcomes come in, settled waves go out. Silence is never believed at once: what stays silent
waits until `judge` has proof that its host and its way still answered (`silence_rules.py`).
"""

from collections import deque
from collections.abc import Callable, Iterable
from errno import EADDRINUSE
from itertools import groupby
from math import nan
from operator import itemgetter
from time import monotonic, time
from typing import assert_never

import numpy as np

from scanner.core.columns import F64, I64
from scanner.core.path.effort import Effort, Unanswered
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave, Wave
from scanner.engines.connect.attempt import Attempt, Prober, Refusal
from scanner.engines.connect.hosts import HOST_REPORTS, Host, HostBook
from scanner.engines.connect.icmp_errors import IcmpError
from scanner.engines.connect.in_flight import InFlightWave
from scanner.engines.connect.outcome import (
    EXHAUSTED,
    OPENED,
    Outcome,
    Weight,
    classify_errno,
    classify_icmp,
    local_failure,
)
from scanner.engines.connect.pace_keeper import PaceKeeper
from scanner.engines.connect.schedule import Schedule, Turn
from scanner.engines.connect.silence_rules import Next, judge
from scanner.engines.connect.statistics import ConnectStatistics
from scanner.engines.connect.vigil import Vigil
from scanner.engines.interface import Progress
from scanner.engines.socket_budget import Room

LEAST_GAP = 1.0
"""Minimum seconds between two probes of one endpoint: systems answer a second SYN that comes sooner with silence."""
MOST_LOCAL_FAILURES = 5
"""Local failures after which an endpoint is settled as one, minus one."""
_FIRST_BACK_OFF = 0.1
_JUDGE_EVERY, _JUDGE_SHARE = 0.05, 20
"""Seconds between two judgements of silence, and how many times as long as a judgement took, at least."""
_REPORTS = 2
"""Tries after which a host's endpoint is settled about which the kernel reports, where tries are made by need."""

_SYN_ACK, _RESET = reason_code(Reason.SYN_ACK), reason_code(Reason.RESET)
_TCP = frozenset({_SYN_ACK, _RESET})
"""What a host answers by TCP."""
_ABSENT = reason_code(Reason.HOST_UNREACHABLE)
_SILENT_HOST = reason_code(Reason.SILENT_HOST)


class Settling:
    """Outcomes in, settled waves out. Obeys `attempt.OutcomeSink` and `schedule.Settler`."""

    def __init__(
        self,
        waves: Iterable[Wave | None],
        book: HostBook,
        *,
        tries: int | None,
        planned: int = 0,
        retry_gap: float,
        room: Room,
        pace: PaceKeeper | None = None,
        alone: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`tries` of each endpoint, None for as many as it takes; `planned` endpoints, where that is known.

        `retry_gap`: seconds from one try to the next at least; `room`: for sockets; `pace`: None at a fixed rate.
        `alone` is False where other processes of ours probe too.
        """
        self.schedule = Schedule(waves, book, self)
        self.vigil = Vigil(book, self.schedule, clock())
        self.pace = pace
        self.done: deque[SettledWave] = deque()
        """Waves that were settled and not taken yet."""
        self.effort = Effort(self.vigil.watch, attempts=tries, planned=planned)
        """What was found, and what may have been missed."""
        self._sockets: Prober | None = None
        self._room = room
        self._book, self._tries, self._retry_gap, self._alone = book, tries, retry_gap, alone
        self._clock, self._clock_offset = clock, time() - monotonic()
        self._looked_at = clock()
        self._judge_due = 0.0
        self._finished = Progress()

    def use(self, sockets: Prober) -> None:
        """Take outcomes from these sockets."""
        self._sockets = sockets

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        active = self.schedule.active
        return Progress(
            sent=self._finished.sent + self.vigil.board.sent + sum(wave.sent for wave in active),
            settled=self._finished.settled + sum(len(wave.ports) - wave.left for wave in active),
            open=self.effort.open,
        )

    @property
    def statistics(self) -> ConnectStatistics:
        """What was found of ways and hosts so far, and what may have been missed."""
        hidden, outages = self.effort.hidden(), self.vigil.outages
        if self.pace is None:
            return ConnectStatistics(hidden, outages)
        slow, fragile = self.pace.slow(self._clock()), self.pace.fragile
        return ConnectStatistics(hidden, outages, self.pace.rates, slow, fragile)

    # -- what leaves -------------------------------------------------------------------------------------------

    def begin(self, hosts: list[Host]) -> None:
        """See `schedule.Settler`."""
        if self.pace is not None:
            self.pace.begin(hosts, self._clock())

    def noted(self, turns: Iterable[Turn], launched: list[Turn]) -> Iterable[Turn]:
        """Pass turns on to a prober, and note those that it takes; tell `left` of them afterwards."""
        board = self.vigil.board
        for turn in turns:
            if turn[0] is board:
                self.vigil.leaves(turn[1], self._clock())
            launched.append(turn)
            yield turn

    def left(self, launched: list[Turn]) -> None:
        """These were probed."""
        board = self.vigil.board
        self.vigil.probed([turn for turn in launched if turn[0] is not board])
        if self.pace is not None and launched:
            canary = np.array([turn[0] is board for turn in launched])
            self.pace.sent(launched, canary, self._clock())

    # -- what comes --------------------------------------------------------------------------------------------

    def refused(self, refusals: list[Refusal]) -> None:
        """See `attempt.OutcomeSink`."""
        for probed, group in groupby(refusals, itemgetter(0)):
            _, indices, started, ended = zip(*group, strict=True)
            now, sent_at = float(ended[-1]), np.array(started)
            if not isinstance(probed, InFlightWave):
                self._echo([*indices], now, is_open=False)
            elif not probed.finished:
                where = np.array(indices, np.int64)
                self._answered(probed, where, sent_at, np.array(ended), is_open=False)
                at = now + self._clock_offset
                if probed.settle_all([*indices], _RESET, at, np.array(ended) - sent_at):
                    self.finish(probed)

    def no_socket(self, turn: Turn, error: int) -> None:
        """See `attempt.OutcomeSink`."""
        in_flight = 0 if self._sockets is None else self._sockets.in_flight
        if error in EXHAUSTED and in_flight:
            self._room.shrink(in_flight)
            self._again(turn, self._clock())
        else:
            self._failed(turn, local_failure(error))
        if self.pace is not None:
            self.pace.trouble()

    def ended(self, attempt: Attempt, error: int, news: IcmpError | None, *, at_once: bool = False) -> None:
        """See `attempt.OutcomeSink`."""
        now = self._clock()
        rtt = now - attempt.started
        if error in OPENED:
            outcome = self._opened_to(attempt, error)
            rtt = attempt.handshake_time() or rtt
        elif news is not None:
            host = attempt.host
            by_us = str(news.sender) == host.source and not host.is_this_machine
            outcome = classify_icmp(news, sent_by_us=by_us)
        else:
            outcome = classify_errno(error, at_once=at_once)
        if isinstance(attempt.wave, InFlightWave):
            self._follow(attempt, attempt.wave, outcome, now, rtt)
        else:
            self._canary_ended(attempt, outcome, now)

    def settle_absent(self, host: Host) -> None:
        """Take the kernel's word that a host did not answer three requests for its link address."""
        host.report(_ABSENT, weight=HOST_REPORTS)

    def settle_unasked(self, wave: InFlightWave, index: int, code: int) -> None:
        """Settle an endpoint without an answer, by its host's verdict or after the last attempt."""
        host = wave.host_of[index]
        if code == _ABSENT and not host.counted and not host.answered:
            host.counted = True
            wave.absent.append(int(wave.wave.host[index]))
        self._settle(wave, index, code, self._clock())

    def finish(self, wave: InFlightWave) -> None:
        """Hand a wave out as it is."""
        del self.schedule.active[wave]
        wave.sent += self.vigil.board.sent
        self.vigil.board.sent = 0
        self._finished = Progress(self._finished.sent + wave.sent, self._finished.settled + len(wave.ports) - wave.left)
        self.done.append(wave.result(self._clock() + self._clock_offset))

    # -- silence -----------------------------------------------------------------------------------------------

    def looked(self, now: float) -> None:
        """All answers were looked at that had come by now."""
        self._looked_at = now

    def may_send(self, most: int, now: float) -> int:
        """Let rates follow what came; return how many probes may go now, at most `most`."""
        if self.pace is None:
            return most
        self.schedule.prime()
        if self.schedule.active:
            self.vigil.flush(now)
            self.pace.decide(self.vigil, now)
        return self.pace.open(self._book.ways, now, most)

    def look(self, now: float) -> None:
        """Do what is due about silence: ask canaries, and judge what waits for proof. All answers were looked at."""
        if self.schedule.active:
            self.vigil.look(now)
        if now < self._judge_due:
            return
        waiting = [wave for wave in self.schedule.active if wave.waiting]
        if waiting:  # those that stayed silent so far say as much of how many are open
            self.effort.settled = self._finished.settled + sum(wave.asked for wave in self.schedule.active)
        for wave in waiting:
            self._judge(wave, now)
        self._judge_due = now + max(_JUDGE_EVERY, _JUDGE_SHARE * (self._clock() - now))

    def _judge(self, wave: InFlightWave, now: float) -> None:
        waiting = np.array(wave.waiting, np.int64)
        count = np.frombuffer(wave.unanswered, np.uint8)[waiting].astype(np.int64)
        tries = [each[waiting] for each in wave.tries]
        these = Unanswered(wave.wave.host[waiting], wave.ways[waiting], tries)
        said = judge(these, count, self.vigil.watch, self.effort, now)
        wave.waiting = waiting[said.next == Next.WAIT].tolist()
        again = said.next == Next.AGAIN
        gap = np.full(len(waiting), self._retry_gap)
        if self.effort.automatic:  # what is learnt of loss until then may make another try needless
            gap[said.code != _SILENT_HOST] = LEAST_GAP  # it is there: no link address is to be waited for
            early = again & (said.last + gap > now)
            again &= ~early
            wave.waiting += waiting[early].tolist()
        for place in np.flatnonzero(again).tolist():
            self.schedule.again(wave, int(waiting[place]), max(now, float(said.last[place] + gap[place])))
        settled = said.next == Next.SETTLE
        for index, code in zip(waiting[settled].tolist(), said.code[settled].tolist(), strict=True):
            self.settle_unasked(wave, index, code)

    # -- what follows ------------------------------------------------------------------------------------------

    def _answered(self, wave: InFlightWave, indices: I64, sent_at: F64, at: F64, *, is_open: bool) -> None:
        """Endpoints answered with TCP; the answers were seen at those moments.

        An answer may have waited for us since the last look. Rates follow the least that it can have taken, so that a
        busy machine of ours is not taken for a slow path.
        """
        wave.note_answers(indices)
        self.vigil.answered(wave, indices, sent_at, float(at[-1]), is_open=is_open)
        if self.pace is not None:
            seen = np.maximum(sent_at, np.minimum(at, self._looked_at))
            self.pace.heard(wave.wave.host[indices], wave.ways[indices], sent_at, seen)

    def _echo(self, places: list[int], now: float, *, is_open: bool) -> None:
        echo = self.vigil.echo(places, now, is_open=is_open)
        if self.pace is not None and len(echo.path):
            self.pace.echoed(echo, self._looked_at)

    def _canary_ended(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        """Note what came of a canary; its silence shows when its time is over, and anything else says nothing."""
        turn = attempt.wave, attempt.index, attempt.host
        if outcome.code in _TCP:
            self._echo([attempt.index], now, is_open=outcome.code == _SYN_ACK)
        elif outcome.weight is Weight.LOCAL:
            self._failed(turn, outcome)
        else:
            self.vigil.board.free(attempt.index)

    def _opened_to(self, attempt: Attempt, error: int) -> Outcome:
        sockets = () if self._sockets is None else self._sockets.attempts()
        if attempt.met_ourselves(sockets, alone=self._alone):
            return local_failure(EADDRINUSE, "the connection was made with a socket of this program")
        return classify_errno(error)

    def _follow(self, attempt: Attempt, wave: InFlightWave, outcome: Outcome, now: float, rtt: float) -> None:
        """Do what an outcome asks for."""
        index = attempt.index
        match outcome.weight:
            case Weight.FINAL:
                attempt.host.answered = True
                if outcome.code in _TCP and not wave.finished:
                    is_open = outcome.code == _SYN_ACK
                    self.effort.open += is_open
                    self._answered(
                        wave, np.array([index]), np.array([attempt.started]), np.array([now]), is_open=is_open
                    )
                self._settle(wave, index, outcome.code, now, rtt, outcome.evidence)
            case Weight.SILENCE:
                self._unanswered(attempt, wave, now, None)
            case Weight.HOST | Weight.NO_WAY:
                code = _ABSENT if attempt.host.is_broadcast else outcome.code
                attempt.host.report(code)
                self._unanswered(attempt, wave, now, code)
            case Weight.LOCAL:
                self._failed((wave, index, attempt.host), outcome)
            case _:
                assert_never(outcome.weight)

    def _unanswered(self, attempt: Attempt, wave: InFlightWave, now: float, code: int | None) -> None:
        """Ask again at a decent distance, wait for proof, or settle; `code` is what the kernel reports, if it does."""
        index, verdict = attempt.index, attempt.host.settled_by
        tries = wave.note_silence(index, attempt.started)
        if wave.finished:
            return
        if verdict is not None:
            self.settle_unasked(wave, index, verdict)
        elif tries < (self._tries or (_REPORTS if code is not None else 0)):
            self.schedule.again(wave, index, max(now, attempt.started + self._retry_gap))
        elif code is not None:
            self.settle_unasked(wave, index, code)
        else:
            wave.waiting.append(index)

    def _failed(self, turn: Turn, outcome: Outcome) -> None:
        """Try again after a while, twice as long each time; at last settle the endpoint as a local failure."""
        probed, index, _ = turn
        now = self._clock()
        failures = probed.local_failures[index] = probed.local_failures[index] + 1
        if self.pace is not None:
            self.pace.trouble()
        if failures <= MOST_LOCAL_FAILURES:
            self._again(turn, now + _FIRST_BACK_OFF * 2 ** (failures - 1))
        elif isinstance(probed, InFlightWave):
            self._settle(probed, index, outcome.code, now, nan, outcome.evidence)
        else:
            self.vigil.board.free(index)

    def _again(self, turn: Turn, due: float) -> None:
        probed, index, _ = turn
        if isinstance(probed, InFlightWave):
            self.schedule.again(probed, index, due)
        else:
            self.schedule.urgently(turn)

    def _settle(
        self, wave: InFlightWave, index: int, code: int, now: float, rtt: float = nan, evidence: str = ""
    ) -> None:
        if wave.finished:
            return
        if evidence:
            wave.evidence[index] = evidence
        if wave.settle(index, code, now + self._clock_offset, rtt):
            self.finish(wave)
