"""A sweep outlives its history: what breaks when, and what is said of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.app.sweep import WaveResult
from scanner.app.sweep_history import SweepHistory, earlier_of, open_store
from scanner.core.errors import AlreadyRunning
from scanner.core.model import Coverage, RegistryIdentity
from scanner.core.plan.plan import Plan
from scanner.core.report import Summary, SweepInfo
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import TargetSet

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLAN = Plan(TargetSet([network_span("127.0.0.0/28")]), (22, 80), seed=1, wave_size=8)
REGISTRY = RegistryIdentity("r", "2026-01-01", "0", 1)
INFO = SweepInfo("20260601T000000Z-0001", NOW, "1", "t", "p", 16, 2, "fake", "", 1, "1/1", REGISTRY)
SUMMARY = Summary(INFO, NOW, Coverage(planned=32, closed=32), {"reset": 32}, {}, {})
WAVE = WaveResult(0, True, Coverage(planned=8, closed=8), {"reset": 8}, ())

Make = Callable[..., tuple[SweepHistory, list[str]]]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def made(path: Path | None = None) -> tuple[SweepHistory, list[str]]:
        said: list[str] = []
        return SweepHistory(path, warn=said.append), said

    return made


def test_a_sweep_that_goes_well_leaves_only_the_history(make: Make, tmp_path: Path) -> None:
    memory, said = make()
    with memory:
        memory.begin(INFO, PLAN, {})
        memory.wave(WAVE)
        assert memory.end(memory.account(SUMMARY)) is SUMMARY
    assert said == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["history.db"]
    store = open_store(None)
    with store.database:
        sweep = store.sweep("last")
        assert store.unfinished(sweep)
        assert earlier_of(store, sweep).waves == {0}
        assert earlier_of(store, sweep).coverage == WAVE.coverage


def test_a_history_asked_for_by_name_is_missed(make: Make, tmp_path: Path) -> None:
    (tmp_path / "h.db").write_text("something else entirely" * 100)
    memory, said = make(tmp_path / "h.db")
    with memory:
        assert memory.asked(PLAN, None) is None
        memory.begin(INFO, PLAN, {})
        memory.wave(WAVE)
        assert memory.first_seen(["00" * 8]) == {}
        ended = memory.end(memory.account(SUMMARY))
    assert len(said) == 1, "once is enough"
    assert len(ended.degraded) == 1
    assert ended.notes == ()
    assert not ended.complete


def test_one_that_is_only_there_by_default_is_noted(make: Make, tmp_path: Path) -> None:
    (tmp_path / "scanner").write_text("in the way")
    memory, said = make()
    with memory:
        memory.begin(INFO, PLAN, {})
        ended = memory.end(memory.account(SUMMARY))
    assert len(said) == 1
    assert ended.degraded == ()
    assert "the history was not kept" in ended.notes[0]
    assert ended.complete


def test_one_that_breaks_on_the_way_degrades_the_sweep(make: Make) -> None:
    memory, said = make()
    with memory:
        memory.begin(INFO, PLAN, {})
        store = memory.store
        assert store is not None
        store.database.connection.execute("DROP TABLE wave")
        memory.wave(WAVE)
        memory.wave(replace(WAVE, number=1))
        ended = memory.end(memory.account(SUMMARY))
    assert len(said) == 1
    assert "no such table: wave" in ended.degraded[0]


def test_a_sweep_that_runs_is_not_resumed_by_another(make: Make) -> None:
    memory, _ = make()
    with memory:
        memory.begin(INFO, PLAN, {})
        store = open_store(None)
        with store.database:
            stored = store.sweep("last")
        other = SweepHistory(None, warn=pytest.fail, resumed=stored)
        with other, pytest.raises(AlreadyRunning, match="sweep 20260601T000000Z-0001 is already running") as caught:
            other.begin(INFO, PLAN, {})
        assert caught.value.exit_status == 5
    with SweepHistory(None, warn=pytest.fail, resumed=stored) as again:
        again.begin(INFO, PLAN, {})


def test_an_end_that_cannot_be_recorded_degrades_the_sweep(make: Make) -> None:
    memory, said = make()
    with memory:
        memory.begin(INFO, PLAN, {})
        assert memory.account(SUMMARY) is SUMMARY
        store = memory.store
        assert store is not None
        store.database.connection.execute("ALTER TABLE sweep DROP COLUMN summary")
        ended = memory.end(SUMMARY)
    assert len(said) == len(ended.degraded) == 1
