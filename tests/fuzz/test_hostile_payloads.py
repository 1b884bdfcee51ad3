"""Whatever others put into a banner, a name or a reason: every output stays harmless and can still be read."""

import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.core.model import Judged
from scanner.core.recognise.identity import Certificate, Conduct, Identity, Tls
from scanner.core.report import Summary
from scanner.core.sanitise import TEXT_LIMIT, inert_bytes, is_inert
from scanner.outputs.csv_file import CsvFile
from scanner.outputs.destination import destination_for
from scanner.outputs.formats import FORMATS, Format, FormatOptions, OutputRequest, make_outputs
from scanner.outputs.interface import Output
from scanner.outputs.json_lines import JsonLines
from scanner.outputs.nmap_xml import NmapXml
from scanner.outputs.record import COLUMNS
from scanner.outputs.summary import SummaryLines
from scanner.outputs.table import Table
from scanner.outputs.table_rows import table_rows
from scanner.outputs.terminal import painted_line, painted_summary, painted_table
from tests.fuzz.hostile_payloads import BYTES, TEXTS
from tests.outputs.samples import INFO, SUMMARY, judged, run

OWN_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FORBIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def hostile_results() -> tuple[Judged, ...]:
    """Each payload in every text that an output is handed."""
    return tuple(hostile(judged(f"10.0.{n // 250}.{n % 250 + 1}", 31338), payload) for n, payload in enumerate(TEXTS))


def hostile(one: Judged, payload: str) -> Judged:
    certificate = Certificate(payload, (payload,), payload, INFO.started, INFO.started, False, "0" * 64)
    tls = Tls(payload, payload, payload, certificate, payload)
    identity = Identity(Conduct.GREETED, payload, payload, payload, payload, tls, payload, ("http",))
    seen = replace(one.observation, evidence=payload, hostname=payload, reason=payload, identity=identity)
    finding = replace(
        one.findings[0], observation=seen, detail=payload, service=payload, policy_entry=payload, rule=payload
    )
    return Judged(seen, (finding,))


def hostile_summary(payload: str) -> Summary:
    registry = replace(INFO.registry, source=payload)
    info = replace(
        INFO,
        targets=payload,
        ports=payload,
        engine_why=payload,
        policy=payload,
        scope=payload,
        hostnames={payload: (payload,)},
        registry=registry,
    )
    return replace(SUMMARY, info=info, notes=(payload,), degraded=(payload,), reasons={payload: 1})


RESULTS = hostile_results()
ALL_AT_ONCE = hostile_summary("\x1b]52;c;x\x07\u202e\x00\ud800=cmd|<&\n")


def written(make: Callable[[Path], Output], path: Path, summary: Summary = ALL_AT_ONCE) -> str:
    run(make(path), RESULTS, summary)
    return path.read_bytes().decode("utf-8")


def assert_inert(text: str, *, but: str = "\n") -> None:
    forbidden = {char for char in set(text) if unicodedata.category(char) in FORBIDDEN and char not in but}
    assert not forbidden
    assert is_inert("".join(char for char in set(text) if char not in but))


def test_there_are_enough_of_them() -> None:
    assert len(TEXTS) >= 500
    assert len(BYTES) >= 500


@pytest.mark.parametrize("each", FORMATS, ids=[each.name for each in FORMATS])
def test_every_format(each: Format, tmp_path: Path) -> None:
    path = tmp_path / "f"
    [output] = make_outputs([OutputRequest(each.name, str(path))], FormatOptions(all_open=True))
    run(output, RESULTS, ALL_AT_ONCE)
    assert_inert(path.read_bytes().decode("utf-8"), but="\r\n")


def test_csv(tmp_path: Path) -> None:
    text = written(lambda path: CsvFile(destination_for(str(path))), tmp_path / "f.csv")
    assert_inert(text, but="\r\n")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == len(TEXTS) + 1 == text.count("\n")
    assert {len(row) for row in rows} == {len(COLUMNS)}
    for cell in (cell for row in rows[1:] for cell in row):
        assert len(cell) <= TEXT_LIMIT
        for part in cell.split(";"):  # as Excel splits where the comma is the decimal mark
            assert not part.strip(' "\u00a0\u3000').startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62"))


def test_json_lines(tmp_path: Path) -> None:
    text = written(lambda path: JsonLines(destination_for(str(path))), tmp_path / "f.jsonl")
    assert_inert(text)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["type"] for line in lines] == ["sweep", *["finding"] * len(TEXTS), "summary"]
    for line in lines:
        assert_inert("".join(value for value in line.values() if isinstance(value, str)))


def test_nmap_xml(tmp_path: Path) -> None:
    text = written(lambda path: NmapXml(destination_for(str(path))), tmp_path / "f.xml")
    assert_inert(text)
    root = ET.fromstring(text)
    assert len(root.findall("host")) == len(TEXTS)
    assert_inert("".join(text for element in root.iter() for text in (element.text or "", *element.attrib.values())))
    assert {element.tag for element in root.iter("script")} == {"script"}
    assert len(list(root.iter("script"))) == len(TEXTS) + 1


def test_table_in_a_pipe() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    run(Table(pipe), RESULTS)
    pipe.seek(0)
    text = pipe.read()
    assert_inert(text)
    assert text.count("\n") == len(TEXTS) + 1


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    text = painted_table(table_rows(RESULTS), columns, "")
    assert OWN_COLOURS.search(text)
    assert_inert(OWN_COLOURS.sub("", text))
    assert text.count("\n") >= len(TEXTS) + 1


@pytest.mark.parametrize("result", RESULTS[::7], ids=range(len(RESULTS[::7])))
def test_a_line_while_the_sweep_goes_on(monkeypatch: pytest.MonkeyPatch, result: Judged) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert_inert(OWN_COLOURS.sub("", painted_line(table_rows([result])[0], 80)), but="")


def test_summary() -> None:
    for payload in TEXTS:
        stream = io.StringIO()
        run(SummaryLines(stream), (), hostile_summary(payload))
        assert_inert(stream.getvalue())
        stream.getvalue().encode()


def test_summary_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner.outputs.summary_text import describe

    monkeypatch.setenv("TERM", "xterm-256color")
    assert_inert(OWN_COLOURS.sub("", painted_summary(describe(ALL_AT_ONCE), 80)))


def test_bytes_from_the_wire() -> None:
    for data in BYTES:
        text = inert_bytes(data)
        assert_inert(text, but="")
        assert len(text) <= TEXT_LIMIT
