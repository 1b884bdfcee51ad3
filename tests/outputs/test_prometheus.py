"""The Prometheus text file as Prometheus' own parser reads it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.core.model import Coverage
from tests.outputs.documents import document
from tests.outputs.samples import INFO, RESULTS, SUMMARY, judged

parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is a test oracle only")


def samples(tmp_path: Path, *more: Any) -> dict[tuple[str, ...], float]:
    families = list(parser.text_string_to_metric_families(document("prometheus", tmp_path, *more)))
    assert all(family.type == "gauge" and family.documentation for family in families)
    assert len({family.name for family in families}) == len(families)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_age_coverage_and_findings(tmp_path: Path) -> None:
    read = samples(tmp_path)
    assert read["scanner_sweep_end_time_seconds",] == pytest.approx(SUMMARY.finished.timestamp())
    assert read["scanner_sweep_complete",] == 1
    assert read["scanner_endpoints", "filtered"] == 331120
    assert read["scanner_endpoints_planned",] == sum(read["scanner_endpoints", state] for state in ("open", "closed", "filtered", "open_filtered", "unknown"))  # fmt: skip  # noqa: E501
    assert read["scanner_findings", "high"] == 1
    assert read["scanner_findings", "info"] == 0, "every series is there"
    assert read["scanner_rule_findings", "open-unassigned"] == 2
    assert read["scanner_addresses_silent",] == 234


def test_a_degraded_sweep_says_so(tmp_path: Path) -> None:
    lossy = replace(SUMMARY, degraded=("12 answers dropped",))
    read = samples(tmp_path, RESULTS, lossy)
    assert (read["scanner_sweep_complete",], read["scanner_sweep_degraded",]) == (0, 1)


def test_a_sweep_of_nothing_has_every_series(tmp_path: Path) -> None:
    empty = samples(tmp_path, (), replace(SUMMARY, coverage=Coverage(), findings={}))
    assert set(empty) == {key for key in samples(tmp_path) if key[0] != "scanner_rule_findings"}


def test_labels_are_escaped(tmp_path: Path) -> None:
    hostile = 'a"} 1\n\\x{b="'
    read = samples(tmp_path, (judged(rule=hostile),), replace(SUMMARY, info=replace(INFO, engine=hostile)))
    assert read["scanner_rule_findings", 'a"} 1\\n\\x{b="'] == 1
