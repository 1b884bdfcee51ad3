"""`scanner scan` on loopback, as a user runs it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from scanner.app.options import ScanOptions
from scanner.cli.screen import screen_outputs
from scanner.core.model import RegistryStatus, Transport
from scanner.outputs.table import Table
from scanner.registry.source import load_bundled
from tests.cli.conftest import Scanner

Listening = Callable[[int], socket]

COLUMNS = [
    "finding_id",
    "sweep_id",
    "observed_at",
    "address",
    "hostname",
    "port",
    "transport",
    "state",
    "reason",
    "rtt_ms",
    "registry_status",
    "service",
    "verdict",
    "severity",
    "rule",
    "detail",
    "evidence",
    "first_seen",
    "policy_entry",
    "registry_date",
]


@pytest.fixture
def unassigned(listening: Listening) -> int:
    """An open port of loopback that the registry does not assign."""
    for port in reversed(load_bundled().ports_with_status(Transport.TCP, RegistryStatus.UNASSIGNED)):
        try:
            listening(port)
        except OSError:
            continue
        return port
    raise AssertionError("no unassigned port is free")


@pytest.fixture
def assigned(listening: Listening) -> int:
    """An open port of loopback that the registry assigns, without a word about unauthorised use."""
    registry = load_bundled()
    for port in reversed(registry.ports_with_status(Transport.TCP, RegistryStatus.ASSIGNED)):
        if registry.lookup(Transport.TCP, port).unauthorised_use or port == 49151:
            continue
        try:
            listening(port)
        except OSError:
            continue
        return port
    raise AssertionError("no assigned port is free")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_findings_go_to_the_csv_and_the_status_says_so(
    scanner: Scanner, unassigned: int, assigned: int, tmp_path: Path
) -> None:
    done = scanner("scan", "localhost", "-p", f"1,{unassigned},{assigned}", "-o", "findings.csv", "--exclude", "::1")
    assert done.returncode == 1, done.stderr
    text = (tmp_path / "findings.csv").read_text("utf-8")
    assert text.splitlines()[0].split(",") == COLUMNS
    (row,) = rows(text)
    assert row | {"address": "127.0.0.1", "port": str(unassigned), "hostname": "localhost"} == row
    assert (row["state"], row["reason"], row["verdict"]) == ("open", "syn-ack", "unexpected")
    assert (row["registry_status"], row["rule"], row["severity"]) == ("unassigned", "open-unassigned", "medium")
    assert row["registry_date"] == load_bundled().identity.date
    assert row["observed_at"].endswith("Z")
    assert float(row["rtt_ms"]) >= 0
    assert str(assigned) in done.stdout, "the table has every open port"
    assert "3" in done.stderr, "the summary says what was covered"


def test_ids_are_stable_over_sweeps(scanner: Scanner, unassigned: int) -> None:
    first, second = (rows(scanner("scan", "127.0.0.1", "-p", str(unassigned), "--csv").stdout) for _ in range(2))
    assert first[0]["finding_id"] == second[0]["finding_id"]
    assert first[0]["sweep_id"] != second[0]["sweep_id"]


def test_all_open_adds_what_is_undetermined(scanner: Scanner, unassigned: int, assigned: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", f"{unassigned},{assigned}", "--csv", "--all-open")
    verdicts = {int(row["port"]): row["verdict"] for row in rows(done.stdout)}
    assert verdicts == {unassigned: "unexpected", assigned: "undetermined"}


def test_json_lines_begin_and_end_and_have_a_version(scanner: Scanner, unassigned: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", f"{unassigned}", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["sweep", "finding", "summary"]
    assert all(line["schema_version"] == 1 for line in lines)


def test_nothing_found_with_full_coverage_is_status_0(scanner: Scanner, assigned: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", f"{assigned}", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("fail_on", "status"), [("none", 0), ("info", 1), ("low", 1), ("medium", 1), ("high", 0)])
def test_fail_on(scanner: Scanner, unassigned: int, fail_on: str, status: int) -> None:
    assert scanner("scan", "127.0.0.1", "-p", str(unassigned), "-q", "--fail-on", fail_on).returncode == status


def test_nothing_of_progress_or_colour_in_a_pipe(scanner: Scanner, unassigned: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", f"1-2000,{unassigned}")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stderr


def test_targets_from_a_file_and_from_standard_input(scanner: Scanner, unassigned: int, tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_bytes(b"\xef\xbb\xbf127.0.0.1\r\n# 127.0.0.3\r\n127.0.0.2 127.0.0.4\r\n")
    dry = scanner("scan", "-iL", "hosts.txt", "-iL", "-", "-p", "22", "-sL", "--json", stdin="127.0.0.9\n")
    plan = json.loads(dry.stdout)
    assert dry.returncode == 0
    assert (plan["addresses"], plan["planned"]) == (4, 4)


def test_shards_together_are_the_whole(scanner: Scanner, unassigned: int) -> None:
    found = [
        rows(scanner("scan", "127.0.0.1-8", "-p", f"{unassigned}", "--seed", "7", "--shard", f"{i}/3", "--csv").stdout)
        for i in (1, 2, 3)
    ]
    assert [row["address"] for part in found for row in part] == ["127.0.0.1"]


def test_a_dry_run_of_a_whole_network_is_quick_and_sends_nothing(scanner: Scanner) -> None:
    done = scanner("scan", "10.0.0.0/8", "-p-", "--dry-run")
    assert done.returncode == 0
    assert "Nothing was sent" in done.stdout
    assert "16,777,216 addresses: 10.0.0.0/8" in done.stdout


def test_a_dry_run_names_what_it_counts(scanner: Scanner) -> None:
    done = scanner("scan", "127.0.0.1", "-p", "22,80", "--dry-run")
    assert "targets    1 address: 127.0.0.1\n" in done.stdout
    assert "ports      2 of each address: 22,80\n" in done.stdout
    assert "endpoints  2 in 1 wave, 0 excluded\n" in done.stdout


def test_a_dry_run_names_the_files_and_touches_none(scanner: Scanner, tmp_path: Path) -> None:
    words = ("scan", "127.0.0.1", "-p", "1", "-o", "a.csv", "--format", "sarif=b.sarif", "--json")
    planned = scanner(*words, "--dry-run")
    assert planned.returncode == 0
    assert json.loads(planned.stdout)["files"] == [f"{tmp_path}/a.csv", f"{tmp_path}/b.sarif"]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_refuses_a_file_whose_folder_is_missing(scanner: Scanner, tmp_path: Path) -> None:
    planned = scanner("scan", "127.0.0.1", "-p", "1", "-o", "none/a.csv", "--dry-run")
    problem = "its folder does not exist; make it first"
    assert planned.returncode == 2
    assert f"  output     {tmp_path}/none/a.csv (cannot be written: {problem})\n" in planned.stdout
    assert planned.stderr == f"scanner: {tmp_path}/none/a.csv: cannot be written: {problem}\n"


@pytest.mark.parametrize(
    ("options", "seconds", "kept"),
    [
        (("-p", "22,80", "--rate", "100"), 5.12, ""),
        (("-p", "1-2000", "--rate", "1000"), 512_000 / 990, "10 probes a second in all, 10 probes a second to one"),
        (
            ("-p", "22,80", "--rate", "1000", "--identify"),
            512 / 900,
            "100 probes a second in all, 100 probes a second to",
        ),
        (("-p", "1-100", "--rate", "1"), 25_600, "hosts that answer on every port were not looked for"),
    ],
)
def test_a_dry_run_counts_with_what_is_kept_for_questions(
    scanner: Scanner, options: tuple[str, ...], seconds: float, kept: str
) -> None:
    words = ("scan", "10.0.0.0/24", *options, "--dry-run")
    assert json.loads(scanner(*words, "--json").stdout)["seconds"]["answered"] == pytest.approx(seconds, abs=0.001)
    said = scanner(*words).stdout
    assert kept in said
    assert ("questions " in said or "note " in said) is bool(kept)


def test_a_limit_that_cannot_be_divided_leaves_no_room_for_questions(scanner: Scanner, unassigned: int) -> None:
    words = ("scan", "127.0.0.1", "-p", f"{unassigned}-{unassigned + 2}", "--rate", "1", "--no-history")
    refused = scanner(*words, "--identify")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "--rate/--host-rate: a limit of 1 a second cannot be divided" in refused.stderr
    assert "hosts that answer on every port were not looked for" in scanner(*words).stderr


def test_verbose_shows_a_terminal_the_whole_table() -> None:
    def limit(options: ScanOptions) -> int:
        return next(output.limit for output in screen_outputs(options) if isinstance(output, Table))

    assert limit(ScanOptions(verbose=1)) > limit(ScanOptions())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to be a full disk")
def test_a_full_disk_leaves_nothing_half_written(scanner: Scanner, unassigned: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", str(unassigned), "-o", "/dev/full", "-q")
    assert done.returncode == 2
    assert "/dev/full" in done.stderr
    assert done.stderr.count("\n") == 1


def slow_scan(folder: Path, *, deaf: bool = False) -> "subprocess.Popen[str]":
    """A scan that takes a minute if nobody stops it; a deaf one does not hear the first signal."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    deafen = "from scanner.engines.connect.engine import ConnectEngine; ConnectEngine.stop = lambda self: None\n"
    code = "import sys; from scanner.cli.app import run; sys.exit(run(sys.argv[1:]))"
    options = ("-p-", "--rate", "1000", "-sT", "-o", "findings.csv", "-oX", str(fifo))
    process = subprocess.Popen(
        [sys.executable, "-c", (deafen if deaf else "") + code, "scan", "127.0.0.1", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=os.environ | {"HOME": str(folder)},
    )  # fmt: skip
    wait_for_writer(fifo, process)
    return process


def wait_for_writer(fifo: Path, process: "subprocess.Popen[str]") -> None:
    """Return when the scan opens its outputs, just before its first probe; fail where it ends before that."""
    reader = threading.Thread(target=lambda: fifo.open("rb").close())
    reader.start()
    while reader.is_alive():
        reader.join(0.05)
        if reader.is_alive() and process.poll() is not None:
            os.close(os.open(fifo, os.O_WRONLY))  # lets the reader go
            reader.join()
            pytest.fail(f"the scan ended before it opened its outputs: {process.communicate()[1]}")


def test_a_scan_that_dies_early_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "findings.csv").mkdir()
    with pytest.raises(pytest.fail.Exception, match=r"findings\.csv: cannot be written"):
        slow_scan(tmp_path)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_one_ctrl_c_settles_writes_and_says_that_it_is_incomplete(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    process = slow_scan(tmp_path)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == status, said
    assert (tmp_path / "findings.csv.partial").read_text().startswith("finding_id,")
    assert "what was settled is in" in said
    assert not (tmp_path / "findings.csv").exists()
    assert "No findings" not in said


def _pending(process: int) -> str:
    """The signals that a process has been sent and has not taken yet."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(line for line in status.splitlines() if line.startswith("ShdPnd"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see that a signal was taken")
def test_the_end_of_a_session_is_said_twice_and_the_findings_are_written_all_the_same(tmp_path: Path) -> None:
    process = slow_scan(tmp_path)
    process.send_signal(signal.SIGHUP)
    while f"{1 << (signal.SIGHUP - 1):016x}" in _pending(process.pid):
        pass
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 129
    assert (tmp_path / "findings.csv.partial").read_text().startswith("finding_id,")


def test_a_second_ctrl_c_leaves_at_once_with_nothing_half_written(tmp_path: Path) -> None:
    process = slow_scan(tmp_path, deaf=True)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not list(tmp_path.glob("*findings*"))


def test_when_nobody_reads_any_more_the_scan_stops(scanner: Scanner, unassigned: int, tmp_path: Path) -> None:
    command = f"{sys.executable} -m scanner scan 127.0.0.1 -p {unassigned} --json -q | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert done.stdout == "{"
    assert done.stderr == ""


def test_a_slow_scan_comes_out_in_small_waves(scanner: Scanner) -> None:
    plans = [
        json.loads(scanner("scan", "10.0.0.1", "-p-", "--dry-run", "--json", *more).stdout)
        for more in ((), ("--rate", "0", "--host-rate", "0"))
    ]
    assert [plan["waves"] for plan in plans] == [32, 1]
