"""What the history keeps of a sweep and of a wave, and how their rows become values.

Only this file and `codec.py` know the columns in their order; the queries that name them stand beside the readers.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scanner.core.model import TRANSPORT, Coverage, Endpoint, Observation, State
from scanner.core.plan.plan import Plan
from scanner.core.report import Summary, SweepInfo
from scanner.history.codec import (
    IdentityCodec,
    address_of,
    info_of,
    moment,
    plan_of,
    same_order,
    settings_of,
    summary_of,
)

SWEEP_COLUMNS = "number, id, audit, started, finished, info, plan, settings, summary"

OBSERVATIONS = (
    "SELECT address, transport, port, state, reason, at, rtt_us, evidence, hostname, identity"
    " FROM observation WHERE sweep = :sweep"
)
FINDINGS = (
    "SELECT address, transport, port, rule, severity, verdict, registry_status, service, detail, policy_entry"
    " FROM finding WHERE sweep = :sweep"
)


@dataclass(frozen=True)
class StoredSweep:
    """A sweep as the history has it."""

    number: int
    """Its row. Rows count up in the order of recording, whatever the clock said."""
    id: str
    """Its id, as in every output."""
    audit: str
    """The name of the audit that it belongs to, or empty."""
    info: SweepInfo
    """What was fixed before the first probe."""
    settings: Mapping[str, Any]
    """The options that it was started with; `resume` and `reclassify` read them."""
    summary: Summary | None
    """How it ended; None where it was killed or is still running."""
    plan_text: str
    """Its plan as stored."""

    @cached_property
    def plan(self) -> Plan:
        """Its plan."""
        return plan_of(self.plan_text)

    @cached_property
    def same_order(self) -> bool:
        """Whether this version would put each endpoint into the same wave."""
        return same_order(self.plan_text, self.plan)

    @property
    def complete(self) -> bool:
        """Whether it ended with everything covered and nothing degraded."""
        return self.summary is not None and self.summary.complete


@dataclass(frozen=True, slots=True)
class StoredWave:
    """A wave as the history has it."""

    number: int
    """Place of the wave in the plan's shard."""
    complete: bool
    """Whether all of it was probed."""
    coverage: Coverage
    """What it covered."""
    reasons: Mapping[str, int]
    """How many endpoints have each reason."""
    degraded: tuple[str, ...]
    """Why answers may have been lost."""


class RowsByEndpoint:
    """Rows that are sorted by endpoint, handed out endpoint by endpoint."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, key: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one endpoint; ask in ascending order, rows in between are skipped."""
        while self._next is not None and self._next[:3] <= key:
            if self._next[:3] == key:
                yield self._next
            self._next = next(self._rows, None)


def sweep_of(row: tuple[Any, ...]) -> StoredSweep:
    """Return the sweep of a row of `SWEEP_COLUMNS`."""
    number, id_, audit, _, _, info_json, plan_json, settings, summary = row
    info = info_of(info_json)
    return StoredSweep(
        number=number,
        id=id_,
        audit=audit,
        info=info,
        settings=settings_of(settings),
        summary=summary_of(summary, info) if summary else None,
        plan_text=plan_json,
    )


def wave_of(row: tuple[Any, ...]) -> StoredWave:
    """Return the wave of a row of the whole table."""
    _, number, complete, planned, sent, answered, open_, closed, filtered, unknown, unreachable, *rest = row
    *texts, silent = rest
    coverage = Coverage(
        planned=planned,
        sent=sent,
        answered=answered,
        open=open_,
        closed=closed,
        filtered=filtered,
        unknown=unknown,
        unreachable_hosts=unreachable,
        open_filtered=silent,
    )
    reasons, degraded = map(json.loads, texts)
    return StoredWave(number, bool(complete), coverage, reasons, tuple(degraded))


def observation_of(row: tuple[Any, ...], text: Callable[[int | None], str], identities: IdentityCodec) -> Observation:
    """Return the observation of a row of `OBSERVATIONS`; `text` looks words up."""
    address, transport, port, state, reason, at, rtt_us, evidence, hostname, identity = row
    return Observation(
        endpoint=Endpoint(address_of(address), TRANSPORT[transport], port),
        state=State(text(state)),
        reason=text(reason),
        at=moment(at),
        rtt=None if rtt_us is None else rtt_us / 1e6,
        evidence=text(evidence),
        hostname=text(hostname),
        identity=identities.value(identity) if identity else None,
    )
