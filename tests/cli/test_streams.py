"""Standard streams that are closed or full: one line at most, the promised status, and data never on the wrong one."""

import subprocess
import sys
from pathlib import Path

import pytest

SCANNER = f"{sys.executable} -m scanner"


def shell(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the scanner by a shell, which can close streams; standard output and error as they come out."""
    return subprocess.run(
        ["/bin/sh", "-c", f"{SCANNER} {words}"],
        capture_output=True, text=True, check=False, cwd=folder, timeout=60, env={"HOME": str(folder)},
    )  # fmt: skip


def test_errors_never_reach_standard_output_when_standard_error_is_closed(tmp_path: Path) -> None:
    done = shell("port 99999 2>&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_closed_standard_input_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    done = shell("scan -iL - -p 22 <&-", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("scanner: standard input: cannot be read")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", ["port 22", "registry stats", "scan 127.0.0.1 -sL", "scan --help", "rule"])
def test_a_full_disk_behind_standard_output_is_one_line(command: str, tmp_path: Path) -> None:
    done = shell(f"{command} >/dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "scanner: standard output: cannot be written: no space left on device\n"


@pytest.mark.parametrize("command", ["port 22", "registry stats", "scan 127.0.0.1 -p 22 -o findings.csv"])
def test_a_closed_standard_output_is_one_line(command: str, tmp_path: Path) -> None:
    done = shell(f"{command} >&-", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("scanner: standard output")
    assert done.stderr.count("\n") == 1


def test_a_quiet_scan_into_a_file_needs_no_stream_at_all(tmp_path: Path) -> None:
    done = shell("scan 127.0.0.1 -p 1 -q --no-history -o findings.csv <&- >&- 2>&-", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "findings.csv").read_text().startswith("finding_id,")
