"""Validate answers: which packets carry our cookie, and which reason code each of them means.

The table is `reasons.icmp_reason`, spread out over all types and codes once, so that a batch is validated by look-ups.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from scanner.core.columns import F64, U8, U16, U64, Indices
from scanner.core.packets.cookie import Cookie
from scanner.core.packets.parse import AnswerKind, Answers, proven
from scanner.core.plan.reasons import Reason, icmp_reason, reason_code

_TCP_REASON = {AnswerKind.SYN_ACK: Reason.SYN_ACK, AnswerKind.RESET: Reason.RESET}


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedAnswers:
    """Answers that passed the cookie check, as columns; all of one length."""

    version: U8
    """IP version of the probed endpoint."""
    high: U64
    """Upper half of its address."""
    low: U64
    """Lower half of its address."""
    port: U16
    """Its port."""
    source_port: U16
    """The port of ours that the probe came from: it names the wave's slot and the attempt."""
    reason: U16
    """Reason code that the answer means."""
    at: F64
    """When it came, seconds on the monotonic clock."""
    router_high: U64
    """Upper half of the address of the router that sent an ICMP error."""
    router_low: U64
    """Lower half of it; 0 for TCP answers."""

    def __len__(self) -> int:
        return len(self.port)

    def rows(self, chosen: Indices) -> "AcceptedAnswers":
        """Return some of them."""
        return AcceptedAnswers(
            self.version[chosen],
            self.high[chosen],
            self.low[chosen],
            self.port[chosen],
            self.source_port[chosen],
            self.reason[chosen],
            self.at[chosen],
            self.router_high[chosen],
            self.router_low[chosen],
        )


def validate(answers: Answers, cookie: Cookie, at: F64) -> tuple[AcceptedAnswers, Indices, int]:
    """Return the answers that carry our cookie, their rows, and how many looked like answers but did not carry it.

    `at`: when each came, seconds on the monotonic clock.
    """
    good = np.flatnonzero(proven(answers, cookie))
    forged = int(np.count_nonzero(answers.kind)) - len(good)
    accepted = AcceptedAnswers(
        version=answers.version[good],
        high=answers.high[good],
        low=answers.low[good],
        port=answers.port[good],
        source_port=answers.source_port[good],
        reason=_reasons(answers, good),
        at=at[good],
        router_high=answers.router_high[good],
        router_low=answers.router_low[good],
    )
    return accepted, good, forged


def _reasons(answers: Answers, rows: Indices) -> U16:
    kind = answers.kind[rows]
    codes = np.zeros(len(rows), np.uint16)
    for each, reason in _TCP_REASON.items():
        codes[kind == each] = reason_code(reason)
    for version in (4, 6):
        chosen = (kind == AnswerKind.ICMP) & (answers.version[rows] == version)
        about = rows[chosen]
        codes[chosen] = _icmp_table(version)[answers.icmp_type[about], answers.icmp_code[about]]
    return codes


@cache
def _icmp_table(version: int) -> U16:
    """Reason codes by ICMP type and code, uint16 (256, 256)."""
    codes = [[reason_code(icmp_reason(version, kind, code)) for code in range(256)] for kind in range(16)]
    table = np.full((256, 256), reason_code(Reason.ICMP_OTHER), np.uint16)
    table[:16] = codes
    return table
