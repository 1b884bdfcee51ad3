"""JSON lines: each is what the schema says, and comes at once."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from scanner.core.report import SweepInfo
from scanner.outputs.destination import destination_for
from scanner.outputs.json_lines import JsonLines
from scanner.outputs.record import COLUMNS
from tests.outputs.samples import INFO, RESULTS, SUMMARY, judged, run

jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with jsonschema")


def schema() -> dict[str, Any]:
    return json.loads(files("scanner").joinpath("data/json-lines.schema.json").read_text())


def lines(path: Path) -> list[dict[str, Any]]:
    run(JsonLines(destination_for(str(path))))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_line_fits_the_schema_and_the_schema_names_every_field(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())
    for line in lines(tmp_path / "f.jsonl"):
        validator.validate(line)
        assert list(line) == list(schema()["$defs"][line["type"]]["properties"])


def test_the_schema_itself_is_one() -> None:
    draft = jsonschema.Draft202012Validator
    assert schema()["$schema"] == draft.META_SCHEMA["$id"]
    assert list(draft(draft.META_SCHEMA).iter_errors(schema())) == []


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    finding = lines(tmp_path / "f.jsonl")[1]
    for field, wrong in {"port": "22", "rtt_ms": "", "verdict": "safe", "observed_at": "today", "type": "x"}.items():
        assert not validator.is_valid(finding | {field: wrong})


def test_a_sweep_then_findings_as_they_come_then_a_summary(tmp_path: Path) -> None:
    got = lines(tmp_path / "f.jsonl")
    assert [line["type"] for line in got] == ["sweep", *["finding"] * 7, "summary"]
    assert {line["schema_version"] for line in got} == {1}
    assert [line["finding_id"] for line in got[1:-1]] == [f.id for one in RESULTS for f in one.findings]


def test_a_finding_has_the_columns_of_the_csv_with_types(tmp_path: Path) -> None:
    finding = lines(tmp_path / "f.jsonl")[1]
    assert tuple(finding)[2:] == (*COLUMNS, "identity")
    assert finding["port"] == 31338
    assert finding["rtt_ms"] == 0.214
    assert finding["service"] is None
    assert finding["first_seen"] is None


def test_the_summary_counts_everything(tmp_path: Path) -> None:
    summary = lines(tmp_path / "f.jsonl")[-1]
    assert summary["complete"] is True
    assert summary["seconds"] == 72.0
    assert summary["coverage"]["planned"] == 361442
    assert summary["findings"] == {"high": 1, "medium": 2, "low": 0, "info": 0}
    assert summary["verdicts"] == {"expected": 0, "unexpected": 2, "missing": 1, "undetermined": 3}


class Reader:
    """A place that remembers what has reached its reader."""

    def __init__(self) -> None:
        self.reader_gone = False
        self.note = ""
        self.pending = ""
        self.read: list[str] = []

    def open(self) -> None: ...

    def write(self, text: str) -> None:
        self.pending += text

    def flush(self) -> None:
        self.read += self.pending.splitlines()
        self.pending = ""

    def commit(self, *, partial: bool = False) -> None:
        self.flush()

    def discard(self) -> None: ...


def test_each_line_is_handed_over_when_it_is_known() -> None:
    reader = Reader()
    output = JsonLines(reader)
    output.begin(INFO)
    assert len(reader.read) == 1
    output.result(judged())
    assert len(reader.read) == 2
    output.end(SUMMARY)
    assert len(reader.read) == 3
    assert not output.reader_gone
    reader.reader_gone = True
    assert output.reader_gone


def test_words_of_others_are_inert() -> None:
    reader = Reader()
    hostile = "\x1b]0;x\x07\u202e"
    names = {hostile: (hostile,)}
    info: SweepInfo = SweepInfo(**{name: getattr(INFO, name) for name in INFO.__slots__} | {"hostnames": names})
    output = JsonLines(reader)
    output.begin(info)
    output.result(judged(evidence=hostile, hostname=hostile, detail="Größe 東京"))
    text = "".join(reader.read)
    assert text.isprintable()
    assert "Größe 東京" in text
