"""How many real servers on odd ports are named rightly, and how long it takes, beside `nmap -sV`.

    python tests/bench/bench_identify.py [--no-nmap] [SERVER...]

Starts every server of `tests/netlab/servers.py` that is installed (as root; loopback only), asks them all without
any hint, then lets nmap do the same on the same ports. Goals: none wrong, at least 95 % named, at least five
times as fast as nmap.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.core.rate.limits import UNLIMITED
from scanner.core.recognise.identity import Identity
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.identifier import ServiceIdentifier
from tests.netlab.servers import ADDRESS, SERVERS, Running, running

NMAP_WORDS = {"postgresql": "postgresql", "dns": "domain", "smb": "netbios-ssn", "rdp": "ms-wbt-server", "x11": "X11"}
"""nmap's words where they differ from ours."""


def main() -> None:
    """Run it and print a table."""
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="bench-identify-") as folder:
        chosen = [server for server in SERVERS if not names or server.name in names]
        with running(Path(folder), chosen, seconds=40) as up:
            time.sleep(3)  # some listen before they answer
            ours, our_seconds = _ours(up)
            theirs, their_seconds = ({}, 0.0) if "--no-nmap" in sys.argv else _nmap(up)
            _table(up, ours, theirs)
    absent = sorted({server.name for server in chosen} - {each.server.name for each in up})
    print(f"\nnot installed or not started: {' '.join(absent) or 'none'}")
    _verdicts(up, ours, our_seconds, theirs, their_seconds)


def _ours(up: list[Running]) -> tuple[dict[int, Identity], float]:
    asker = ServiceIdentifier(permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED))
    observations = [
        Observation(Endpoint(ip_address(ADDRESS), Transport.TCP, each.port), State.OPEN, "syn-ack", datetime.now(UTC))
        for each in up
    ]
    began = time.perf_counter()
    found = asyncio.run(asker.identify(observations))
    seconds = time.perf_counter() - began
    return {each.endpoint.port: each.identity for each in found if each.identity}, seconds


def _nmap(up: list[Running]) -> tuple[dict[int, str], float]:
    ports = ",".join(str(each.port) for each in up)
    began = time.perf_counter()
    said = subprocess.run(
        ["nmap", "-sV", "-Pn", "-n", "-p", ports, ADDRESS], capture_output=True, text=True, check=True
    ).stdout
    seconds = time.perf_counter() - began
    lines = [line.split(maxsplit=2) for line in said.splitlines() if "/tcp" in line]
    return {int(words[0].partition("/")[0]): words[2] for words in lines}, seconds


def _right(each: Running, found: Identity) -> bool:
    server = each.server
    product = server.product.lower() in found.product.lower()
    return found.protocol == server.protocol and found.encrypted == server.tls and product


def _right_nmap(each: Running, said: str) -> bool:
    word = NMAP_WORDS.get(each.server.protocol, each.server.protocol).lower()
    named = word in said.lower() and "?" not in said.split()[0]
    return named and (not each.server.tls or "ssl" in said)


def _table(up: list[Running], ours: dict[int, Identity], theirs: dict[int, str]) -> None:
    for each in up:
        found = ours[each.port]
        mark = "right" if _right(each, found) else "none " if not found.name else "WRONG"
        print(f"{each.server.name:<16}{mark}  {found.words[:52]:<52}  nmap: {theirs.get(each.port, '-')[:52]}")


def _verdicts(
    up: list[Running], ours: dict[int, Identity], seconds: float, theirs: dict[int, str], their_seconds: float
) -> None:
    named = [each for each in up if ours[each.port].name]
    right = [each for each in up if _right(each, ours[each.port])]
    print(f"ours: {len(right)} of {len(up)} right, {len(named) - len(right)} wrong, {seconds:.1f} s")
    if theirs:
        right_nmap = sum(_right_nmap(each, theirs.get(each.port, "unknown")) for each in up)
        times = their_seconds / seconds
        print(f"nmap -sV: {right_nmap} of {len(up)} right, {their_seconds:.1f} s ({times:.1f} times ours)")


if __name__ == "__main__":
    main()
