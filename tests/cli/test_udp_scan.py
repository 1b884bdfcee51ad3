"""UDP by the command line, end to end on loopback: states, findings, identity, history, both transports together."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from struct import unpack
from threading import Event, Thread

import pytest

from scanner.engines.choose import why_not_raw

Command = Callable[..., tuple[int, str, str]]
SO_TIMESTAMPNS = 35
"""Linux, asm-generic/socket.h: the kernel's time of arrival with every datagram."""


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A UDP service on a free port that sends back what it is sent, and something for nothing."""
    stop = Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, peer = sock.recvfrom(4096)
                except TimeoutError:
                    continue
                sock.sendto(data or b"SIP/2.0 200 OK\r\n\r\n", peer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        stop.set()
        thread.join()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_open_udp_port_is_a_finding_with_what_speaks_there(command: Command, echo_port: int) -> None:
    status, out, _ = command("scan", "127.0.0.1", "-p", f"U:{echo_port},U:9", "--json")
    summary = next(line for line in lines(out) if line["type"] == "summary")
    found, readable = (line for line in lines(out) if line["type"] not in ("sweep", "summary"))
    assert readable["rule"] == "udp-plaintext"
    assert status in (0, 1)
    assert found["transport"] == "udp"
    assert found["port"] == echo_port
    assert found["reason"] == "udp-answer-unproven"
    assert '"sip"' in json.dumps(found)
    coverage = summary["coverage"]
    assert isinstance(coverage, dict)
    assert coverage["planned"] == 2 == coverage["open"] + coverage["closed"]


def test_both_transports_in_one_sweep(command: Command, echo_port: int) -> None:
    status, out, _ = command("scan", "127.0.0.1", "-sU", "-sT", "-p", echo_port, "--json")
    summary = next(line for line in lines(out) if line["type"] == "summary")
    assert summary["reasons"] == {"reset": 1, "udp-answer-unproven": 1}
    assert status in (0, 1)


def test_su_alone_asks_the_ports_that_have_a_question(command: Command) -> None:
    status, out, _ = command("scan", "127.0.0.1", "-sU", "--dry-run")
    assert status == 0
    assert "/udp" in out
    assert "93 of each address" in out


def test_two_nights_with_nothing_changed_differ_in_nothing(command: Command, echo_port: int) -> None:
    for _ in range(2):
        command("scan", "127.0.0.1", "-p", f"U:{echo_port},U:9", "-q")
    status, out, _ = command("diff")
    assert status == 0, out
    assert str(echo_port) not in out


def test_a_required_udp_port_that_is_closed_is_missing(command: Command, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[expect]]\nnetworks = ["127.0.0.0/8"]\nrequired = ["U:9"]\nowner = "lab"\n')
    status, out, _ = command("scan", "127.0.0.1", "-p", "U:9", "--policy", policy, "--json")
    assert status == 1
    assert '"missing"' in out


def test_required_ports_are_asked_before_the_others(command: Command, tmp_path: Path) -> None:
    """The kernel's own time stamps say which datagram came first."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(24)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        ports = [each.getsockname()[1] for each in sockets]
        wanted = max(ports)
        policy = tmp_path / "policy.toml"
        policy.write_text(f'[[expect]]\nnetworks = ["127.0.0.1"]\nrequired = ["U:{wanted}"]\nowner = "lab"\n')
        words = ",".join(f"U:{port}" for port in ports)
        command("scan", "127.0.0.1", "-p", words, "--policy", policy, "--udp-patience", "0", "-q")
        came = {port: arrival(each) for port, each in zip(ports, sockets, strict=True)}
    assert min(came, key=lambda port: came[port]) == wanted


def arrival(sock: socket.socket) -> tuple[int, int]:
    """When the first datagram in a socket came, in seconds and nanoseconds."""
    _, [(_, _, stamp)], _, _ = sock.recvmsg(16, 64)
    seconds, nanoseconds = unpack("qq", stamp)
    return seconds, nanoseconds


def planned(command: Command, *words: object) -> dict[str, object]:
    status, out, _ = command("scan", *words, "--dry-run", "--json")
    assert status == 0
    return dict(json.loads(out))


def test_common_means_the_default_ports_of_a_transport(command: Command) -> None:
    by_default = planned(command, "10.0.0.1", "-sU")["ports_per_address"]
    assert planned(command, "10.0.0.1", "-p", "U:common")["ports_per_address"] == by_default
    assert planned(command, "10.0.0.1", "-p", "T:-,U:common")["ports_per_address"] == 65535 + by_default  # type: ignore[operator]
    tcp = planned(command, "10.0.0.1")["ports_per_address"]
    assert planned(command, "10.0.0.1", "-p", "common")["ports_per_address"] == tcp
    rest = planned(command, "10.0.0.1", "-p", "-", "--exclude-ports", "common")["ports_per_address"]
    assert rest == 65535 - tcp  # type: ignore[operator]


