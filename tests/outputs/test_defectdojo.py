"""DefectDojo's generic findings: only keys that its importer takes, and ids that close what is gone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scanner.core.model import ANSWERS_EVERYWHERE
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, judged

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "required": ["findings"],
    "properties": {
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["title", "severity", "description"],
                "additionalProperties": False,
                "properties": {
                    "title": {**TEXT, "maxLength": 511, "minLength": 1},
                    "severity": {"enum": ["Info", "Low", "Medium", "High", "Critical"]},
                    **dict.fromkeys(("description", "mitigation", "impact"), TEXT),
                    "date": {**TEXT, "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                    **{key: {"type": "boolean"} for key in ("active", "verified", "dynamic_finding", "static_finding")},
                    "unique_id_from_tool": {**TEXT, "maxLength": 500, "minLength": 1},
                    "vuln_id_from_tool": {**TEXT, "maxLength": 500},
                    "service": {**TEXT, "maxLength": 200},
                    "tags": {"type": "array", "items": TEXT},
                    "endpoints": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["host"],
                            "additionalProperties": False,
                            "properties": {"protocol": TEXT, "host": TEXT, "port": {"type": "integer"}},
                        },
                    },
                },
            },
        }
    },
}
"""What `dojo/tools/generic/json_parser.py` takes, of the keys that are used here."""


def findings(tmp_path: Path, *more: Any, **how: Any) -> list[dict[str, Any]]:
    data = json.loads(document("defectdojo", tmp_path, *more, **how))
    jsonschema.validate(data, SCHEMA)
    found: list[dict[str, Any]] = data["findings"]
    return found


def test_findings_are_what_the_importer_takes(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert [(each["severity"], each["vuln_id_from_tool"]) for each in found] == [
        ("Medium", "open-unassigned"),
        ("Low", "unauthorised-use"),
        ("Medium", "required-missing"),
        ("High", "open-unassigned"),
    ]
    assert found[-1]["endpoints"] == [{"protocol": "tcp", "host": "2001:db8::5", "port": 31338}]


@pytest.mark.parametrize("all_open", [False, True])
def test_ids_are_those_of_the_findings_each_once(tmp_path: Path, all_open: bool) -> None:
    ids = [each["unique_id_from_tool"] for each in findings(tmp_path, all_open=all_open)]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {finding.id for one in RESULTS for finding in one.findings}


def test_what_is_too_long_for_a_column_is_cut(tmp_path: Path) -> None:
    [found] = findings(tmp_path, (judged(rule="x" * 400, service="y" * 900),))
    assert len(found["service"]) == 200


def test_a_whole_host_has_no_port(tmp_path: Path) -> None:
    one = judged(port=0)
    seen = replace(one.observation, reason=ANSWERS_EVERYWHERE)
    whole = replace(one, observation=seen, findings=(replace(one.findings[0], observation=seen),))
    assert findings(tmp_path, (whole,))[0]["endpoints"] == [{"protocol": "tcp", "host": "10.0.0.5"}]
