"""UDP beside nmap in one run: real servers found, wrong and unnamed; closed ports told of against what limits allow.

Run as root: `python tests/bench/bench_udp.py [--limits] [--servers] [--hosts] [--planted] [--forged] [--agreement]`,
servers and limits by default. Ratios are what to compare: the
times are those of a laboratory of network namespaces. The servers are those of `tests/netlab/udp_servers.py` that are
installed; the bound of a limit of r a second with b saved up is (ports - b) / r seconds.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from measure import need_laboratory, timed, version_of

from scanner.core.model import State
from scanner.engines.choose import Wire
from tests.netlab.lab import Lab, Namespace, addresses
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


def nmap(host: Namespace, ports: Iterable[int], *words: str, target: str = TARGET) -> dict[int, str]:
    """The state of each port as nmap says it."""
    listed = ",".join(map(str, sorted(ports)))
    said = host.run("nmap", "-sU", "-Pn", "-n", *words, "-oG", "-", "-p", listed, target, seconds=1800).stdout
    listed_states = {int(port): state for port, state in re.findall(r"(\d+)/([a-z|]+)/udp", said)}
    ignored = re.search(r"Ignored State: ([a-z|]+)", said)
    return dict.fromkeys(ports, ignored[1]) | listed_states if ignored else listed_states


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


def hosts() -> None:
    """Thirteen hosts with the default limit behind one router, 100 ports each: hosts wait independently."""
    with Lab() as lab:
        here, router = lab.namespace(), lab.namespace()
        lab.wire(here, router)
        addresses(here, "v0", "10.77.0.1/24")
        addresses(router, "v0", "10.77.0.2/24")
        router.sysctl("net.ipv4.ip_forward", 1)
        here.ip("route", "add", "10.88.0.0/16", "via", TARGET)
        for number in range(1, 14):
            host = lab.namespace()
            lab.wire(router, host, f"h{number}")
            addresses(router, f"h{number}", f"10.88.{number}.1/24")
            addresses(host, "v0", f"10.88.{number}.2/24")
            host.ip("route", "add", "default", "via", f"10.88.{number}.1")
        bound = Limit("", 1000, 100).bound
        targets = " ".join(f"10.88.{number}.2" for number in range(1, 14))
        seconds, ours = timed(lambda: sweep(here, targets, range(2100, 2200), patience=1e6))
        assert isinstance(ours, dict)
        closed = sum(seen.state is State.CLOSED for seen in ours.values())
        print(f"13 hosts x 100 ports: {closed} closed in {seconds:.1f} s, {seconds / bound:.2f} times {bound:.0f} s")


PLANTED = range(2150, 3100, 100)
"""Ten silent ports among the thousand from 2100."""
PLANTED_LIMITS = (Limit("10/s", 100, 1000), Limit("125/s", 8, 1000), Limit("none", 0, 1000))


def planted() -> None:
    """Ten silent ports among 1,000, at each limit, without loss and with 5 % of it each way."""
    for limit in PLANTED_LIMITS:
        for loss in (0, 5):
            with Lab() as lab:
                here, there = lab.pair()
                there.sysctl("net.ipv4.icmp_ratelimit", limit.milliseconds)
                if not limit.milliseconds:
                    with suppress(OSError):
                        there.sysctl("net.ipv4.icmp_msgs_per_sec", 1_000_000)
                there.nft(f"add rule inet lab input udp dport {{ {', '.join(map(str, PLANTED))} }} drop")
                if loss:
                    there.lose(loss)
                    there.lose(loss, chain="output")
                seconds, found = timed(lambda here=here: sweep(here, TARGET, range(2100, 3100), patience=1e6))
                assert isinstance(found, dict)
                proven = {port for (_, port), seen in found.items() if seen.reason == "udp-no-response"}
                missed, invented = set(PLANTED) - proven, proven - set(PLANTED)
                said = f"{len(proven & set(PLANTED))} of 10 proven, {len(missed)} missed, {len(invented)} invented"
                print(f"{limit.name:8} {loss} % loss: {said}, {seconds:.1f} s")


FORGED = 200_000


def forged() -> None:
    """Datagrams and ICMP errors without the token, as fast as one process sends them, during a sweep."""
    with Lab() as lab:
        here, there = lab.pair()
        there.nft("add rule inet lab input meta l4proto udp drop")
        liar = there.start(sys.executable, "-c", _LIAR, str(FORGED))
        seconds, found = timed(lambda: sweep(here, TARGET, range(53, 153), patience=20))
        assert isinstance(found, dict)
        sent = liar.communicate(timeout=120)[0].strip()
        reasons = Counter(seen.reason for seen in found.values())
        proven = reasons.get("udp-answer", 0) + reasons.get("port-unreachable", 0)
        print(f"{sent} forged at 100 silent ports: {proven} proven, {dict(reasons)}, {seconds:.1f} s")


_LIAR = """
import random, socket, struct, sys, time
def checksum(data):
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
end, sent = time.monotonic() + 3, 0
while sent < int(sys.argv[1]) and time.monotonic() < end:
    port = random.randrange(53, 153)
    if sent % 2:
        udp = struct.pack('>HHHH', port, random.randrange(1024, 65536), 20, 0) + random.randbytes(12)
        kind, body = 17, udp
    else:
        inner = struct.pack('>BBHHHBBH4s4s', 69, 0, 40, random.randrange(65536), 0, 64, 17, 0,
                            socket.inet_aton('10.77.0.1'), socket.inet_aton('10.77.0.2'))
        inner += struct.pack('>HHHH', random.randrange(1024, 65536), port, 20, 0) + random.randbytes(12)
        body = struct.pack('>BBHI', 3, 3, 0, 0) + inner
        body = body[:2] + struct.pack('>H', checksum(body)) + body[4:]
        kind = 1
    head = struct.pack('>BBHHHBBH4s4s', 69, 0, 20 + len(body), 0, 0, 64, kind, 0,
                       socket.inet_aton('10.77.0.2'), socket.inet_aton('10.77.0.1'))
    raw.sendto(head + body, ('10.77.0.1', 0))
    sent += 1
