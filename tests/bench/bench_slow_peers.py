"""What `--identify` costs on many open endpoints of which some are hostile: time, processor time and memory.

    python tests/bench/bench_slow_peers.py [ENDPOINTS] [SHARE_OF_SLOW_ONES]

One process listens on loopback (127.0.0.0/8: 100 ports on each of ENDPOINTS / 100 addresses); most of them greet
like an SSH server, a share (5 % unless said) sends one byte every ten seconds, and one in a thousand floods.
The scanner runs in another process, whose peak memory is the difference to an empty run.
"""

import asyncio
import json
import resource
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

FIRST_PORT, PORTS = 21000, 100
Open = dict[int, socket.socket]
NET = int(IPv4Address("127.77.0.0"))


def main() -> None:
    """Start the peers, run the scanner beside them, print what it cost."""
    if sys.argv[1:2] == ["peers"]:
        _peers(int(sys.argv[2]), float(sys.argv[3]))
        return
    if sys.argv[1:2] == ["scanner"]:
        _scanner(int(sys.argv[2]))
        return
    endpoints = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    share = float(sys.argv[2]) if len(sys.argv) > 2 else 0.05
    words = [sys.executable, __file__]
    with subprocess.Popen([*words, "peers", str(endpoints), str(share)], stdout=subprocess.PIPE, text=True) as peers:
        assert peers.stdout is not None
        assert peers.stdout.readline() == "ready\n"
        try:
            empty, full = (_run([*words, "scanner", str(count)]) for count in (0, endpoints))
        finally:
            peers.kill()
    print(f"{endpoints} open endpoints, {share:.0%} of them slow: {full['seconds']:.1f} s, cpu {full['cpu']:.1f} s")
    print(f"peak memory {full['rss']:.0f} MB, {full['rss'] - empty['rss']:.0f} MB above a run without endpoints")
    print(f"conduct {full['conduct']}\nprotocols {full['names']}")


def _run(words: list[str]) -> dict[str, float]:
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def _places(endpoints: int) -> list[tuple[str, int]]:
    return [(str(IPv4Address(NET + 1 + at // PORTS)), FIRST_PORT + at % PORTS) for at in range(endpoints)]


def _scanner(endpoints: int) -> None:
    from scanner.core.model import Endpoint, Observation, State, Transport
    from scanner.core.rate.limits import UNLIMITED
    from scanner.engines.identify.connection_limiter import ConnectionLimiter
    from scanner.engines.identify.identifier import ServiceIdentifier

    now = datetime.now(UTC)
    observations = [
        Observation(Endpoint(IPv4Address(address), Transport.TCP, port), State.OPEN, "syn-ack", now)
        for address, port in _places(endpoints)
    ]
    began = time.perf_counter()
    found = asyncio.run(
        ServiceIdentifier(permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED)).identify(observations)
    )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    identities = [each.identity for each in found if each.identity]
    said = {
        "seconds": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss / 1024,
        "conduct": Counter(each.conduct.value for each in identities),
        "names": Counter(each.name for each in identities),
    }
    print(json.dumps(said))


def _peers(endpoints: int, share: float) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    poll, listeners, floods = select.epoll(), {}, Open()
    for number, place in enumerate(_places(endpoints)):
        each = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(place)
        each.listen(64)
        slow = share > 0 and number % round(1 / share) == 0
        listeners[each.fileno()] = (each, b"a" if slow else b"" if number % 1000 == 7 else b"SSH-2.0-Lab_1\r\n")
        poll.register(each, select.EPOLLIN)
    print("ready", flush=True)
    drips, next_drip = Open(), time.monotonic() + 10
    while True:
        for descriptor, _ in poll.poll(1):
            if descriptor in listeners:
                _welcome(*listeners[descriptor], poll, drips, floods)
            else:
                _flood(descriptor, floods, poll)
        if time.monotonic() > next_drip:
            next_drip += 10
            for descriptor, each in list(drips.items()):
                try:
                    each.send(b"a")
                except OSError:
                    drips.pop(descriptor).close()


def _welcome(
    listener: socket.socket,
    words: bytes,
    poll: select.epoll,
    drips: dict[int, socket.socket],
    floods: dict[int, socket.socket],
) -> None:
    try:
        peer, _ = listener.accept()
    except OSError:
        return
    peer.setblocking(False)
    if words == b"a":
        drips[peer.fileno()] = peer
    elif words:
        peer.send(words)
        peer.close()
    else:
        floods[peer.fileno()] = peer
        poll.register(peer, select.EPOLLOUT)


def _flood(descriptor: int, floods: Open, poll: select.epoll) -> None:
    try:
        floods[descriptor].send(bytes(65536))
    except BlockingIOError:
        return
    except OSError:
        poll.unregister(descriptor)
        floods.pop(descriptor).close()


if __name__ == "__main__":
    main()
