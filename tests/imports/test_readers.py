"""What each format says, and what it does not."""

from ipaddress import ip_address
from pathlib import Path

import pytest

import scanner
from scanner import InvalidInput, ScanResult, State
from scanner.core.plan.reasons import Reason
from tests.imports import samples

HOST = ("10.0.0.9", "fd00::9")


def load(folder: Path, text: str, name: str = "scan", **options: object) -> ScanResult:
    file = folder / name
    file.write_text(text)
    return scanner.load_scan(file, **options)  # type: ignore[arg-type]


def opened(result: ScanResult) -> set[str]:
    return {str(endpoint) for endpoint in result.open}


OPEN = {
    "nmap.xml": {"10.0.0.1:22/tcp"},
    "nmap.gnmap": {"10.0.0.1:22/tcp"},
    "masscan.gnmap": {"10.0.0.1:9090/tcp"},
    "masscan.xml": {"10.0.0.1:9090/tcp"},
    "masscan.list": {"10.0.0.1:9090/tcp"},
    "masscan.json": {"10.0.0.1:9090/tcp", "10.0.0.2:53/udp"},
    "naabu.json": {"10.0.0.1:9090/tcp", "10.0.0.2:22/tcp"},
    "zmap.csv": {"10.0.0.1:9090/tcp"},
    "rustscan.txt": {"10.0.0.1:22/tcp", "10.0.0.1:9090/tcp", "10.0.0.2:80/tcp", "[fd00::1]:443/tcp"},
    "ss.txt": {"10.0.0.9:68/udp", "10.0.0.9:22/tcp", "10.0.0.1:9090/tcp", "[fd00::9]:22/tcp"},
    "netstat.txt": {"10.0.0.9:68/udp", "10.0.0.9:22/tcp", "10.0.0.1:9090/tcp", "[fd00::9]:22/tcp"},
    "osquery.json": {"10.0.0.9:22/tcp"},
}


@pytest.mark.parametrize("name", samples.ALL)
def test_every_format_is_known_by_its_content_and_gives_its_open_ports(tmp_path: Path, name: str) -> None:
    assert opened(load(tmp_path, samples.ALL[name], "no-ending", host=HOST)) == OPEN[name]


@pytest.mark.parametrize("name", samples.ALL)
def test_no_sample_claims_to_know_everything(tmp_path: Path, name: str) -> None:
    result = load(tmp_path, samples.ALL[name], host=HOST)
    assert not result.complete
    assert result.coverage.balanced
    assert result.coverage.unknown > 0
    assert result.exit_status == 3


def test_what_nmap_counts_is_covered_and_what_it_took_for_down_is_not(tmp_path: Path) -> None:
    for text in (samples.NMAP_XML, samples.NMAP_GREPABLE):
        cover = load(tmp_path, text).coverage
        assert (cover.planned, cover.open, cover.closed, cover.filtered, cover.unknown) == (22, 1, 9, 1, 11)


def test_addresses_that_nmap_leaves_out_of_its_file_are_not_covered(tmp_path: Path) -> None:
    down = samples.NMAP_XML.index("<host><status"), samples.NMAP_XML.index("<host starttime")
    result = load(tmp_path, samples.NMAP_XML[: down[0]] + samples.NMAP_XML[down[1] :])
    assert (result.coverage.planned, result.coverage.unknown) == (22, 11)
    assert any("1 address of the scan" in note for note in result.notes)


def test_a_host_that_says_less_than_was_scanned_is_partly_unknown(tmp_path: Path) -> None:
    text = samples.NMAP_XML.replace('count="9"', 'count="4"')
    assert load(tmp_path, text).coverage.unknown == 11 + 5


def test_a_host_that_says_more_than_was_scanned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"more of 10\.0\.0\.1 than its 11 scanned ports"):
        load(tmp_path, samples.NMAP_XML.replace('count="9"', 'count="90"'))


def test_nmap_names_what_it_asked_and_its_name_is_that_of_the_command_line(tmp_path: Path) -> None:
    result = load(tmp_path, samples.NMAP_XML)
    (found,) = [each.observation for each in result.judged if each.observation.state is State.OPEN]
    assert found.identity is not None
    assert (found.identity.protocol, found.identity.product, found.hostname) == ("ssh", "OpenSSH", "web.example")


def test_a_required_port_that_nmap_counts_as_closed_is_missing_and_one_that_it_never_asked_is_not(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[expect]]\nnetworks = ["10.0.0.0/24"]\nrequired = [22, 25, 8080]\nowner = "IT"\n')
    result = load(tmp_path, samples.NMAP_XML, policy=policy)
    missing = {
        str(each.observation.endpoint)
        for each in result.judged
        for finding in each.findings
        if finding.verdict == "missing"
    }
    undetermined = {
        str(each.observation.endpoint)
        for each in result.judged
        for finding in each.findings
        if finding.verdict == "undetermined"
    }
    assert missing == {"10.0.0.1:25/tcp"}
    assert undetermined == {"10.0.0.2:22/tcp", "10.0.0.2:25/tcp"}


def test_sockets_on_every_address_need_to_know_their_machine(tmp_path: Path) -> None:
    for text, line in ((samples.SS, 2), (samples.NETSTAT, 3), (samples.OSQUERY, 2)):
        with pytest.raises(InvalidInput, match=rf":{line}: .*--host ADDRESS"):
            load(tmp_path, text)


def test_loopback_sockets_are_left_out_and_said(tmp_path: Path) -> None:
    assert any("loopback only" in note for note in load(tmp_path, samples.SS, host=HOST).notes)


def test_our_own_json_lines_come_back_with_coverage_identity_and_the_same_findings(tmp_path: Path) -> None:
    local = ip_address("127.0.0.1")
    answers = {(local, port): Reason.SYN_ACK for port in (22, 1551)}
    engine = scanner.FakeEngine(answers, otherwise=Reason.RESET)
    file = tmp_path / "own.jsonl"
    made = scanner.scan_sync(
        "127.0.0.1", "20-30,1551", engine=engine, outputs=(scanner.OutputRequest("jsonl", str(file)),)
    )
    again = scanner.load_scan(file)
    assert [each.id for each in again.findings] == [each.id for each in made.findings]
    assert again.coverage == made.coverage
    assert again.complete
    assert again.reasons == made.reasons
