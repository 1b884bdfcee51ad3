"""nmap's XML, as its readers and its DTD see it."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.core.model import Coverage, Judged, Severity, Verdict
from scanner.core.recognise.identity import Conduct, Identity, Tls
from scanner.core.report import Summary
from scanner.outputs.destination import destination_for
from scanner.outputs.nmap_service import BY_TABLE, PROBED
from scanner.outputs.nmap_xml import NmapXml
from scanner.outputs.summary_text import silent_hosts
from tests.outputs.samples import INFO, RESULTS, SUMMARY, also, judged, run

DTD = Path("/usr/share/nmap/nmap.dtd")
ONE_HOST = replace(
    SUMMARY,
    info=replace(INFO, addresses=1),
    coverage=Coverage(planned=100, sent=100, answered=90, open=1, closed=90, filtered=9),
)


TLS = Tls("TLSv1.3")
SPEAKING = tuple(
    Judged(replace(one.observation, identity=identity), one.findings)
    for one, identity in (
        (judged(port=22, service="ssh"), Identity(Conduct.GREETED, "ssh", "OpenSSH", "9.2p1", "Debian")),
        (judged(port=443, service="https"), Identity(Conduct.ANSWERED, "http2", "nginx", tls=TLS)),
        (judged(port=445, service="microsoft-ds"), Identity(Conduct.ANSWERED, "smb", version="3.1.1")),
        (judged(port=993, service="imaps imap4s"), Identity(Conduct.SILENT, tls=TLS)),
        (judged(port=8123), Identity(Conduct.SILENT, tls=TLS)),
        (judged(port=8124), Identity(Conduct.SILENT)),
        (judged(port=8125, service="x y"), Identity(Conduct.CLOSED)),
    )
)


def document(tmp_path: Path, summary: Summary = SUMMARY, results: Any = RESULTS) -> str:
    path = tmp_path / "f.xml"
    run(NmapXml(destination_for(str(path))), results, summary)
    return (path if path.exists() else path.with_name("f.xml.partial")).read_text()


@pytest.mark.parametrize("summary", [SUMMARY, ONE_HOST, replace(SUMMARY, interrupted=True)])
@pytest.mark.parametrize("results", [RESULTS, SPEAKING, ()])
def test_it_is_valid_against_the_dtd(tmp_path: Path, summary: Summary, results: Any) -> None:
    etree = pytest.importorskip("lxml.etree", reason="lxml checks against a DTD")
    if not DTD.exists():
        pytest.skip(f"{DTD} comes with nmap")
    dtd = etree.DTD(str(DTD))
    assert dtd.validate(etree.fromstring(document(tmp_path, summary, results).encode())), dtd.error_log


def test_libnmap_reads_it(tmp_path: Path) -> None:
    parser = pytest.importorskip("libnmap.parser", reason="python-libnmap is a test oracle only")
    report = parser.NmapParser.parse_fromstring(document(tmp_path))
    assert (report.hosts_up, report.hosts_down, report.hosts_total) == (5, 234, 254)
    assert report.scan_type == "connect"
    hosts = {host.address: host for host in report.hosts}
    assert list(hosts) == ["9.255.255.255", "10.0.0.9", "10.0.0.30", "10.0.0.100", "2001:db8::5"]
    assert hosts["10.0.0.9"].get_open_ports() == [(22, "tcp"), (80, "tcp")]
    assert hosts["10.0.0.9"].get_service(80).service == "http"
    assert hosts["10.0.0.30"].get_service(443).state == "closed"
    assert hosts["10.0.0.100"].hostnames == ["db1.example.org"]
    [script] = hosts["9.255.255.255"].scripts_results
    assert script["id"] == "findings"
    assert [line.split(":")[0] for line in script["output"].splitlines()] == [
        "8080/tcp open-unassigned",
        "8080/tcp unauthorised-use",
    ]
    [findings] = script["elements"].values()
    assert findings["unauthorised-use"]["severity"] == "low"


def test_what_spoke_is_told_from_what_a_table_says(tmp_path: Path) -> None:
    root = ET.fromstring(document(tmp_path, ONE_HOST, SPEAKING))
    said = {port.get("portid"): port.find("service") for port in root.iter("port")}
    assert {port: dict(service.attrib) for port, service in said.items() if service is not None} == {
        "22": {"name": "ssh", "product": "OpenSSH", "version": "9.2p1", "extrainfo": "Debian", **PROBED},
        "443": {"name": "http", "product": "nginx", "tunnel": "ssl", **PROBED},
        "445": {"name": "microsoft-ds", "version": "3.1.1", **PROBED},
        "993": {"name": "imaps", "tunnel": "ssl", **BY_TABLE},
        "8123": {"name": "unknown", "tunnel": "ssl", **BY_TABLE},
        "8125": {"name": "x", **BY_TABLE},
    }
    assert (PROBED["conf"], BY_TABLE["conf"]) == ("10", "3")


def test_libnmap_reads_what_spoke(tmp_path: Path) -> None:
    parser = pytest.importorskip("libnmap.parser", reason="python-libnmap is a test oracle only")
    [host] = parser.NmapParser.parse_fromstring(document(tmp_path, ONE_HOST, SPEAKING)).hosts
    assert host.get_service(22).banner == "product: OpenSSH version: 9.2p1 extrainfo: Debian"
    assert host.get_service(443).tunnel == "ssl"
    assert host.get_service(8124).service == ""


def test_ports_that_are_not_listed_are_counted_where_that_is_known(tmp_path: Path) -> None:
    results = (judged(), *RESULTS[1:2])
    root = ET.fromstring(document(tmp_path, ONE_HOST, results[:1]))
    counts = {extra.get("state"): extra.get("count") for extra in root.iter("extraports")}
    assert counts == {"closed": "90", "filtered": "9"}
    assert not list(ET.fromstring(document(tmp_path, SUMMARY, results)).iter("extraports"))


@pytest.mark.parametrize(("interrupted", "outcome"), [(False, "success"), (True, "error")])
def test_an_incomplete_sweep_is_no_success(tmp_path: Path, interrupted: bool, outcome: str) -> None:
    finished = ET.fromstring(document(tmp_path, replace(SUMMARY, interrupted=interrupted))).find("runstats/finished")
    assert finished is not None
    assert finished.get("exit") == outcome
    assert (finished.get("errormsg") is not None) is interrupted


def test_what_xml_forbids_or_reads_as_markup_is_text(tmp_path: Path) -> None:
    hostile = "\x00\x0b\ufffe\ud800]]><script>&lol;\"'"
    text = document(tmp_path, SUMMARY, (judged(evidence=hostile, hostname=hostile, detail=hostile, service=hostile),))
    script = ET.fromstring(text).find("host/hostscript/script")
    assert script is not None
    shown = r"\x00\x0b\ufffe\ud800]]><script>&lol;" + "\"'"
    assert script.get("output", "").endswith(shown)
    assert script.findtext("table/table/elem[@key='evidence']") == shown


NDIFF = shutil.which("ndiff")


@pytest.mark.skipif(not NDIFF, reason="ndiff is not installed (Debian package ndiff)")
@pytest.mark.parametrize("form", ["--text", "--xml"])
def test_ndiff_compares_ports_with_several_findings(tmp_path: Path, form: str) -> None:
    """Debian's ndiff fails on a port with several scripts (nmap/nmap#2930)."""
    one = judged("10.0.0.9", 8080)
    two = also(one, "unauthorised-use", Severity.LOW, Verdict.UNEXPECTED)
    three = also(two, "threat-listener", Severity.HIGH, Verdict.UNEXPECTED)
    for name, results in (("a.xml", (two, judged(port=22))), ("b.xml", (three, *SPEAKING))):
        run(NmapXml(destination_for(str(tmp_path / name))), results)
    done = subprocess.run(
        [str(NDIFF), form, tmp_path / "a.xml", tmp_path / "b.xml"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 1, "they differ"
    assert "threat-listener" in done.stdout
    same = subprocess.run([str(NDIFF), tmp_path / "a.xml", tmp_path / "a.xml"], capture_output=True, check=False)
    assert same.returncode == 0


@pytest.mark.parametrize(
    ("cover", "state", "hosts"),
    [
        (Coverage(planned=9, sent=9, filtered=9), "down", ("0", "1")),
        (Coverage(planned=9, sent=9, answered=9, closed=9), "up", ("1", "0")),
        (Coverage(planned=9, sent=9, answered=1, filtered=9), "unknown", ("0", "0")),
        (Coverage(planned=9, unknown=9), "unknown", ("0", "0")),
    ],
)
def test_a_host_with_nothing_to_list_is_there_with_its_counts(
    tmp_path: Path, cover: Coverage, state: str, hosts: tuple[str, str]
) -> None:
    info = replace(INFO, addresses=1, targets="10.0.0.7", hostnames={})
    text = document(tmp_path, replace(SUMMARY, info=info, coverage=cover), ())
    root = ET.fromstring(text)
    found = {host.find("address").get("addr"): host.find("status").get("state") for host in root.iter("host")}  # type: ignore[union-attr]
    assert found == {"10.0.0.7": state}
    assert [extra.get("count") for extra in root.iter("extraports")] == ["9"]
    stats = root.find("runstats/hosts")
    assert stats is not None
    assert (stats.get("up"), stats.get("down")) == hosts


def test_hosts_that_gave_no_sign_are_down(tmp_path: Path) -> None:
    """Whether they are absent or drop everything: of 254 addresses 10 endpoints answered, so 244 at the least."""
    quiet = replace(SUMMARY, coverage=Coverage(planned=361442, answered=10, open=1, closed=9, filtered=361432))
    stats = ET.fromstring(document(tmp_path, quiet, (judged(),))).find("runstats/hosts")
    assert stats is not None
    assert dict(stats.attrib) == {"up": "1", "down": "244", "total": "254"}
    assert silent_hosts(quiet) == 244
    assert silent_hosts(replace(quiet, coverage=replace(quiet.coverage, unknown=100))) == 144
    assert silent_hosts(replace(quiet, info=replace(INFO, shard="1/2"))) == 0
    assert silent_hosts(replace(quiet, coverage=Coverage())) == 0, "nothing was probed"
