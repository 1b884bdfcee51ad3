"""SARIF as its readers see it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scanner.core.rules.classify import RULES
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, SUMMARY, judged


def run_of(tmp_path: Path, *more: Any, **how: Any) -> dict[str, Any]:
    runs: list[dict[str, Any]] = json.loads(document("sarif", tmp_path, *more, **how))["runs"]
    assert len(runs) == 1
    return runs[0]


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("results", [RESULTS, ()])
def test_a_reader_of_sarif_accepts_it(tmp_path: Path, results: Any, interrupted: bool) -> None:
    sarif = pytest.importorskip("sarif_pydantic", reason="sarif-pydantic is a test oracle only")
    summary = replace(SUMMARY, interrupted=interrupted, notes=("a note",), degraded=("12 answers dropped",))
    log = sarif.Sarif.model_validate_json(document("sarif", tmp_path, results, summary))
    assert log.version == "2.1.0"
    assert [result.level.value for result in log.runs[0].results or ()] == (
        ["warning", "note", "warning", "error"] if results else []
    )


def test_each_finding_has_its_rule_its_place_and_a_fingerprint_that_stays(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    result = run["results"][-1]
    assert result["partialFingerprints"] == {"findingId/v1": RESULTS[0].findings[0].id}
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "tcp://[2001:db8::5]:31338"
    assert (urlsplit(uri).hostname, urlsplit(uri).port) == ("2001:db8::5", 31338)
    assert result["properties"]["registry_date"] == "2026-02-12"


def test_a_rule_brings_its_help(tmp_path: Path) -> None:
    known = {rule.id: rule for rule in RULES}["open-unassigned"]
    rules = {rule["id"]: rule for rule in run_of(tmp_path)["tool"]["driver"]["rules"]}
    assert rules["open-unassigned"]["shortDescription"]["text"] == known.name
    assert known.action in rules["open-unassigned"]["help"]["text"]
    assert rules["open-unassigned"]["properties"]["security-severity"] == "8.0", "as its worst finding"


def test_an_incomplete_sweep_is_not_successful_and_says_why(tmp_path: Path) -> None:
    assert run_of(tmp_path)["invocations"][0]["executionSuccessful"] is True
    [invocation] = run_of(tmp_path, RESULTS, replace(SUMMARY, interrupted=True))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0] == {
        "level": "error",
        "message": {"text": "INCOMPLETE: interrupted."},
    }


def test_words_of_others_become_neither_a_link_nor_a_placeholder(tmp_path: Path) -> None:
    [result] = run_of(tmp_path, (judged(detail="[click](https://example.org) {0} \\"),))["results"]
    assert result["message"]["text"].endswith("\\[click\\](https://example.org) {{0}} \\\\")


def test_all_open_adds_what_is_open_as_notes(tmp_path: Path) -> None:
    assert len(run_of(tmp_path, all_open=True)["results"]) == 7
