"""`diff`: where two sweeps differ, found by the database and judged by `core.diff`.

SQLite finds the places whose rows differ, by look-ups along the primary key, so that two sweeps of a million open
endpoints with a hundredth of difference never become two million objects. Only those places are loaded, a few
thousand at a time, and each sweep's sight of them is computed from its plan: the plan's permutation tells the
wave of any endpoint, and the wave's row how it went.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scanner.core.diff import Difference, Side, Visibility, differences
from scanner.core.model import PROTOCOL, TRANSPORT, Endpoint, Judged, State, Transport
from scanner.core.plan.plan import Plan
from scanner.core.whole_host import WHOLE_HOST, suspected
from scanner.history.codec import address_of
from scanner.history.store import Store, StoredSweep

EndpointKey: TypeAlias = tuple[bytes, int, int]
"""Packed address, protocol number, port."""

ENDPOINTS_AT_ONCE = 5_000
"""Places that are in memory at a time."""

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


class View:
    """One sweep, as far as it can be compared."""

    def __init__(self, store: Store, sweep: StoredSweep, everywhere: Collection[bytes]) -> None:
        """`everywhere` are the hosts (packed addresses) that answered on every port, in this sweep or the other."""
        self._store, self._sweep = store, sweep
        waves = list(store.waves(sweep))
        summary = sweep.summary.degraded if sweep.summary else ()
        self.degraded = bool(summary) or any(wave.degraded for wave in waves)
        self._hosts, self._veiled = everywhere, frozenset(store.everywhere(sweep))
        sound = sweep.same_order and not self.degraded
        self._clear = {wave.number for wave in waves if sound and wave.complete and not wave.coverage.unknown}
        self._silent = {wave.number for wave in waves if wave.coverage.open_filtered}

    def sides(self, places: list[EndpointKey], judged: Iterable[Judged]) -> Iterator[Side]:
        """What this sweep says of each place; `judged` are its observations there."""
        by_place = {place_of(each.observation.endpoint): each for each in judged}
        for place, turn in zip(places, turns_of(self._sweep.plan, places).tolist(), strict=True):
            if place[2] == WHOLE_HOST and place[0] in self._hosts:
                yield Side(self._sight_of_host(place), by_place.get(place), self.degraded, whole_host=True)
            else:
                sight = self._sight(turn, place)
                yield Side(sight, _worth(by_place.get(place), sight), self.degraded)

    def _sight(self, turn: int, place: EndpointKey) -> Visibility:
        if turn < 0:
            return Visibility.NOT_PLANNED
        if place[0] in self._veiled:
            return Visibility.HOST_ANSWERS_EVERYWHERE
        wave = turn // self._sweep.plan.wave_size
        silent = place[1] == PROTOCOL[Transport.UDP] and wave in self._silent
        return Visibility.COVERED if wave in self._clear and not silent else Visibility.INCONCLUSIVE

    def _sight_of_host(self, place: EndpointKey) -> Visibility:
        """How well it would have been seen that a host answers on every port: all of it was asked, and enough."""
        plan = self._sweep.plan
        if address_of(place[0]) not in plan.targets:
            return Visibility.NOT_PLANNED
        tested = plan.shard.of == 1 and suspected(len(plan.ports), len(plan.ports))
        return Visibility.COVERED if tested and len(self._clear) == plan.waves else Visibility.INCONCLUSIVE


def compare(store: Store, before: StoredSweep, after: StoredSweep) -> Iterator[Difference]:
    """What changed from one sweep to another, by address and port."""
    everywhere = frozenset(store.everywhere(before)) | frozenset(store.everywhere(after))
    views = View(store, before, everywhere), View(store, after, everywhere)
    for places in in_portions(_differing_places(store, before, after)):
        old, new = (
            view.sides(places, store.judged_at(sweep, places))
            for view, sweep in zip(views, (before, after), strict=True)
        )
        for place, left, right in zip(places, old, new, strict=True):
            yield from differences(endpoint_of(place), left, right, after.info.started)


def compare_judged(store: Store, sweep: StoredSweep, again: Iterable[Judged]) -> Iterator[Difference]:
    """What changed although nothing was probed: a sweep against the same sweep judged anew."""
    view = View(store, sweep, frozenset(store.everywhere(sweep)))
    stored = store.judged(sweep)
    judged = iter(again)
    while some := list(islice(stored, ENDPOINTS_AT_ONCE)):
        places = [place_of(each.observation.endpoint) for each in some]
        old = view.sides(places, some)
        for place, left, new in zip(places, old, islice(judged, len(some)), strict=True):
            yield from differences(endpoint_of(place), left, replace(left, judged=new), sweep.info.started)


def _worth(judged: Judged | None, sight: Visibility) -> Judged | None:
    """What is worth anything: of a host that answers on every port, no open one (some came before it was suspected)."""
    veiled = (
        sight is Visibility.HOST_ANSWERS_EVERYWHERE and judged is not None and judged.observation.state is State.OPEN
    )
    return None if veiled else judged


def turns_of(plan: Plan, places: Sequence[EndpointKey]) -> npt.NDArray[np.int64]:
    """The turn of each place in a plan, int64[n]; -1 where the plan does not hold it."""
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
    """An endpoint as the tables hold it."""
    return endpoint.address.packed, PROTOCOL[endpoint.transport], endpoint.port


def endpoint_of(place: EndpointKey) -> Endpoint:
    """The endpoint of a place."""
    return Endpoint(address_of(place[0]), TRANSPORT[place[1]], place[2])


def _differing_places(store: Store, before: StoredSweep, after: StoredSweep) -> Iterator[EndpointKey]:
    with store.database.reading() as connection:
        yield from connection.execute(_DIFFERING, {"a": before.number, "b": after.number})


def in_portions(places: Iterator[EndpointKey]) -> Iterator[list[EndpointKey]]:
    """The same places, `ENDPOINTS_AT_ONCE` at a time."""
    while some := list(islice(places, ENDPOINTS_AT_ONCE)):
        yield some
