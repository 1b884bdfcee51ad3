"""A real print daemon, which writes every byte that it receives to its printer, here a file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.netlab

_LAB = """
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /var/lock/p910nd /run/lock/p910nd
: >"$PRINTED"
p910nd -d -f "$PRINTED" 0 >/dev/null 2>&1 </dev/null &
for _ in $(seq 200); do grep -q ':238C ' /proc/net/tcp /proc/net/tcp6 && break; sleep 0.05; done
"$@"
"""


def in_printer_lab(printed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside p910nd, in namespaces of their own that end with it."""
    own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run(
        [*own, "bash", "-c", _LAB, "lab", *command],
        env={**os.environ, "PRINTED": str(printed)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    """What the printer has printed."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    if shutil.which("p910nd", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        pytest.skip("apt-get install p910nd")
    return tmp_path / "printed"


def test_the_daemon_prints_what_it_receives(printed: Path) -> None:
    speak = "import socket; s = socket.create_connection(('127.0.0.1', 9100)); s.sendall(b'job'); s.close()"
    wait = "import os, time\nwhile not os.path.getsize(os.environ['PRINTED']): time.sleep(0.02)"
    done = in_printer_lab(printed, sys.executable, "-c", f"{speak}\n{wait}")
    assert done.returncode == 0, done.stderr
    assert printed.read_bytes() == b"job"


@pytest.mark.parametrize("engine", ["connect", "syn"])
def test_identify_prints_nothing_and_says_so(printed: Path, engine: str) -> None:
    options = ["-p", "9100", "--identify", "--engine", engine, "--json", "--all-open", "--no-history"]
    done = in_printer_lab(printed, sys.executable, "-m", "scanner", "scan", "127.0.0.1", *options)
    assert printed.read_bytes() == b"", done.stderr
    found = [line for line in map(json.loads, done.stdout.splitlines()) if line.get("port") == 9100]
    assert found, done.stderr
    assert {line["evidence"] for line in found} == {"Not asked: raw printer port"}
