"""Finds where two stored sweeps differ, and asks `core.diff` what that means.

SQLite finds the endpoints whose rows differ, by look-ups along the primary key, so that two sweeps of a million open
endpoints with a hundredth of difference never become two million objects. Only those endpoints are loaded, a few
thousand at a time, and how well each sweep saw them is computed from its plan: the plan's permutation tells the
wave of any endpoint, and the wave's row how it went.

A host that answered on every port stays so for every later sweep that did not screen it again: one that was cut
short, or that asked too few ports to suspect it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scanner.core.diff import Basis, Difference, Side, Visibility, basis_of, differences
from scanner.core.errors import InvalidInput
from scanner.core.model import PROTOCOL, TRANSPORT, Endpoint, Judged, State, Transport
from scanner.core.plan.plan import Plan
from scanner.core.whole_host import WHOLE_HOST_PORT, suspected
from scanner.history.codec import address_of
from scanner.history.overlap import Overlap, overlap
from scanner.history.store import Store
from scanner.history.stored import StoredSweep

EndpointKey: TypeAlias = tuple[bytes, int, int]
"""Packed address, protocol number, port."""

ENDPOINTS_AT_ONCE = 5_000
"""Endpoints that are in memory at a time."""

_WORD = (1 << 64) - 1

_SAME = "{0}.address = {1}.address AND {0}.transport = {1}.transport AND {0}.port = {1}.port"
_DIFFERING = f"""
    SELECT b.address, b.transport, b.port FROM observation b
      LEFT JOIN observation a ON a.sweep = :a AND {_SAME.format("a", "b")}
      WHERE b.sweep = :b AND (a.state IS NOT b.state OR a.speaks IS NOT b.speaks)
    UNION SELECT a.address, a.transport, a.port FROM observation a
      LEFT JOIN observation b ON b.sweep = :b AND {_SAME.format("a", "b")}
      WHERE a.sweep = :a AND b.sweep IS NULL
    UNION SELECT b.address, b.transport, b.port FROM finding b
      LEFT JOIN finding a ON a.sweep = :a AND {_SAME.format("a", "b")} AND a.rule = b.rule
      WHERE b.sweep = :b AND a.verdict IS NOT b.verdict
    UNION SELECT a.address, a.transport, a.port FROM finding a
      LEFT JOIN finding b ON b.sweep = :b AND {_SAME.format("a", "b")} AND a.rule = b.rule
      WHERE a.sweep = :a AND b.sweep IS NULL
    ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sweeps differ in."""

    before: StoredSweep
    """The earlier sweep."""
    after: StoredSweep
    """The later sweep."""
    overlap: Overlap
    """How many endpoints were compared."""
    changes: Iterator[Difference]
    """The changes by address and port, read from the history as they are asked for."""

    @property
    def clock_doubt(self) -> str:
        """A sentence where the later sweep has the earlier date, else empty."""
        if self.before.info.started <= self.after.info.started or "imported" in self.after.settings:
            return ""
        return (
            f"sweep {self.before.id} was recorded before {self.after.id} and has a later date: "
            "the clock was wrong in one of them"
        )


class SweepView:
    """What one sweep says of any endpoint."""

    def __init__(self, store: Store, sweep: StoredSweep, everywhere: Collection[bytes]) -> None:
        """`everywhere` are the hosts (packed addresses) that answered on every port, in this sweep or the other."""
        self._plan, self._basis = sweep.plan, basis_of(sweep.info)
        waves = list(store.waves(sweep))
        self.degraded = bool(sweep.summary and sweep.summary.degraded) or any(wave.degraded for wave in waves)
        self._hosts, self._veiled = everywhere, _answering_everywhere(store, sweep)
        sound = sweep.same_order and not self.degraded
        self._covered = {wave.number for wave in waves if sound and wave.complete and not wave.coverage.unknown}
        self._silent = {wave.number for wave in waves if wave.coverage.filtered or wave.coverage.open_filtered}
        self._udp_silent = {wave.number for wave in waves if wave.coverage.open_filtered}
        self._heard = {key[0] for key in store.answered_places(sweep, everywhere)} if everywhere else set()

    def sides(self, places: list[EndpointKey], judged: Iterable[Judged]) -> Iterator[Side]:
        """Yield what this sweep says of each endpoint; `judged` are its observations there."""
        by_place = {place_of(each.observation.endpoint): each for each in judged}
        for place, turn in zip(places, turns_of(self._plan, places).tolist(), strict=True):
            if place[2] == WHOLE_HOST_PORT and place[0] in self._hosts:
                yield self._host(place, by_place.get(place))
            else:
                yield self._side(turn, place, by_place.get(place))

    def _side(self, turn: int, place: EndpointKey, judged: Judged | None) -> Side:
        visibility, wave = self._visibility(turn, place), turn // self._plan.wave_size
        if visibility is Visibility.HOST_ANSWERS_EVERYWHERE and judged and judged.observation.state is State.OPEN:
            judged = None  # it was stored before the host was suspected
        return Side(visibility, judged, self._basis, self.degraded, wave not in self._silent)

    def _visibility(self, turn: int, place: EndpointKey) -> Visibility:
        if turn < 0:
            return Visibility.NOT_PLANNED
        if place[0] in self._veiled:
            return Visibility.HOST_ANSWERS_EVERYWHERE
        wave = turn // self._plan.wave_size
        silent = place[1] == PROTOCOL[Transport.UDP] and wave in self._udp_silent
        return Visibility.COVERED if wave in self._covered and not silent else Visibility.INCONCLUSIVE

    def _host(self, place: EndpointKey, judged: Judged | None) -> Side:
        """What it says of a whole host: that it ceased to answer everywhere takes an answer, and every wave."""
        if address_of(place[0]) not in self._plan.targets:
            visibility = Visibility.NOT_PLANNED
        elif _can_suspect(self._plan) and len(self._covered) == self._plan.waves:
            visibility = Visibility.COVERED
        else:
            visibility = Visibility.INCONCLUSIVE
        heard = place[0] in self._heard or not self._silent
        return Side(visibility, judged, self._basis, self.degraded, heard, whole_host=True)


def compare_sweeps(store: Store, before: StoredSweep, after: StoredSweep) -> Comparison:
    """Compare two sweeps of a history.

    Raises:
        InvalidInput: they have no endpoint in common.
    """
    shared = overlap(before.plan, after.plan)
    if not shared.common:
        raise InvalidInput(
            f"sweeps {before.id} and {after.id} have no endpoint in common, so there is nothing to compare",
            cure="`scanner history` shows what each sweep covered",
        )
    return Comparison(before, after, shared, compare(store, before, after))


def compare(store: Store, before: StoredSweep, after: StoredSweep) -> Iterator[Difference]:
    """Yield what changed from one sweep to another, by address and port."""
    everywhere = frozenset(store.everywhere(before)) | frozenset(store.everywhere(after))
    views = SweepView(store, before, everywhere), SweepView(store, after, everywhere)
    for places in in_portions(_differing_places(store, before, after)):
        old, new = (
            view.sides(places, store.judged_at(sweep, places))
            for view, sweep in zip(views, (before, after), strict=True)
        )
        for place, left, right in zip(places, old, new, strict=True):
            yield from differences(endpoint_of(place), left, _with_earlier_answer(store, place, right, before, after))


def compare_judged(store: Store, sweep: StoredSweep, again: Iterable[Judged], judged_by: Basis) -> Iterator[Difference]:
    """Yield what changed although nothing was probed: a sweep against the same observations judged anew.

    `again` are the observations of `store.judged(sweep)` in the same order, judged by `judged_by`.
    """
    view = SweepView(store, sweep, frozenset(store.everywhere(sweep)))
    stored = store.judged(sweep)
    judged = iter(again)
    while some := list(islice(stored, ENDPOINTS_AT_ONCE)):
        places = [place_of(each.observation.endpoint) for each in some]
        old = view.sides(places, some)
        for place, left, new in zip(places, old, islice(judged, len(some)), strict=True):
            yield from differences(endpoint_of(place), left, replace(left, judged=new, basis=judged_by))


def _with_earlier_answer(store: Store, place: EndpointKey, side: Side, before: StoredSweep, after: StoredSweep) -> Side:
    """Return what the later sweep says, with the answer of a sweep in between: what closed is asked by name only once.

    An endpoint that was closed by an answer in between and is not open now stays closed, silent neighbours or not.
    """
    if side.judged is None and side.silent and not side.whole_host:
        closed = store.state_between(place, before, after) is State.CLOSED
        return replace(side, all_answered=True) if closed else side
    return side


def _answering_everywhere(store: Store, sweep: StoredSweep) -> frozenset[bytes]:
    """Return the hosts of which a sweep cannot tell single ports: found so by it, or earlier and not screened since."""
    found = set(store.everywhere(sweep))
    if _screens(sweep):
        return frozenset(found)
    for earlier in store.sweeps(audit=sweep.audit, before=sweep):
        found.update(store.everywhere(earlier))
        if _screens(earlier) and overlap(earlier.plan, sweep.plan).common:
            break
    return frozenset(found)


def _screens(sweep: StoredSweep) -> bool:
    """Whether a sweep would have found every host of its plan that answers on every port."""
    return sweep.complete and _can_suspect(sweep.plan)


def _can_suspect(plan: Plan) -> bool:
    return plan.shard.of == 1 and suspected(len(plan.ports), len(plan.ports))


def turns_of(plan: Plan, places: Sequence[EndpointKey]) -> npt.NDArray[np.int64]:
    """Return the turn of each endpoint in a plan, int64[n]; -1 where the plan does not hold it."""
    numbers = [int.from_bytes(address) for address, _, _ in places]
    version = np.array([4 if len(address) == 4 else 6 for address, _, _ in places], np.uint8)
    high = np.array([number >> 64 for number in numbers], np.uint64)
    low = np.array([number & _WORD for number in numbers], np.uint64)
    host = plan.columns.find(version, high, low)
    ports = np.array([port for _, _, port in places], np.uint16)
    transports = np.array([protocol for _, protocol, _ in places], np.uint8)
    planned = host >= 0
    turns = np.full(len(places), -1, np.int64)
    if planned.any():
        turns[planned] = plan.locate(host[planned].astype(np.uint64), ports[planned], transports[planned])
    return turns


def place_of(endpoint: Endpoint) -> EndpointKey:
    """Return an endpoint as the tables hold it."""
    return endpoint.address.packed, PROTOCOL[endpoint.transport], endpoint.port


def endpoint_of(place: EndpointKey) -> Endpoint:
    """Return the endpoint of a key."""
    return Endpoint(address_of(place[0]), TRANSPORT[place[1]], place[2])


def _differing_places(store: Store, before: StoredSweep, after: StoredSweep) -> Iterator[EndpointKey]:
    with store.database.reading() as connection:
        yield from connection.execute(_DIFFERING, {"a": before.number, "b": after.number})


def in_portions(places: Iterator[EndpointKey]) -> Iterator[list[EndpointKey]]:
    """Yield the same endpoint keys, `ENDPOINTS_AT_ONCE` at a time."""
    while some := list(islice(places, ENDPOINTS_AT_ONCE)):
        yield some
