"""ECS documents: the fields that Elastic maps, with the types it maps them to."""

import json
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scanner.core.model import Endpoint, Transport
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, SUMMARY, judged

SCHEMA = {
    "type": "object",
    "required": ["@timestamp", "ecs", "event", "message"],
    "additionalProperties": False,
    "properties": {
        "@timestamp": {"type": "string", "pattern": "Z$"},
        "ecs": {"properties": {"version": {"const": "8.11.0"}}},
        "message": {"type": "string"},
        "event": {
            "properties": {
                "kind": {"enum": ["alert", "asset", "enrichment", "event", "metric", "state", "signal"]},
                "category": {"type": "array", "items": {"enum": ["network", "host", "configuration"]}},
                "type": {"type": "array", "items": {"enum": ["info", "allowed", "denied", "connection"]}},
                "severity": {"type": "integer"},
            }
        },
        "rule": {"required": ["id", "name"]},
        "destination": {"properties": {"port": {"type": "integer", "minimum": 0, "maximum": 65535}}},
        "network": {"properties": {"transport": {"enum": ["tcp", "udp", "sctp", "dccp"]}}},
        "observer": {"type": "object"},
        "scanner": {"type": "object"},
    },
}


def read(tmp_path: Path, *more: Any, **how: Any) -> list[dict[str, Any]]:
    """The findings."""
    *findings, sweep = every(tmp_path, *more, **how)
    assert sweep["event"]["dataset"] == "scanner.sweep"
    return findings


def every(tmp_path: Path, *more: Any, **how: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = list(map(json.loads, document("ecs", tmp_path, *more, **how).splitlines()))
    for line in lines:
        jsonschema.validate(line, SCHEMA)
    return lines


def test_a_document_for_each_finding(tmp_path: Path) -> None:
    lines = read(tmp_path)
    assert [(line["event"]["severity"], line["rule"]["id"]) for line in lines] == [
        (47, "open-unassigned"),
        (21, "unauthorised-use"),
        (47, "required-missing"),
        (73, "open-unassigned"),
    ]
    assert lines[-1]["destination"] == {"address": "2001:db8::5", "ip": "2001:db8::5", "port": 31338}
    assert lines[-1]["event"]["id"] == RESULTS[0].findings[0].id
    assert lines[-1]["scanner"]["rtt_ms"] == pytest.approx(0.214)


@pytest.mark.parametrize(("interrupted", "outcome"), [(False, "success"), (True, "failure")])
def test_nothing_found_and_nothing_probed_do_not_look_alike(tmp_path: Path, interrupted: bool, outcome: str) -> None:
    [sweep] = every(tmp_path, (), replace(SUMMARY, interrupted=interrupted))
    assert sweep["event"]["outcome"] == outcome
    assert sweep["scanner"]["coverage"]["planned"] == 361442


def test_the_field_of_type_ip_has_no_zone(tmp_path: Path) -> None:
    one = judged()
    seen = replace(one.observation, endpoint=Endpoint(ip_address("fe80::1%eth0"), Transport.TCP, 80))
    zoned = replace(one, observation=seen, findings=(replace(one.findings[0], observation=seen),))
    assert read(tmp_path, (zoned,))[0]["destination"] == {"address": "fe80::1%eth0", "ip": "fe80::1", "port": 80}
