"""One state table: connect, syn, scapy and nmap -sS on the same endpoints.

A router between scanner and target rejects in every way there is; open and closed ports are a real kernel's. Our three
engines agree in every reason, and with nmap in every state. What would make a difference, and why it is none here:

* Routers send ICMP errors at a limited rate (Linux: six at once, then one a second to each address). What is held back
  looks silent to the first try and is learnt by the next. The lab's router has no limit, so that one try is enough.
* A port-unreachable makes connect() say ECONNREFUSED, as a RST does. The connect engine reads the error queue and
  tells them apart; without that, port 3003 would be closed to it and filtered to all others.
"""

import xml.etree.ElementTree as ElementTree

import pytest

from scanner.core.model import State
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.interface import Engine
from scanner.engines.syn.scapy_engine import ScapyEngine
from tests.netlab.lab import Namespace
from tests.netlab.sweeping import QUICK, permit, plan_of, sweep, syn_engine

pytestmark = pytest.mark.netlab

REJECTS4: tuple[str, ...] = (
    "net-unreachable",
    "host-unreachable",
    "prot-unreachable",
    "port-unreachable",
    "net-prohibited",
)
REJECTS4 += ("host-prohibited", "admin-prohibited")
REJECTS6 = ("no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route")
OPEN, DROPPED, RESET = range(2000, 2100), range(2300, 2310), range(2400, 2410)
CLOSED = range(10_000, 11_000)
TARGET = {4: "10.77.2.1", 6: "fd77:2::1"}


@pytest.fixture
def obstacles(routed: tuple[Namespace, Namespace, Namespace]) -> Namespace:
    """Host a, with a target behind a router that has every kind of answer. Ports 3000 on are rejected, by type."""
    a, r, b = routed
    b.listen(OPEN)
    r.sysctl("net.ipv4.icmp_ratelimit", 0)
    r.sysctl("net.ipv6.icmp.ratelimit", 0)
    for family, target, icmp, kinds in (("ip", TARGET[4], "icmp", REJECTS4), ("ip6", TARGET[6], "icmpv6", REJECTS6)):
        for port, kind in enumerate(kinds, 3000):
            what = f"{family} daddr {target} tcp dport {port}"
            r.nft(f"add rule inet lab forward {what} reject with {icmp} type {kind}")
    r.nft(f"add rule inet lab forward tcp dport {DROPPED[0]}-{DROPPED[-1]} drop")
    r.nft(f"add rule inet lab forward tcp dport {RESET[0]}-{RESET[-1]} reject with tcp reset")
    return a


def expected(version: int) -> dict[int, State]:
    """What everybody should say."""
    rejected = range(3000, 3000 + len(REJECTS4 if version == 4 else REJECTS6))
    return (
        dict.fromkeys(OPEN, State.OPEN)
        | dict.fromkeys([*CLOSED, *RESET], State.CLOSED)
        | dict.fromkeys([*DROPPED, *rejected], State.FILTERED)
    )


def nmap_states(host: Namespace, target: str, ports: list[int]) -> dict[int, State]:
    """What nmap -sS says."""
    version = ["-6"] if ":" in target else []
    words = ["-sS", "-Pn", "-n", "-T4", "-p", ",".join(map(str, ports)), "-oX", "-", target]
    said = host.run("nmap", *version, *words).stdout
    states: dict[int, State] = {}
    for port in ElementTree.fromstring(said).iter("port"):
        state = port.find("state")
        assert state is not None
        states[int(port.get("portid", 0))] = State(state.attrib["state"])
    left = ElementTree.fromstring(said).find(".//extraports")
    if left is not None:
        states |= {port: State(left.attrib["state"]) for port in ports if port not in states}
    return states


@pytest.mark.parametrize("version", [4, 6])
def test_one_state_table(obstacles: Namespace, version: int) -> None:
    target, table = TARGET[version], expected(version)
    plan = plan_of([target], table)
    engines: dict[str, Engine] = {
        "syn": syn_engine(plan),
        "scapy": ScapyEngine(QUICK, UNLIMITED, permit(plan)),
        "connect": ConnectEngine(ConnectOptions(), UNLIMITED),
    }
    reasons = {}
    for name, engine in engines.items():
        swept = sweep(obstacles, plan, engine)
        assert {port: state for (_, port), state in swept.states.items()} == table, name
        reasons[name] = {port: reason for (_, port), (_, reason) in swept.table.items()}
    assert reasons["syn"] == reasons["scapy"] == reasons["connect"]
    assert nmap_states(obstacles, target, sorted(table)) == table
