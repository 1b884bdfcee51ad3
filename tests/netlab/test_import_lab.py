"""One lab, scanned by nmap, by masscan and by us: imported scans give our finding ids and invent no closed port."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.netlab.lab import Namespace

PORTS = "8060-8090,1551,31337"
OPEN = [8069, 8080, 1551, 31337]


def rows(path: Path) -> set[tuple[str, str, str]]:
    with path.open(newline="") as file:
        return {(row["finding_id"], row["rule"], row["state"]) for row in csv.DictReader(file)}


@pytest.fixture
def scans(pair: tuple[Namespace, Namespace], tmp_path: Path) -> tuple[Namespace, Path]:
    """Files of all three scanners, in one folder."""
    if missing := [name for name in ("nmap", "masscan") if not shutil.which(name)]:
        pytest.skip(f"{missing[0]} is not installed")
    here, there = pair
    there.listen(OPEN)
    mac = json.loads(there.ip("-json", "link", "show", "v0"))[0]["address"]
    nmap = ("nmap", "-n", "-Pn", "-sS", "-v", "-p", PORTS, "10.77.0.2")
    here.run(*nmap, "-oX", f"{tmp_path}/nmap.xml", "-oG", f"{tmp_path}/nmap.gnmap")
    masscan: tuple[str, ...] = (
        "masscan",
        "10.77.0.2",
        f"-p{PORTS}",
        "--rate",
        "1000",
        "--wait",
        "2",
        "--interface",
        "v0",
    )
    masscan = (*masscan, "--adapter-ip", "10.77.0.1", "--router-mac", mac)
    for option, name in (("-oJ", "masscan.json"), ("-oL", "masscan.list"), ("-oX", "masscan.xml")):
        here.run(*masscan, option, f"{tmp_path}/{name}")
    here.python(
        "-m", "scanner", "scan", "10.77.0.2", "-p", PORTS, "--all-open", "-o", f"{tmp_path}/own.csv",
        "-o", f"{tmp_path}/own.jsonl", "--history", f"{tmp_path}/h.db", "-q", check=False,
    )  # fmt: skip
    return here, tmp_path


def test_imported_scans_have_our_finding_ids_and_close_nothing(scans: tuple[Namespace, Path]) -> None:
    here, folder = scans
    ours = rows(folder / "own.csv")
    assert len(ours) >= len(OPEN)
    for name, status in (
        ("nmap.xml", 1), ("nmap.gnmap", 1), ("own.jsonl", 1),
        ("masscan.json", 3), ("masscan.list", 3), ("masscan.xml", 3), ("own.csv", 3),
    ):  # fmt: skip
        done = here.python(
            "-m", "scanner", "import", f"{folder}/{name}", "--history", f"{folder}/h.db", "--all-open",
            "-o", f"{folder}/out-{name}.csv", "-q", check=False,
        )  # fmt: skip
        assert done.returncode == status, (name, done.stderr)
        found = rows(folder / f"out-{name}.csv")
        assert found == ours if not name.startswith("masscan") else found and found <= ours, name  # it may lose answers
        changed = here.python("-m", "scanner", "diff", "last~1", "last", "--history", f"{folder}/h.db", "--json")
        assert {json.loads(line)["change"] for line in changed.stdout.splitlines()} <= {"unsure"}, name
