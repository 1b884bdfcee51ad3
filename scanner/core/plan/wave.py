"""A wave and its outcome, as columns.

A wave is a run of consecutive plan positions that is probed, retried and settled together. Held as numpy
columns it costs a few dozen bytes an endpoint, whatever is found; only what somebody asks for becomes an
`Observation`. An engine's whole result is one reason code for each place of the wave: the state follows
from the reason (`reasons.py`), so counting is one `bincount`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import numpy.typing as npt

from scanner.core.columns import F32, F64, U8, U16, U64, Indices
from scanner.core.model import PROTOCOL, TRANSPORT, Address, Coverage, Endpoint, Observation, State, Transport
from scanner.core.plan.reasons import (
    ANSWERS,
    LOCAL_ERROR,
    Reason,
    known_codes,
    reason_code,
    reason_codes,
    reason_state,
    reason_text,
)
from scanner.core.recognise.identity import Identity


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """Endpoints to be probed together; all columns have one length."""

    number: int
    """Place of the wave in its plan's shard, from 0."""
    host: U64
    """Index of each endpoint's address in the target set."""
    port: U16
    """Port numbers."""
    version: U8
    """IP version of each address, 4 or 6."""
    high: U64
    """Upper 64 bits of each address; 0 for IPv4."""
    low: U64
    """Lower 64 bits of each address; the address itself for IPv4."""
    transport: U8
    """IANA's protocol number of each transport, 6 or 17; one byte in all where they are the same (`one_transport`)."""

    def __len__(self) -> int:
        return len(self.port)

    def address(self, place: int) -> Address:
        """The address at a place, as an object."""
        low = int(self.low[place])
        if self.version[place] == 4:
            return IPv4Address(low)
        return IPv6Address(int(self.high[place]) << 64 | low)

    def endpoint(self, place: int) -> Endpoint:
        """The endpoint at a place, as an object."""
        return Endpoint(self.address(place), TRANSPORT[int(self.transport[place])], int(self.port[place]))

    def part(self, places: Indices | slice, number: int | None = None) -> "Wave":
        """Some places as a wave of their own, of the same number unless another is given."""
        return Wave(
            self.number if number is None else number,
            self.host[places],
            self.port[places],
            self.version[places],
            self.high[places],
            self.low[places],
            self.transport[places],
        )


@dataclass(frozen=True, slots=True, eq=False)
class SettledWave:
    """A wave with what is known of each of its endpoints. The whole output of an engine."""

    wave: Wave
    """What was probed."""
    reason: U16
    """Reason code of each place (`reasons.reason_code`)."""
    at: F64
    """When each place was settled, seconds since the epoch."""
    rtt: F32
    """Seconds from probe to answer; NaN where nothing answered."""
    sent: int
    """Probes sent for this wave, retries included."""
    complete: bool = True
    """False where the wave was interrupted: it must be probed again by whoever resumes."""
    evidence: Mapping[int, str] = field(default_factory=dict)
    """Words that back the reason of some places: the router that sent an ICMP error, say."""
    unreachable_hosts: int = 0
    """Addresses that were, during this wave, found to be absent and settled as a whole."""
    absent: tuple[int, ...] = ()
    """Which they are, by their index in the target set, where the engine says so."""
    degraded: tuple[str, ...] = ()
    """Why answers may have been lost, one line each; empty when nothing of the kind happened."""
    answers_by_try: tuple[int, ...] = ()
    """How many endpoints answered with TCP to the first try, the second, ...; for `recall.estimate`."""
    identities: Mapping[int, Identity] = field(default_factory=dict)
    """What speaks at some places, where the answer to a probe already told."""

    def places(self, state: State) -> npt.NDArray[np.intp]:
        """The places that are in a state, ascending."""
        if state is State.UNKNOWN:
            mask = _mask(self.reason, state) | (self.reason & LOCAL_ERROR).astype(bool)
        else:
            mask = _mask(self.reason, state)
        return np.flatnonzero(mask)

    def coverage(self) -> Coverage:
        """Counts of this wave; `excluded` belongs to the plan and is 0 here."""
        counts = np.bincount(self.reason[(self.reason & LOCAL_ERROR) == 0], minlength=len(known_codes()))
        by_state = dict.fromkeys(State, 0)
        for code in known_codes():
            by_state[reason_state(code)] += int(counts[code])
        by_state[State.UNKNOWN] += int(np.count_nonzero(self.reason & LOCAL_ERROR))
        return Coverage(
            planned=len(self.wave),
            sent=self.sent,
            answered=int(counts[list(reason_codes(ANSWERS))].sum()),
            open=by_state[State.OPEN],
            closed=by_state[State.CLOSED],
            filtered=by_state[State.FILTERED],
            open_filtered=by_state[State.OPEN_FILTERED],
            unknown=by_state[State.UNKNOWN],
            unreachable_hosts=self.unreachable_hosts,
        )

    def reasons(self) -> dict[str, int]:
        """How many places have each reason, in words."""
        codes, counts = np.unique(self.reason, return_counts=True)
        return {reason_text(int(code)): int(count) for code, count in zip(codes, counts, strict=True)}

    def observe(self, places: npt.NDArray[np.intp]) -> Iterator[Observation]:
        """The observations at some places, as objects."""
        for place in places.tolist():
            code = int(self.reason[place])
            rtt = float(self.rtt[place])
            yield Observation(
                endpoint=self.wave.endpoint(place),
                state=reason_state(code),
                reason=reason_text(code),
                at=datetime.fromtimestamp(float(self.at[place]), UTC),
                rtt=None if rtt != rtt else rtt,
                evidence=self.evidence.get(place, ""),
                identity=self.identities.get(place),
            )


def one_transport(transport: Transport, size: int) -> U8:
    """The transport column of `size` endpoints of one transport, uint8[size]; read-only, and one byte in memory."""
    return np.broadcast_to(np.uint8(PROTOCOL[transport]), size)


def unsettled(wave: Wave, now: float, reason: Reason = Reason.INTERRUPTED) -> SettledWave:
    """A wave of which nothing was probed, and why."""
    size = len(wave)
    return SettledWave(
        wave=wave,
        reason=np.full(size, reason_code(reason), np.uint16),
        at=np.full(size, now, np.float64),
        rtt=np.full(size, np.nan, np.float32),
        sent=0,
        complete=False,
    )


def _mask(reasons: U16, state: State) -> npt.NDArray[np.bool_]:
    codes = [code for code in known_codes() if reason_state(code) is state]
    return np.isin(reasons, np.array(codes, np.uint16))
