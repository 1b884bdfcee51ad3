"""The loop: whatever happens, every planned endpoint has exactly one state, and no more is claimed than was seen."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

import numpy as np
import numpy.typing as npt
import pytest

from scanner.app.sweep import Earlier, Sweep, WaveResult
from scanner.core.errors import HistoryUnusable
from scanner.core.model import Coverage, Observation, RegistryIdentity, Severity, State, Verdict
from scanner.core.plan.plan import Plan
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import Wave
from scanner.core.report import Summary, SweepInfo
from scanner.core.rules.classify import Judge
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet
from scanner.engines.fake import FakeEngine
from scanner.registry.source import load_bundled

NOW = datetime(2026, 2, 13, tzinfo=UTC)
FIRST = int(ip_address("10.0.0.1"))
REGISTRY = load_bundled()
INFO = SweepInfo("s", NOW, "0", "10.0.0.1-10", "1-100", 10, 100, "fake", "", 1, "1/1", RegistryIdentity("", "", "", 0))


def plan(hosts: int = 10, ports: int = 100, wave_size: int = 64) -> Plan:
    return Plan(TargetSet([Span(4, FIRST, FIRST + hosts - 1)]), tuple(range(1, ports + 1)), 1, wave_size=wave_size)


def open_on(*ports: int) -> FakeEngine:
    def answers(wave: Wave) -> npt.NDArray[np.uint16]:
        return np.where(np.isin(wave.port, ports), reason_code(Reason.SYN_ACK), reason_code(Reason.RESET)).astype("u2")

    return FakeEngine(answers)


async def finish(sweep: Sweep) -> tuple[list[WaveResult], Summary]:
    results = [result async for result in sweep.results()]
    return results, sweep.summary(INFO, NOW)


async def test_every_wave_is_judged_and_the_totals_balance() -> None:
    results, summary = await finish(Sweep(plan(), open_on(4, 22), Judge(REGISTRY), excluded=7))
    assert sorted(result.number for result in results) == list(range(16))
    coverage = summary.coverage
    assert (coverage.planned, coverage.open, coverage.closed, coverage.unknown) == (1000, 20, 980, 0)
    assert coverage.excluded == 7
    assert coverage.balanced
    assert summary.complete
    assert summary.reasons == {"syn-ack": 20, "reset": 980}
    rules = {finding.rule for result in results for judged in result.judged for finding in judged.findings}
    assert rules == {"open-unassigned", "open-assigned"}
    assert summary.findings[Severity.MEDIUM] == 10
    assert summary.verdicts[Verdict.UNDETERMINED] == 10


async def test_a_stopped_sweep_says_what_it_did_not_see() -> None:
    sweep = Sweep(plan(), open_on(4), Judge(REGISTRY))
    async for _ in sweep.results():
        sweep.stop()
    summary = sweep.summary(INFO, NOW)
    assert summary.interrupted
    assert not summary.complete
    assert summary.coverage.balanced
    assert summary.coverage.planned == 1000
    assert 0 < summary.coverage.unknown == summary.reasons["interrupted"]


async def test_before_it_begins_everything_is_unknown() -> None:
    sweep = Sweep(plan(), open_on(), Judge(REGISTRY))
    assert sweep.coverage == Coverage(planned=1000, unknown=1000)
    assert not sweep.summary(INFO, NOW).complete


async def test_what_an_earlier_run_settled_is_not_probed_again_and_counts_once() -> None:
    earlier = Earlier(frozenset({0, 1, 15}), Coverage(planned=168, sent=168, answered=168, closed=168), {"reset": 168})
    results, summary = await finish(Sweep(plan(), open_on(), Judge(REGISTRY), earlier=earlier))
    assert sorted(result.number for result in results) == list(range(2, 15))
    assert summary.coverage == Coverage(planned=1000, sent=1000, answered=1000, closed=1000)
    assert summary.reasons == {"reset": 1000}


async def test_asked_for_endpoints_are_judged_in_whatever_state() -> None:
    seen = Sweep(plan(), open_on(), Judge(REGISTRY), asked=lambda wave: np.flatnonzero(wave.port == 50))
    results, _ = await finish(seen)
    judged = [each for result in results for each in result.judged]
    assert len(judged) == 10
    assert {each.observation.state for each in judged} == {State.CLOSED}


async def test_names_and_identities_are_added_to_open_endpoints_only() -> None:
    asked: list[Observation] = []

    class Identifying:
        async def identify(self, observations: Sequence[Observation]) -> Sequence[Observation]:
            asked.extend(observations)
            return observations

    names = {ip_address("10.0.0.3"): "printer.example"}
    sweep = Sweep(plan(), open_on(4), Judge(REGISTRY), identifier=Identifying(), hostnames=names)
    results, _ = await finish(sweep)
    hostnames = {str(j.observation.endpoint.address): j.observation.hostname for r in results for j in r.judged}
    assert hostnames["10.0.0.3"] == "printer.example"
    assert hostnames["10.0.0.4"] == ""
    assert len(asked) == 10


class Forgetful:
    """A history that fails after a while."""

    def __init__(self, waves: int) -> None:
        self.left = waves

    def first_seen(self, finding_ids: Sequence[str]) -> Mapping[str, datetime]:
        return {}

    def wave(self, result: WaveResult) -> None:
        self.left -= 1
        if self.left < 0:
            raise HistoryUnusable("disk full")


async def test_a_sweep_outlives_its_history_and_says_so() -> None:
    results, summary = await finish(Sweep(plan(), open_on(4), Judge(REGISTRY), recorder=Forgetful(3)))
    assert len(results) == 16
    assert any("disk full" in line for line in summary.degraded)
    assert not summary.complete
    assert summary.coverage.unknown == 0


@pytest.mark.parametrize("known", [None, datetime(2026, 1, 1, tzinfo=UTC)])
async def test_findings_carry_since_when(known: datetime | None) -> None:
    class Remembering(Forgetful):
        def first_seen(self, finding_ids: Sequence[str]) -> Mapping[str, datetime]:
            return dict.fromkeys(finding_ids, known) if known else {}

    results, _ = await finish(Sweep(plan(), open_on(4), Judge(REGISTRY), recorder=Remembering(99)))
    first_seen = {finding.first_seen for r in results for j in r.judged for finding in j.findings}
    if known:
        assert first_seen == {known}
    else:
        assert all(when and when.year >= 2026 for when in first_seen)


def udp_plan(ports: int = 100) -> Plan:
    return Plan(TargetSet([Span(4, FIRST, FIRST)]), (), 1, wave_size=64, udp_ports=tuple(range(1, ports + 1)))


def silent_on(*ports: int) -> FakeEngine:
    def answers(wave: Wave) -> npt.NDArray[np.uint16]:
        said = reason_code(Reason.UDP_NO_RESPONSE), reason_code(Reason.PORT_UNREACHABLE)
        return np.where(np.isin(wave.port, ports), *said).astype("u2")

    return FakeEngine(answers)


async def test_silent_udp_ports_are_listed_once_when_all_ports_are_settled() -> None:
    results, summary = await finish(Sweep(udp_plan(), silent_on(7, 77), Judge(REGISTRY)))
    found = [(n, j.observation.endpoint.port) for n, result in enumerate(results) for j in result.judged]
    assert sorted(found) == [(1, 7), (1, 77)]
    assert summary.findings[Severity.LOW] == 2
    assert summary.coverage.open_filtered == 2
    assert not summary.notes


async def test_many_silent_udp_ports_are_one_line_of_the_summary() -> None:
    results, summary = await finish(Sweep(udp_plan(), silent_on(*range(1, 30)), Judge(REGISTRY)))
    assert not any(result.judged for result in results)
    (note,) = summary.notes
    assert "a filter seems to drop UDP ports of 1 host:" in note


async def test_silent_udp_ports_of_a_sweep_in_parts_are_not_listed() -> None:
    earlier = Earlier(frozenset({0}), Coverage(planned=64, sent=64, answered=64, closed=64), {"port-unreachable": 64})
    results, summary = await finish(Sweep(udp_plan(), silent_on(*range(1, 101)), Judge(REGISTRY), earlier=earlier))
    assert not any(result.judged for result in results)
    assert any("ran in parts" in note for note in summary.notes)