def test_udp_ports_that_the_policy_names_are_scanned_by_default(command: Command, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    entry = '[[expect]]\nnetworks = ["10.0.0.0/24"]\nowner = "lab"\nports = '
    policy.write_text(entry + '["U:51820", "U:514"]\n' + entry + '["U:20000-40000"]\n')
    without = planned(command, "10.0.0.1", "-sU")["ports_per_address"]
    assert planned(command, "10.0.0.1", "-sU", "--policy", policy)["ports_per_address"] == without + 2  # type: ignore[operator]


def test_many_udp_ports_say_their_bound_before_anything_is_sent(command: Command) -> None:
    _, out, err = command("scan", "10.0.0.1", "-p", "U:-", "--dry-run")
    assert "at least 18 h for one default Linux host by IPv4, 1.8 h by IPv6" in err
    assert "18 h 12 min by IPv4, 1 h 49 min by IPv6; each gets 1 min 00 s" in out
    for quiet in (("10.0.0.1", "-sU"), ("127.0.0.1", "-p", "U:-"), ("10.0.0.1", "-p", "-")):
        assert "by IPv6" not in command("scan", *quiet, "--dry-run")[2]


def test_a_dry_run_of_udp_says_that_patience_is_part_of_the_time(command: Command) -> None:
    for words, least, most in (("U:53", 65, 90), ("T:80,U:53", 65, 90), ("T:80", 0, 30)):
        times = planned(command, "10.0.0.1", "-p", words)["seconds"]
        assert isinstance(times, dict)
        assert least <= times["most"] <= most
    patient = planned(command, "10.0.0.1", "-p", "U:53", "--udp-patience", "600")["seconds"]
    assert isinstance(patient, dict)
    assert patient["most"] > 600


def test_a_sweep_of_udp_alone_says_so(command: Command) -> None:
    _, out, err = command("scan", "127.0.0.1", "-p", "U:9,U:10", "--no-history", "-oX", "-")
    assert "1 address × 2 UDP ports" in err
    assert '<scaninfo type="udp" protocol="udp" numservices="2" services="U:9,U:10" />' in out
    assert 'protocol="tcp"' not in out
    assert 'reason="port-unreach"' in out
    _, out, err = command("scan", "127.0.0.1", "-p", "T:9,U:9,U:10", "--no-history", "-oX", "-")
    assert "(1 TCP port and 2 UDP ports)" in err
    assert '<scaninfo type="connect" protocol="tcp" numservices="1"' in out
    assert '<scaninfo type="udp" protocol="udp" numservices="2"' in out


def test_udp_is_asked_from_addresses_of_this_machine_only(command: Command) -> None:
    words = ("scan", "127.0.0.1", "-p", "U:9", "--no-history")
    _, _, err = command(*words, "--source", "127.0.0.1")
    assert "UDP was asked from 1 address (--source): 127.0.0.1" in err
    for source, problem in (
        ("203.0.113.7", "203.0.113.7 is not configured on this machine"),
        ("127.0.0.1,198.51.100.1", "198.51.100.1 is not configured on this machine"),
        ("eth0", "'eth0' is not an address"),
    ):
        for more in ((), ("--dry-run",)):
            status, _, err = command(*words, "--source", source, *more)
            assert status == 2
            assert problem in err
    status, _, err = command("scan", "127.0.0.1", "-p", "9", "--no-history", "--source", "127.0.0.1")
    assert (status, "only UDP is asked from several addresses" in err) == (2, True)


RAW = pytest.mark.skipif(bool(why_not_raw()), reason=why_not_raw() or "-")


@RAW
def test_the_summary_says_whether_udp_was_asked_by_frames(command: Command, echo_port: int) -> None:
    words = ("scan", "127.0.0.1", "-p", f"U:{echo_port},U:9", "--no-history")
    _, by_frames, said = command(*words, "--engine", "syn")
    assert "UDP questions went out as frames (raw-ip)" in by_frames + said
    _, by_sockets, said = command(*words, "--engine", "connect")
    assert "UDP questions went out through one socket" in by_sockets + said


@RAW
def test_one_capture_file_is_not_for_both_transports(command: Command, tmp_path: Path) -> None:
    words = ("--engine", "syn", "--pcap", str(tmp_path / "answers.pcap"), "--no-history")
    status, _, said = command("scan", "127.0.0.1", "-p", "T:9,U:9", *words)
    assert status == 2
    assert "one after the other" in said
    assert not list(tmp_path.iterdir())
    status, _, said = command("scan", "127.0.0.1", "-p", "U:9", *words)
    assert status == 0
    assert [path.name for path in tmp_path.iterdir()] == ["answers.pcap"]
