"""The two curated lists: their form, their sources, and that they keep off the registry's ground."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from scanner.core.errors import InvalidInput
from scanner.core.model import PortKey, Transport
from scanner.core.recognise.catalogue import PROTOCOLS
from scanner.core.registry.overlays import ThreatKind, parse_overlays
from scanner.core.udp.catalogue import QUESTIONS
from scanner.registry.overlays import bundled_overlays

FOLDER = Path(__file__).parents[3] / "scanner" / "data" / "overlays"
NAMED = re.compile(
    r"^(?:CERT [A-Z]{2}[-#]?[\d.-]+|US-CERT TA\d\d-\d{3}A|CERT VU#\d+|CISA A[AR]\d\d-\d{3}A|CVE-\d{4}-\d{4,7}|RFC \d+"
    r"|Microsoft (?:MS\d\d-\d{3}|Worm:\S+)|(?:Symantec|Kaspersky) \S+"
    r"|.*(?:\".+\"|documentation|sources|FAQ|diary).*)"
)

THREATS = [line for line in (FOLDER / "threat-history.csv").read_text().splitlines() if not line.startswith("#")]
USUAL = [line for line in (FOLDER / "de-facto.csv").read_text().splitlines() if not line.startswith("#")]


def rows(lines: list[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(lines))


def test_there_is_enough_in_them() -> None:
    assert len(rows(THREATS)) >= 120
    assert len(rows(USUAL)) >= 200
    assert sum(row["transport"] == "udp" for row in rows(THREATS)) >= 60
    assert sum(row["transport"] == "udp" for row in rows(USUAL)) >= 80


@pytest.mark.parametrize("name", ["threat-history", "de-facto"])
def test_each_file_says_its_date_and_how_an_entry_gets_in(name: str) -> None:
    head = [line for line in (FOLDER / f"{name}.csv").read_text().splitlines() if line.startswith("#")]
    assert any(re.fullmatch(r"# date: \d{4}-\d{2}-\d{2}", line) for line in head)
    assert any(line.startswith("# How an entry gets in:") for line in head)


@pytest.mark.parametrize("row", rows(THREATS), ids=lambda row: f"{row['port']}-{row['name']}")
def test_each_threat_has_a_form_and_a_named_source(row: dict[str, str]) -> None:
    assert 0 < int(row["port"]) < 65536
    assert row["transport"] in {"tcp", "udp"}
    assert row["name"].strip() == row["name"] != ""
    assert ThreatKind(row["kind"])
    assert 1988 <= int(row["year"]) <= 2026
    assert NAMED.match(row["source"]), row["source"]


@pytest.mark.parametrize("row", rows(USUAL), ids=lambda row: f"{row['port']}-{row['product']}")
def test_each_usual_service_has_a_form_and_a_source(row: dict[str, str]) -> None:
    assert 0 < int(row["port"]) < 65536
    assert row["transport"] in {"tcp", "udp"}
    assert row["product"]
    assert row["use"]
    assert len(row["source"]) >= 5
    known = {*PROTOCOLS, "https"}
    if row["transport"] == "udp":
        known = {question.protocol for question in QUESTIONS}
    assert row["protocol"] == "" or row["protocol"] in known


@pytest.mark.parametrize("lines", [THREATS, USUAL], ids=["threat-history", "de-facto"])
def test_entries_are_sorted_and_none_stands_twice(lines: list[str]) -> None:
    keys = [(int(row["port"]), row["transport"], row.get("name") or row["product"]) for row in rows(lines)]
    assert [key[:2] for key in keys] == sorted(key[:2] for key in keys)
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_no_entry_makes_a_claim_about_the_registry() -> None:
    for line in THREATS + USUAL:
        assert not re.search(r"\b(?:un)?assigned|reserved|\bIANA\b|regist(?:ry entry|ered)", line, re.IGNORECASE), line


def test_the_bundled_lists_are_found_by_port() -> None:
    overlays = bundled_overlays()
    assert "SQL Slammer" in {threat.name for threat in overlays.threats_at(Transport.UDP, 1434)}
    assert any("Elasticsearch" in usual.product for usual in overlays.usual_at(Transport.TCP, 9200))
    assert overlays.threats_at(Transport.TCP, 1551) == ()
    assert overlays.date.year >= 2026


def test_a_bad_row_is_named_by_its_line() -> None:
    good = "# date: 2026-01-01\nport,transport,name,kind,year,source\n"
    usual = "# date: 2026-01-02\nport,transport,product,protocol,use,source\n"
    overlays = parse_overlays(good + "23,tcp,Mirai,worm,2016,US-CERT TA16-288A\n", usual)
    assert overlays.threats[PortKey(Transport.TCP, 23)][0].words == "Mirai (worm, 2016; US-CERT TA16-288A)"
    with pytest.raises(InvalidInput, match="threat-history:3"):
        parse_overlays(good + "23,tcp,Mirai,plague,2016,US-CERT TA16-288A\n", usual)
    with pytest.raises(InvalidInput, match="date"):
        parse_overlays("port,transport\n", usual)
