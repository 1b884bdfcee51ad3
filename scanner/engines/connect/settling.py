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
from scanner.engines.connect.silence_rules import Judgement, Next, Silent, TriesRule, judge
from scanner.engines.connect.tally import Tally
from scanner.engines.connect.vigil import Vigil
from scanner.engines.interface import Progress
from scanner.engines.socket_budget import Room

MOST_LOCAL_FAILURES = 5
"""Local failures after which an endpoint is settled as one, minus one."""
_FIRST_BACK_OFF = 0.1
_REPORTS = 2
"""Tries after which a host's endpoint is settled about which the kernel reports, where tries are made by need."""
_MOST_HELD_UP = 0.06
"""Seconds between two looks at answers up to which round trips are believed."""

_SYN_ACK, _RESET = reason_code(Reason.SYN_ACK), reason_code(Reason.RESET)
_TCP = frozenset({_SYN_ACK, _RESET})
"""What a host answers by TCP."""
_ABSENT = reason_code(Reason.HOST_UNREACHABLE)


class Settling:
    """Outcomes in, settled waves out. Obeys `attempt.OutcomeSink` and `schedule.Settler`."""

    def __init__(
        self,
        waves: Iterable[Wave | None],
        book: HostBook,
        rule: TriesRule,
        *,
        retry_gap: float,
        room: Room,
        pace: PaceKeeper | None = None,
        alone: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`retry_gap`: seconds from one try to the next at least; `pace`: None at a fixed rate.

        `alone` is False where other processes of ours probe too.
        """
        self.schedule = Schedule(waves, book, self)
        self.vigil = Vigil(book, self.schedule, clock())
        self.pace = pace
        self.done: deque[SettledWave] = deque()
        """Waves that were settled and not taken yet."""
        self.tally = Tally()
        self._sockets: Prober | None = None
        self._room = room
        self._book, self._rule, self._retry_gap, self._alone = book, rule, retry_gap, alone
        self._clock, self._clock_offset = clock, time() - monotonic()
        self._looked_at = clock()

    def use(self, sockets: Prober) -> None:
        """Take outcomes from these sockets."""
        self._sockets = sockets

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        return self.tally.progress(self.schedule.active, self.vigil.board.sent)

    # -- what leaves -------------------------------------------------------------------------------------------

    def begin(self, hosts: list[Host]) -> None:
        """See `schedule.Settler`."""
        if self.pace is not None:
            self.pace.begin(hosts, self._book, self._clock())

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
                self._answered(probed, where, sent_at, now, is_open=False)
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
        self.tally.finished(wave)
        self.done.append(wave.result(self._clock() + self._clock_offset))

    # -- silence -----------------------------------------------------------------------------------------------

    def looked(self, now: float) -> None:
        """All answers were looked at that had come by now."""
        self._looked_at = now

    def may_send(self, most: int, now: float) -> int:
        """Let rates follow what came; return how many probes may go now, at most `most`."""
        if self.pace is None:
            return most
        if self.schedule.active:
            self.pace.decide(self.vigil, now)
        return self.pace.open(self._book.ways, now, most)

    def look(self, now: float) -> None:
        """Do what is due about silence: ask canaries, and judge what waits for proof. All answers were looked at."""
        if self.schedule.active:
            self.vigil.look(now)
        for wave in [wave for wave in self.schedule.active if wave.waiting]:
            self._judge(wave, now)

    def _judge(self, wave: InFlightWave, now: float) -> None:
        waiting = np.array(wave.waiting, np.int64)
        wave.waiting = []
        silent = Silent(
            count=np.frombuffer(wave.unanswered, np.uint8)[waiting].astype(np.int64),
            tries=[each[waiting] for each in wave.tries],
            host=wave.wave.host[waiting],
            way=wave.ways[waiting],
        )
        target = self._rule.target(self.tally.open, self.tally.settled_with(self.schedule.active))
        said = judge(silent, self.vigil.watch, self._rule, target, now)
        self._follow_judgement(wave, waiting, silent.last, said, now)

    def _follow_judgement(self, wave: InFlightWave, waiting: I64, last: F64, said: Judgement, now: float) -> None:
        wave.waiting = waiting[said.next == Next.WAIT].tolist()
        for place in np.flatnonzero(said.next == Next.AGAIN).tolist():
            self.schedule.again(wave, int(waiting[place]), max(now, float(last[place]) + self._retry_gap))
        settled = said.next == Next.SETTLE
        self.tally.missed(said.missed[settled], said.code[settled])
        for index, code in zip(waiting[settled].tolist(), said.code[settled].tolist(), strict=True):
            self.settle_unasked(wave, index, code)

    # -- what follows ------------------------------------------------------------------------------------------

    def _answered(self, wave: InFlightWave, indices: I64, sent_at: F64, now: float, *, is_open: bool) -> None:
        """Endpoints answered with TCP."""
        now = max(float(sent_at.max()), min(now, self._looked_at + _MOST_HELD_UP))
        wave.note_answers(indices.tolist())
        self.vigil.answered(wave, indices, sent_at, now, is_open=is_open)
        if self.pace is not None:
            self.pace.heard(wave.rows[indices], wave.ways[indices], sent_at, now)

    def _echo(self, places: list[int], now: float, *, is_open: bool) -> None:
        echo = self.vigil.echo(places, min(now, self._looked_at + _MOST_HELD_UP), is_open=is_open)
        if self.pace is not None and len(echo.path):
            self.pace.echoed(echo, now)

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
                    self.tally.open += is_open
                    self._answered(wave, np.array([index]), np.array([attempt.started]), now, is_open=is_open)
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
        elif tries < (self._rule.exact or (_REPORTS if code is not None else 0)):
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