print(sent)
"""


def states(name: str, said: Iterable[str]) -> None:
    """Print how many endpoints are in each state."""
    print(name, ", ".join(f"{count} {state}" for state, count in sorted(Counter(said).items())))


def agreement() -> None:
    """The same endpoints by each engine and by nmap, IPv4 and IPv6: how many are in each state."""
    with Lab() as lab:
        here, there = lab.pair()
        for name in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
            there.sysctl(name, 0)
        with suppress(OSError):
            there.sysctl("net.ipv4.icmp_msgs_per_sec", 1_000_000)
        there.nft("add rule inet lab input udp dport 2100-2109 drop")
        echo = "import socket,select,sys\nsocks=[]\nfor f,a in ((2,'0.0.0.0'),(10,'::')):\n"
        echo += " for p in range(2200,2220):\n  s=socket.socket(f,2)\n  f==10 and s.setsockopt(41,26,1)\n"
        echo += "  s.bind((a,p)); socks.append(s)\nprint('ready',flush=True)\n"
        echo += "while True:\n for s in select.select(socks,[],[])[0]:\n  d,p=s.recvfrom(999); s.sendto(b'here',p)\n"
        answering = there.start(sys.executable, "-c", echo)
        assert answering.stdout is not None
        answering.stdout.readline()
        ports = range(2000, 3000)
        for address in (TARGET, "fd77::2"):
            for name, wire in (("sockets", None), ("frames", Wire.SENDMMSG)):
                found = sweep(here, address, ports, wire=wire, patience=60)
                states(f"{address:10} {name:8}", (each.state.value for each in found.values()))
            words = ("-6",) if ":" in address else ()
            said = nmap(here, ports, *words, target=address)
            states(f"{address:10} nmap    ", said.values())
        answering.kill()


PARTS = {
    "servers": servers,
    "limits": limits,
    "hosts": hosts,
    "planted": planted,
    "forged": forged,
    "agreement": agreement,
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in PARTS:
        parser.add_argument(f"--{name}", action="store_true")
    asked = vars(parser.parse_args())
    need_laboratory()
    print(version_of("nmap"))
    for name, part in PARTS.items():
        if asked[name] or (name in ("servers", "limits") and not any(asked.values())):
            part()


if __name__ == "__main__":
    main()
