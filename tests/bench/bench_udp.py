"""UDP beside nmap in one run: real servers found, wrong and unnamed; closed ports told of against what limits allow.

Run as root: `python tests/bench/bench_udp.py [--limits] [--servers]`, both by default. Ratios are what to compare: the
times are those of a laboratory of network namespaces. The servers are those of `tests/netlab/udp_servers.py` that are
installed; the bound of a limit of r a second with b saved up is (ports - b) / r seconds.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from measure import need_laboratory, timed, version_of

from scanner.core.model import State
from tests.netlab.lab import Lab, Namespace
from tests.netlab.test_udp_lab import CLOSED, sweep
from tests.netlab.udp_servers import SERVERS, bound_ports, expected, installed, serving

TARGET = "10.77.0.2"


@dataclass(frozen=True)
class Limit:
    """A limit on ICMP errors, and how many ports it is tried with."""

    name: str
    milliseconds: int
    ports: int
    burst: int = 6

    @property
    def bound(self) -> float:
        """Seconds that telling of all ports takes at least."""
        return (self.ports - self.burst) * self.milliseconds / 1000


LIMITS = (
    Limit("1/s (default of Linux)", 1000, 40),
    Limit("10/s", 100, 300),
    Limit("125/s", 8, 1000),
    Limit("none", 0, 1000),
)


def nmap(host: Namespace, ports: Iterable[int], *words: str) -> dict[int, str]:
    """The state of each port as nmap tells it."""
    listed = ",".join(map(str, sorted(ports)))
    said = host.run("nmap", "-sU", "-Pn", "-n", *words, "-oG", "-", "-p", listed, TARGET, seconds=1800).stdout
    return {int(port): state for port, state in re.findall(r"(\d+)/([a-z|]+)/udp", said)}


def row(name: str, seconds: float, found: dict[int, str], answering: set[int], silent: set[int], named: str) -> None:
    """One contender's line."""
    opened = {port for port, state in found.items() if state == "open"}
    closed = {port for port, state in found.items() if state == "closed"}
    wrong = opened & silent | closed & (answering | silent) | (set(CLOSED) - closed)
    told = f"{len(opened & answering):3} of {len(answering)} found, {len(wrong)} wrong, {named} named"
    print(f"{name:14} {told}, {seconds:7.1f} s")


def servers() -> None:
    """Real servers, found by us and by nmap."""
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        here, there = lab.pair()
        wanted = {server.port for server in filter(installed, SERVERS)}

        def settle() -> None:
            deadline = time.monotonic() + 20
            while not wanted <= bound_ports(there) and time.monotonic() < deadline:
                time.sleep(0.2)

        with serving(there, Path(folder), settle) as up:
            protocols, silent = expected(up)
            ports, answering = {*protocols, *silent, *CLOSED}, set(protocols)
            seconds, ours = timed(lambda: sweep(here, TARGET, ports))
            assert isinstance(ours, dict)
            states = {port: seen.state.value for (_, port), seen in ours.items()}
            named = sum(bool(seen.identity and seen.identity.protocol) for seen in ours.values())
            row("scanner", seconds, states, answering, silent, f"{named:3}")
            for words in ((), ("-sV",)):
                theirs, found = timed(lambda words=words: nmap(here, ports, *words))
                assert isinstance(found, dict)
                row(" ".join(("nmap -sU", *words)), theirs, found, answering, silent, "  -")
                print(f"{'':14} {theirs / seconds:.1f} times as long as ours")


def limits() -> None:
    """Closed ports told of, beside the bound."""
    for limit in LIMITS:
        with Lab() as lab:
            here, there = lab.pair()
            there.sysctl("net.ipv4.icmp_ratelimit", limit.milliseconds)
            if not limit.milliseconds:
                with suppress(OSError):
                    there.sysctl("net.ipv4.icmp_msgs_per_sec", 1_000_000)
            ports = range(2100, 2100 + limit.ports)
            seconds, ours = timed(lambda ports=ports, here=here: sweep(here, TARGET, ports, patience=1e6))
            assert isinstance(ours, dict)
            closed = sum(seen.state is State.CLOSED for seen in ours.values())
            ratio = f"{seconds / limit.bound:.2f} times the bound of {limit.bound:.1f} s" if limit.bound else "no bound"
            print(f"{limit.name:24} {limit.ports:5} ports: {closed} closed in {seconds:.2f} s, {ratio}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--servers", action="store_true")
    asked = parser.parse_args()
    need_laboratory()
    print(version_of("nmap"))
    if asked.servers or not asked.limits:
        servers()
    if asked.limits or not asked.servers:
        limits()


if __name__ == "__main__":
    main()
