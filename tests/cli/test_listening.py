"""`scanner listening`: the machine's own sockets, joined with processes and the registry, in three formats."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

import pytest

from scanner.cli.views.listening_view import LISTENING_COLUMNS, csv_lines, json_lines, table_lines
from scanner.core.model import (
    Endpoint,
    Finding,
    Judged,
    Observation,
    RegistryStatus,
    Severity,
    State,
    Transport,
    Verdict,
)
from scanner.listening import Holder, ListeningSocket, listening_report
from tests.cli.conftest import Scanner

EVIL = 'x\x1b]52;c;aGk=\x07\n=cmd|"/c calc"!A1\u202e'


def row(listener: ListeningSocket) -> tuple[ListeningSocket, Judged]:
    seen = Observation(listener.endpoint, State.OPEN, "listening", datetime(2026, 2, 3, tzinfo=UTC))
    finding = Finding(
        "id", seen, "open-unassigned", Severity.MEDIUM, Verdict.UNEXPECTED, "why", RegistryStatus.UNASSIGNED
    )
    return listener, Judged(seen, (finding,))


def test_an_own_listener_is_found_with_its_process(listening: Callable[[int], socket]) -> None:
    port = listening(0).getsockname()[1]
    [found] = [each for each in listening_report().listeners if each.endpoint.port == port]
    assert found.endpoint == Endpoint(ip_address("127.0.0.1"), Transport.TCP, port)
    assert found.reach == "loopback"
    assert found.holder is not None
    assert found.holder.pid == os.getpid()
    assert "python" in found.holder.program
    assert found.holder.started is not None
    assert found.holder.started < datetime.now(UTC)


def test_a_bound_udp_socket_counts_and_a_connected_one_does_not() -> None:
    with socket(AF_INET, SOCK_DGRAM) as bound, socket(AF_INET, SOCK_DGRAM) as connected:
        bound.bind(("127.0.0.1", 0))
        connected.connect(("127.0.0.1", bound.getsockname()[1]))
        ports = {
            each.endpoint.port for each in listening_report().listeners if each.endpoint.transport is Transport.UDP
        }
        assert bound.getsockname()[1] in ports
        assert connected.getsockname()[1] not in ports


def test_the_command_shows_one_port_and_the_registry(scanner: Scanner, listening: Callable[[int], socket]) -> None:
    port = listening(0).getsockname()[1]
    done = scanner("listening", f"{port}/tcp", "--json")
    assert done.returncode == 0
    [line] = [json.loads(text) for text in done.stdout.splitlines()]
    assert (line["port"], line["address"], line["pid"]) == (port, "127.0.0.1", os.getpid())
    assert line["registry_status"] in {"assigned", "unassigned", "reserved", "dynamic", "deregistered"}
    assert line["findings"][0]["rule"] == line["rule"]
    told = scanner("listening", str(port)).stdout
    assert f"{port}/tcp" in told
    assert f"({os.getpid()})" in told
    assert "runs " in told


def test_nothing_there_is_said_and_csv_still_has_its_header(scanner: Scanner) -> None:
    with socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        done = scanner("listening", str(reserved.getsockname()[1]), "--csv")
    assert done.returncode == 0
    assert done.stdout == ",".join(LISTENING_COLUMNS) + "\n"
    assert "no socket listens on that port" in done.stderr


@pytest.mark.parametrize("words", [["65536"], ["ssh"], ["-1"], ["22/icmp"], ["--csv", "--json"]])
def test_wrong_words_are_one_line_and_exit_2(scanner: Scanner, words: list[str]) -> None:
    done = scanner("listening", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs root, to be nobody")
def test_what_may_not_be_seen_is_said(listening: Callable[[int], socket], tmp_path: Path) -> None:
    port = listening(0).getsockname()[1]
    script = (
        "import os; import scanner.listening, psutil; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        f"s = scanner.listening.listening_report(); h = [x.holder for x in s.listeners if x.endpoint.port == {port}];"
        "print(h, s.unseen)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[None] (")
    assert "run as root" in done.stdout


def test_hostile_process_names_are_inert_in_every_format() -> None:
    listener = ListeningSocket(
        Endpoint(ip_address("0.0.0.0"), Transport.TCP, 4),
        Holder(7, EVIL, EVIL, EVIL, EVIL, datetime(2026, 1, 1, tzinfo=UTC)),
    )
    rows = [row(listener)]
    for text in ("".join(table_lines(rows, whole=True)), "".join(json_lines(rows)), "".join(csv_lines(rows))):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\x07" not in text
    [line] = list(csv.DictReader(io.StringIO("".join(csv_lines(rows)))))
    assert line["port"] == "4"
    assert not line["process"].startswith("=")
    formula = ListeningSocket(listener.endpoint, Holder(7, "=1+1"))
    assert '"=1' not in "".join(csv_lines([row(formula)]))
    assert ",'=1+1," in "".join(csv_lines([row(formula)]))


def test_a_system_that_denies_the_whole_table_is_asked_process_by_process(
    listening: Callable[[int], socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    def denied(**_: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr("psutil.net_connections", denied)
    monkeypatch.setattr("psutil.process_iter", lambda: [psutil.Process()])
    port = listening(0).getsockname()[1]
    sight = listening_report()
    [found] = [each for each in sight.listeners if each.endpoint.port == port]
    assert found.holder is not None
    assert found.holder.pid == os.getpid()
    assert sight.unseen == ()


def test_processes_that_deny_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    class Closed:
        pid = 1

        def net_connections(self, **_: object) -> None:
            raise psutil.AccessDenied

    def denied(**_: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr("psutil.net_connections", denied)
    monkeypatch.setattr("psutil.process_iter", lambda: [Closed(), Closed()])
    sight = listening_report()
    assert sight.listeners == ()
    assert sight.unseen == ("the sockets of 2 processes of other users; run as root to see them",)
