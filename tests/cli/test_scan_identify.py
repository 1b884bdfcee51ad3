"""`scanner scan --identify` as a user runs it, against a greeting on loopback."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from socket import socket

import pytest

from tests.cli.conftest import Scanner


@pytest.fixture
def ssh_port(listening: Callable[[int], socket]) -> Iterator[int]:
    """A port of 127.0.0.1 that greets like an SSH server whose banner paints the terminal red."""
    listener = listening(0)

    def greet() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, suppress(ConnectionError):  # a probe hangs up at once
                    peer.sendall(b"SSH-2.0-OpenSSH_9.2p1\x1b[31m\r\n")

    threading.Thread(target=greet, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def test_json_says_what_speaks(scanner: Scanner, ssh_port: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", str(ssh_port), "--identify", "--json", "--no-history")
    findings = [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "finding"]
    assert {line["identity"]["name"] for line in findings} == {"ssh"}
    assert {line["identity"]["product"] for line in findings} == {"OpenSSH"}
    assert {line["identity"]["conduct"] for line in findings} == {"greeted"}
    assert "\x1b" not in done.stdout


def test_the_table_says_it_too_and_stays_plain(scanner: Scanner, ssh_port: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", str(ssh_port), "-sV", "--no-history")
    assert "ssh (OpenSSH 9.2p1" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_nobody_is_asked_without_the_option(scanner: Scanner, ssh_port: int) -> None:
    done = scanner("scan", "127.0.0.1", "-p", str(ssh_port), "--json", "--no-history")
    findings = [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "finding"]
    assert findings
    assert {line["identity"] for line in findings} == {None}
