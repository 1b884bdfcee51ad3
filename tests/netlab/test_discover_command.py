"""`scan --discover`: the summary says who was silent, and excluded ports are asked in neither step."""

import json

import pytest

from tests.netlab.lab import Namespace


@pytest.mark.parametrize("engine", ["connect", "syn"])
def test_silent_addresses_are_counted_and_not_probed_further(pair: tuple[Namespace, Namespace], engine: str) -> None:
    here, there = pair
    there.listen([80, 8069])
    there.counter("never")
    there.nft("add rule inet lab input tcp dport 22 counter name never")
    done = here.python(
        "-m", "scanner", "scan", "10.77.0.0/29", "-p", "1-200,8069", "--exclude-ports", "22", "--discover",
        "--exclude", "10.77.0.1", "--engine", engine, "--json", "--no-history", check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    coverage, reasons = lines[-1]["coverage"], lines[-1]["reasons"]
    assert done.returncode == 1, done.stderr
    assert [line["port"] for line in lines if line["type"] == "finding" and line["severity"] != "info"] == [8069]
    assert (coverage["planned"], coverage["open"], coverage["unknown"]) == (7 * 200, 2, 0)
    assert reasons["silent-host"] == 6 * 200
    assert coverage["unreachable_hosts"] == 6
    assert any("6 addresses gave no sign of life" in note for note in lines[-1]["notes"])
    assert there.packets("never") == 0
