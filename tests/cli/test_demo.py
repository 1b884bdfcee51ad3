"""`scanner demo`: real runs, in which everything planted is found, explained and taken away."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket

import pytest

from scanner.app.demo import FOLKLORE, IDEAS, planted
from scanner.core.model import RegistryStatus, Transport
from scanner.registry.overlays import bundled_overlays
from tests.cli.conftest import Scanner, bundled, home

ROW = re.compile(
    r"^(?P<verdict>\w+) +(?P<address>127\.\S+|::1) +(?P<port>\d+)/tcp +(?P<registry>\S+) .* {2}", re.MULTILINE
)
LESSON = re.compile(r"^ {2,}(?P<port>\d+)/tcp  (?P<words>.+(?:\n {13}.+)*)", re.MULTILINE)


def rows(shown: str) -> dict[int, re.Match[str]]:
    """The lines of the table by their port."""
    return {int(found["port"]): found for found in ROW.finditer(shown)}


def lessons(shown: str) -> dict[int, str]:
    """What is explained of each port, as one line."""
    return {int(found["port"]): " ".join(found["words"].split()) for found in LESSON.finditer(shown)}


def refuses(address: str, port: int) -> bool:
    """Whether nothing listens there."""
    with closing(socket()) as made:
        return made.connect_ex((address, port)) != 0


def test_everything_planted_is_found_explained_and_taken_away(scanner: Scanner, tmp_path: Path) -> None:
    done = scanner("demo")
    assert done.returncode == 0, done.stderr
    seen, told = rows(done.stdout), lessons(done.stdout)
    assert seen.keys() == told.keys()
    assert len(seen) == len(IDEAS)
    assert "Everything planned was covered" in done.stderr
    assert "What to do next" in done.stdout
    assert all(refuses(row["address"], port) for port, row in seen.items())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing is written"
    assert "\x1b" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.partition("What you see")[2].splitlines())) < 80


def test_each_idea_leads_to_the_judgement_that_it_is_there_for(scanner: Scanner) -> None:
    seen = rows(scanner("demo").stdout)
    rules = {rule for row in seen.values() for rule in re.findall(r"[a-z]+-[a-z-]+", row[0])}
    assert {
        "open-without-authentication", "service-mismatch", "open-unassigned", "open-reserved", "threat-listener",
        "open-assigned",
    } <= rules  # fmt: skip
    statuses = {bundled().status(Transport.TCP, port) for port in seen}
    assert {RegistryStatus.ASSIGNED, RegistryStatus.UNASSIGNED, RegistryStatus.RESERVED} <= statuses


def test_the_folklore_about_1551_is_answered_by_the_registry(scanner: Scanner) -> None:
    service = bundled().lookup(Transport.TCP, FOLKLORE).service
    assert f"The registry assigns it to {service}." in lessons(scanner("demo").stdout)[FOLKLORE]


@pytest.fixture
def garden_ports() -> tuple[str, list[int]]:
    """What the demo would take on this machine now."""
    with planted(bundled(), bundled_overlays()) as garden:
        found = garden.address, [plant.port for plant in garden.plants]
    return found


def test_a_busy_port_gives_way_to_another(scanner: Scanner, garden_ports: tuple[str, list[int]]) -> None:
    address, ports = garden_ports
    busy = ports[2], ports[5]
    with closing(socket()) as first, closing(socket()) as second:
        for made, port in zip((first, second), busy, strict=True):
            made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            made.bind((address, port))
            made.listen()
        done = scanner("demo")
    assert done.returncode == 0, done.stderr
    seen = rows(done.stdout)
    assert not {*busy} & seen.keys()
    assert len(seen) == len(IDEAS)
    assert lessons(done.stdout).keys() == seen.keys()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_leaves_no_listener(
    number: signal.Signals, tmp_path: Path, garden_ports: tuple[str, list[int]]
) -> None:
    address, ports = garden_ports
    process = subprocess.Popen(
        [sys.executable, "-m", "scanner", "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | home(tmp_path),
    )  # fmt: skip
    assert process.stdout
    assert "harmless listeners are up on" in process.stdout.readline()
    assert not refuses(address, ports[0]), "they are there now"
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode in {signal.SIGINT: (130, 0, -2), signal.SIGTERM: (143, 0, -15)}.get(number, (-9,))
    assert "Traceback" not in err
    assert all(refuses(address, port) for port in ports)


def test_the_listeners_end_with_an_error() -> None:
    seen: list[tuple[str, int]] = []

    def fail() -> None:
        with planted(bundled(), bundled_overlays()) as garden:
            seen.extend((garden.address, plant.port) for plant in garden.plants)
            assert not any(refuses(*place) for place in seen)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(seen) == len(IDEAS)
    assert all(refuses(*place) for place in seen)


def test_a_conversation_under_way_ends_quietly_with_the_listeners(caplog: pytest.LogCaptureFixture) -> None:
    with closing(socket()) as made:
        with planted(bundled(), bundled_overlays()) as garden:
            made.connect((garden.address, garden.plants[0].port))
            with closing(socket()) as other:  # accepted after the first, which is then being listened to
                other.connect((garden.address, garden.plants[5].port))
                other.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert other.recv(4)
        made.settimeout(10)
        assert made.recv(1) == b""
    assert not caplog.records


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m scanner demo | head -1"],
        capture_output=True, text=True, env=os.environ | home(tmp_path), check=False, timeout=60,
    )  # fmt: skip
    assert "harmless listeners" in done.stdout
    assert "Traceback" not in done.stderr


def isolated(commands: str, folder: Path, *, become: str = "") -> subprocess.CompletedProcess[str]:
    """Run the demo in a network namespace of its own, whose only interface is lo, after some commands."""
    if os.geteuid() or not all(map(shutil.which, ("unshare", "ip", "setpriv"))):
        pytest.skip("needs root, unshare, ip and setpriv")
    folder.chmod(0o755)
    script = f"ip link set lo up; {commands}; exec {become} {sys.executable} -m scanner demo"
    return subprocess.run(
        ["unshare", "-n", "sh", "-c", script],
        capture_output=True, text=True, env=os.environ | home(folder), check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.netlab
@pytest.mark.parametrize(
    ("commands", "address"),
    [
        ("ip route del local 127.0.0.0/8 dev lo table local", "127.0.0.1"),
        ("ip addr del 127.0.0.1/8 dev lo", "::1"),
    ],
)
def test_where_less_loopback_exists_and_no_network(commands: str, address: str, tmp_path: Path) -> None:
    done = isolated(commands, tmp_path)
    assert done.returncode == 0, done.stderr
    assert {row["address"] for row in rows(done.stdout).values()} == {address}
    assert lessons(done.stdout).keys() == rows(done.stdout).keys()


@pytest.mark.netlab
def test_without_any_loopback_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = isolated("ip addr flush dev lo", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"scanner: the demo cannot listen on loopback \(.*\)\n", done.stderr)


@pytest.mark.netlab
def test_without_privileges_only_ports_that_are_permitted_are_taken(tmp_path: Path) -> None:
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all"
    done = isolated("sysctl -qw net.ipv4.ip_unprivileged_port_start=1024", tmp_path, become=nobody)
    assert done.returncode == 0, done.stderr
    assert min(rows(done.stdout)) >= 1024
    assert len(rows(done.stdout)) == len(IDEAS)
