"""What goes into a history comes out of it again."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from scanner.app.sweep import WaveResult
from scanner.core.errors import InvalidInput
from scanner.core.model import Coverage, Judged, State
from scanner.core.plan.plan import Shard
from scanner.core.recognise.identity import Conduct, Identity, Tls
from scanner.core.rules.classify import Judge
from scanner.history.database import Database
from scanner.history.recorder import begin_sweep
from scanner.history.store import Store

OPEN = (("10.0.0.3", 22), ("10.0.0.3", 8123), ("10.0.0.9", 443))


async def test_a_sweep_comes_back_as_it_went_in(lab: Any, world: Callable[..., Any]) -> None:
    plan = lab.plan("10.0.0.0/28 fd00::/126", shard=Shard(1, 2))
    sweep_id = await lab.sweep(world(*OPEN, ("fd00::2", 22), unknown=[("10.0.0.5", 22)]), plan, audit="office")
    stored = lab.stored(sweep_id)
    assert stored.plan == plan
    assert stored.info == replace(lab.info(plan), sweep_id=sweep_id, started=stored.info.started)
    assert stored.audit == "office"
    assert stored.settings == {"engine": "world"}
    assert stored.summary is not None
    assert stored.summary.coverage.planned == plan.size
    assert stored.summary.coverage.balanced
    covered, reasons = lab.store().covered(stored)
    assert covered == stored.summary.coverage
    assert reasons == stored.summary.reasons


async def test_observations_and_findings_come_back_as_they_were_judged(lab: Any, world: Callable[..., Any]) -> None:
    sweep_id = await lab.sweep(world(*OPEN))
    found = list(lab.store().judged(lab.stored(sweep_id)))
    assert [(str(j.observation.endpoint.address), j.observation.endpoint.port) for j in found] == sorted(OPEN)
    for judged in found:
        again = Judge(lab.registry).judge(judged.observation)
        assert [replace(f, first_seen=None) for f in judged.findings] == list(again.findings)
        assert all(finding.first_seen == judged.observation.at for finding in judged.findings)
        assert judged.observation.rtt == 0.25


async def test_identities_come_back_too(lab: Any, world: Callable[..., Any]) -> None:
    await lab.sweep(world())
    plan = lab.plan()
    observation = next(iter(world(OPEN[0]).settle(plan.wave(0)).observe(np.array([0]))))
    identity = Identity(Conduct.GREETED, "http", "nginx", "1.22", tls=Tls("TLSv1.3"), asked=("http",))
    seen = replace(observation, state=State.OPEN, identity=identity, evidence="\x1b[31m\ud7ff")
    with Database(lab.path) as database:
        recorder = begin_sweep(database, replace(lab.info(plan), sweep_id="x"), plan, settings={})
        recorder.wave(WaveResult(0, True, Coverage(1, open=1), {"syn-ack": 1}, (Judged(seen, ()),)))
        (back,) = Store(database).judged(Store(database).sweep("x"))
    assert back.observation.identity == identity
    assert back.observation.evidence == seen.evidence
    assert back.findings == ()


async def test_first_seen_is_that_of_the_first_night_and_last_seen_of_the_last(
    lab: Any, world: Callable[..., Any]
) -> None:
    for _ in range(3):
        sweep_id = await lab.sweep(world(*OPEN))
    first = lab.store().sweep("last~2")
    for judged in lab.store().judged(lab.stored(sweep_id)):
        assert all(f.first_seen < first.info.started + timedelta(hours=1) for f in judged.findings)
    query = "SELECT count(*), count(DISTINCT first_seen) FROM known"
    assert lab.store().database.connection.execute(query).fetchone()[0] == len(OPEN)


async def test_an_attempt_at_a_wave_is_replaced_by_the_next(lab: Any, world: Callable[..., Any]) -> None:
    plan = lab.plan()
    with Database(lab.path, create=True) as database:
        recorder = begin_sweep(database, lab.info(plan), plan, settings={})
        judge = Judge(lab.registry)

        def result(*endpoints: tuple[str, int], complete: bool) -> WaveResult:
            settled = world(*endpoints).settle(plan.wave(1))
            judged = tuple(judge.judge(each) for each in settled.observe(settled.places(State.OPEN)))
            return WaveResult(1, complete, settled.coverage(), settled.reasons(), judged)

        here = [(str(plan.wave(1).address(k)), int(plan.wave(1).port[k])) for k in range(4)]
        recorder.wave(result(*here[:3], complete=False))
        recorder.wave(result(*here[2:], complete=True))
        store = Store(database)
        sweep = store.sweep("last")
        found = [(str(j.observation.endpoint.address), j.observation.endpoint.port) for j in store.judged(sweep)]
        assert sorted(found) == sorted(here[2:])
        assert [(wave.number, wave.complete, wave.coverage.open) for wave in store.waves(sweep)] == [(1, True, 2)]
        rows = database.connection.execute("SELECT count(*) FROM finding").fetchone()[0]
        assert rows == sum(len(judged.findings) for judged in store.judged(sweep))


async def test_a_sweep_is_named_by_its_beginning_or_by_its_place(lab: Any, world: Callable[..., Any]) -> None:
    ids = [await lab.sweep(world()) for _ in range(3)]
    store = lab.store()
    assert [sweep.id for sweep in store.sweeps()] == ids[::-1]
    assert store.sweep("last").id == ids[2]
    assert store.sweep("last~2").id == ids[0]
    assert store.sweep(ids[1][:10]).id == ids[1]
    for word, complaint in [
        ("2026", "several"),
        ("", "several"),
        ("1999", "no such"),
        ("last~3", "that far"),
        ("last~9999999999999999999999", "that far"),
    ]:
        with pytest.raises(InvalidInput, match=complaint):
            store.sweep(word)


async def test_the_sweep_before_is_of_the_same_audit_and_shares_endpoints(lab: Any, world: Callable[..., Any]) -> None:
    same = await lab.sweep(world(), audit="office")
    await lab.sweep(world(), audit="lab")
    await lab.sweep(world(), lab.plan("10.9.0.0/28"), audit="office")
    await lab.sweep(world(), lab.plan(ports=(1,)), audit="office")
    latest = lab.stored(await lab.sweep(world(), audit="office"))
    before = lab.store().before(latest)
    assert before is not None
    assert before.id == same
    assert lab.store().before(lab.stored(same)) is None


async def test_a_whole_sweep_is_preferred_to_compare_with(lab: Any, world: Callable[..., Any]) -> None:
    whole = await lab.sweep(world())
    await lab.sweep(world(degraded=("the link was down",)))
    latest = lab.stored(await lab.sweep(world()))
    before = lab.store().before(latest)
    assert before is not None
    assert before.id == whole


async def test_pruning_forgets_old_sweeps_and_what_was_not_seen_since(lab: Any, world: Callable[..., Any]) -> None:
    await lab.sweep(world(*OPEN))
    for _ in range(2):
        await lab.sweep(world(*OPEN[:2]))
    stale = [lab.path.with_name(f"history.db.{name}.lock") for name in (lab.store().sweep("last").id, "gone")]
    for lock in stale:
        lock.touch()
    keep = lab.store().sweep("last~1").info.started
    assert lab.store().prune(keep) == 1
    assert [lock.exists() for lock in stale] == [True, False]
    store = lab.store()
    assert len(list(store.sweeps())) == 2
    connection = store.database.connection
    assert connection.execute("SELECT count(*) FROM known").fetchone()[0] == 2
    for table in ("observation", "finding", "wave"):
        sweeps = connection.execute(f"SELECT DISTINCT sweep FROM {table} ORDER BY 1").fetchall()
        assert sweeps == [(2,), (3,)]
    first = next(iter(store.judged(store.sweep("last")))).findings[0].first_seen
    assert first is not None
    assert first < keep, "since when is remembered for longer than the sweeps"


async def test_the_file_is_for_its_owner_alone(lab: Any, world: Callable[..., Any]) -> None:
    await lab.sweep(world())
    with Database(lab.path) as database, database.transaction() as connection:
        connection.execute("INSERT INTO word (text) VALUES ('x')")
        modes = {stat.S_IMODE(path.stat().st_mode) for path in lab.path.parent.glob("history.db*")}
        assert len(list(lab.path.parent.glob("history.db*"))) == 3
    assert modes == {0o600}
