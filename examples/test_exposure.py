"""Fail a build when a host or container opens a port that nobody expects. A test for pytest.

    TARGET=172.17.0.2 EXPECTED=80,443 pytest test_exposure.py

`PORTS` narrows the scan (default: all TCP ports). `require_coverage` fails the build when not everything was probed,
and the second test when an expected port is closed: "nothing found" because the container was down is no success.
"""

import os

import pytest

import scanner

TARGET = os.environ.get("TARGET", "127.0.0.1")
PORTS = os.environ.get("PORTS", "1-65535")
EXPECTED = {int(word) for word in os.environ.get("EXPECTED", "").split(",") if word}


@pytest.fixture(scope="module")
def result() -> scanner.ScanResult:
    """One scan for all tests of this file."""
    return scanner.scan_sync(TARGET, PORTS).require_coverage()


def test_only_expected_ports_are_open(result: scanner.ScanResult) -> None:
    unexpected = [
        f"{each.observation.endpoint}: {each.findings[0].detail}"
        for each in result.judged
        if each.observation.state is scanner.State.OPEN and each.observation.endpoint.port not in EXPECTED
    ]
    assert not unexpected, "\n".join(unexpected)


def test_every_expected_port_is_open(result: scanner.ScanResult) -> None:
    assert {endpoint.port for endpoint in result.open} >= EXPECTED
