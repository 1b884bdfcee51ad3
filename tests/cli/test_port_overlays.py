"""The page about a port, beyond the registry: usual occupants, its past, and what to do."""

import json

from tests.cli.conftest import Scanner


def test_the_page_answers_what_people_search_for(scanner: Scanner) -> None:
    page = scanner("port", "27374/tcp").stdout
    assert "unassigned" in page
    assert "SubSeven (tcp): trojan, 2000 [CERT IN-2001-07]" in " ".join(page.split())
    assert "scanner listening 27374" in page
    assert "If it is open and you don't know why:" in page


def test_what_is_common_stands_beside_the_registry_and_not_in_it(scanner: Scanner) -> None:
    page = scanner("port", "9200").stdout
    registry, _, rest = page.partition("Commonly found here, whatever the registry says:")
    assert "wap-wsp" in registry
    assert "Elasticsearch" not in registry
    assert "Elasticsearch" in rest


def test_a_port_without_a_past_has_no_such_heading(scanner: Scanner) -> None:
    page = scanner("port", "1551").stdout
    assert "Known from attacks" not in page
    assert "Commonly found" not in page


def test_json_has_both_lists_with_their_sources(scanner: Scanner) -> None:
    [line] = map(json.loads, scanner("port", "6379", "--json").stdout.splitlines())
    assert {entry["product"] for entry in line["de_facto"]} == {"Redis or Valkey"}
    assert {(entry["kind"], entry["year"]) for entry in line["threat_history"]} == {("worm", 2023)}
    assert all(entry["source"] for entry in line["de_facto"] + line["threat_history"])
    assert line["overlays_date"] >= "2026-01-01"
