"""NetBox services: what is open, grouped as NetBox keeps it, within the limits of its columns."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema

from scanner.core.recognise.identity import Conduct, Identity
from tests.outputs.documents import document
from tests.outputs.samples import judged

SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "protocol", "ports"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "protocol": {"enum": ["tcp", "udp", "sctp"]},
            "ports": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
            "ipaddresses": {"type": "array", "items": {"type": "string", "pattern": "/(32|128)$"}},
            "description": {"type": "string", "maxLength": 200},
        },
    },
}
"""What `ipam/services` takes, of the keys that are used here (NetBox 4)."""


def services(tmp_path: Path, *more: Any) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(document("netbox", tmp_path, *more))
    jsonschema.validate(read, SCHEMA)
    return read


def test_what_is_open_is_there_and_nothing_else(tmp_path: Path) -> None:
    read = services(tmp_path)
    assert [(each["ipaddresses"], each["name"], each["ports"]) for each in read] == [
        (["9.255.255.255/32"], "port-8080", [8080]),
        (["10.0.0.9/32"], "ssh", [22]),
        (["10.0.0.9/32"], "http", [80]),
        (["10.0.0.100/32"], "ssh", [22]),
        (["2001:db8::5/128"], "port-31338", [31338]),
    ]
    assert read[0]["description"] == "unexpected: open-unassigned"


def test_ports_that_speak_the_same_are_one_service(tmp_path: Path) -> None:
    spoken = [judged(port=port, service=f"x{port}") for port in (8443, 80, 8080)]
    identity = Identity(Conduct.ANSWERED, "http", "nginx")
    results = tuple(replace(one, observation=replace(one.observation, identity=identity)) for one in spoken)
    long = judged(port=443, rule="x" * 300, service="y" * 300)
    http, other = services(tmp_path, (*results, long))
    assert (http["name"], http["ports"]) == ("http", [80, 8080, 8443])
    assert (len(other["name"]), len(other["description"])) == (100, 200)
