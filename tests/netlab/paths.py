"""Paths that go wrong, on top of the laboratory: scanner - router - hosts, and a fault between them.

A `Fault` is what a path does to those who ask too fast, or what happens to it in the middle of a sweep. `lay` puts its
rules in place; `strike` happens when half as many SYNs as there are endpoints have come to the router. All rules are
the router's or the target's: a raw sender passes its own OUTPUT by. `path_reports.py` runs sweeps through them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from tests.netlab.lab import Lab
from tests.netlab.tun import Tun

FIRST_PORT = 3000
_SYN = "tcp flags & (syn|ack|rst) == syn"
_TO_TARGET = f'iifname "v1" {_SYN}'

Endpoints = frozenset[tuple[str, int]]


class Network:
    """A scanner, a router, and behind it many hosts with the same services."""

    def __init__(
        self, lab: Lab, *, hosts: int = 16, ports: int = 400, services: int = 6, round_trip: float = 0.0
    ) -> None:
        """`hosts`: a power of two; `ports`: asked on each; `services`: open on each, at other ports on each.

        `round_trip`: seconds; where it is not 0, the hosts are simulated and `target` is nobody.
        """
        self.scanner, self.router, self.target = lab.routed()
        bits = 32 - (hosts - 1).bit_length()
        self.words = f"10.88.1.0/{bits}" if round_trip else f"10.99.0.0/{bits}"
        self.hosts = [str(each) for each in ip_network(self.words)]
        self.ports = f"{FIRST_PORT}-{FIRST_PORT + ports - 1}"
        self.size = hosts * ports
        self.open: Endpoints = frozenset(
            (self.hosts[host], FIRST_PORT + port)
            for host in range(hosts)
            for port in _open_ports(host, ports, services)
        )
        if round_trip:
            places = [(int(ip_address(host)) & 0xFFFF, port) for host, port in self.open]
            Tun(self.router, open_at=places, delay=round_trip).begin()
        else:
            self.target.answer_for(self.words)
            self.router.ip("route", "add", self.words, "via", "10.77.2.1")
            self.target.listen_at(self.open)
        self.router.counter("asked")
        self.router.nft(
            "add chain inet lab first { type filter hook forward priority -20; policy accept; }\n"
            f"add rule inet lab first {_TO_TARGET} counter name asked"
        )

    def asked(self) -> int:
        """How many SYNs came to the router so far."""
        return self.router.packets("asked")


def _open_ports(host: int, ports: int, services: int) -> list[int]:
    """One in each of `services` equal parts of the range, at another place of it for each host."""
    width = ports // services
    return [turn * width + (host * 7 + turn * 3) % width for turn in range(services)]


Act = Callable[[Network], None]


def _nothing(network: Network) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a path."""

    name: str
    """A word for the table."""
    lay: Act = _nothing
    """What is done before the sweep."""
    strike: Act | None = None
    """What happens in the middle of it."""
    causes: tuple[str, ...] = ("path-lost", "lost on the way")
    """Words of which one must be said where not all was found."""
    says: str = ""
    """A word that the summary must have even where all was found, instead of silence."""
    bearable: bool = True
    """Whether all that is open can always be found by waiting and asking more slowly."""
    rate: float = float("inf")
    """New flows a second that pass, for the least time possible."""
    burst: int = 0
    """And so many at once before that."""
    outage: float = 0.0
    """Seconds in which nothing passes."""
    round_trip: float = 0.0
    """Seconds from a probe to its answer; the hosts are simulated then."""

    def network(self, lab: Lab, *, seconds: float = 4.0) -> Network:
        """A network that can have this fault, of a size that it lets through in so many seconds at the best."""
        hosts = 16 if self.rate > 1000 else 4
        ports = min(400, int(seconds * self.rate) // hosts) if self.rate < float("inf") else 400
        return Network(lab, hosts=hosts, ports=ports, services=96 // hosts, round_trip=self.round_trip)

    def least(self, network: Network) -> float:
        """The least time in which a sweep can get through, in seconds."""
        return max(network.size - self.burst, 0) / self.rate + self.outage + self.round_trip


# What a path may do. Each is a function that gives `lay` or `strike`.


def police(rate: int, burst: int) -> Act:
    """Let so many packets a second pass towards the hosts."""
    return _forward(f'iifname "v1" limit rate over {rate}/second burst {burst} packets drop')


def new_flows(rate: int, burst: int) -> Act:
    """Let so many new connections a second pass; a new connection is what connection tracking calls one."""
    return _forward(f'iifname "v1" ct state new limit rate over {rate}/second burst {burst} packets drop')


def new_flows_each(rate: int, burst: int) -> Act:
    """Let so many new connections a second pass to each host."""

    def lay(network: Network) -> None:
        network.router.nft(
            "add set inet lab flows { type ipv4_addr; flags dynamic; }\n"
            f"add rule inet lab forward {_TO_TARGET} add @flows "
            f"{{ ip daddr limit rate over {rate}/second burst {burst} packets }} drop"
        )

    return lay


def table_of(entries: int, *, seconds: int) -> Act:
    """A table of connections with room for so many; each is kept for some seconds, and while it is full none is new."""

    def lay(network: Network) -> None:
        network.router.nft(
            "add set inet lab entries { type ipv4_addr . inet_service . inet_service; flags dynamic, timeout; "
            f"size {entries}; timeout {seconds}s; gc-interval 100ms; }}\n"
            f"add rule inet lab forward {_TO_TARGET} add @entries {{ ip daddr . tcp dport . tcp sport }} accept\n"
            f"add rule inet lab forward {_TO_TARGET} drop"
        )

    return lay


def lose(percent: int) -> Act:
    """Lose this share of all packets, each way."""
    return lambda network: network.router.lose(percent, chain="forward")


def limit_resets(rate: int) -> Act:
    """The target sends so many resets a second, for all hosts together."""
    rule = f"add rule inet lab output tcp flags & rst == rst limit rate over {rate}/second burst 5 packets drop"
    return lambda network: network.target.nft(rule)


def cut(seconds: float) -> Act:
    """Nothing passes the router for a while."""

    def strike(network: Network) -> None:
        network.router.nft("add chain inet lab gap { type filter hook forward priority -10; policy drop; }")
        time.sleep(seconds)  # the fault itself, not a wait for something
        network.router.nft("delete chain inet lab gap")

    return strike


def ban(syns: int, *, by_host: bool) -> Act:
    """After about so many SYNs the source hears nothing more: of the host that was asked, or of the network."""
    key, kind = ("ip saddr . ip daddr", "ipv4_addr . ipv4_addr") if by_host else ("ip saddr", "ipv4_addr")

    def lay(network: Network) -> None:
        network.router.nft(
            f"add set inet lab banned {{ type {kind}; flags dynamic; }}\n"
            f"add rule inet lab forward {_TO_TARGET} add @banned {{ {key} quota over {syns * 60} bytes }} drop"
        )

    return lay


def silence_a_host(network: Network) -> None:
    """One host answers nothing any more."""
    network.target.nft(f"insert rule inet lab input ip daddr {network.hosts[3]} drop")


def silence_the_uplink(network: Network) -> None:
    """The router answers, but nothing passes it any more."""
    network.router.nft("insert rule inet lab forward drop")


def kill_the_gateway(network: Network) -> None:
    """The gateway answers nothing any more, not even ARP; the carrier stays up."""
    network.router.run(
        "nft", "-f", "-",
        stdin="add table netdev dead\n"
        'add chain netdev dead ingress { type filter hook ingress device "v1" priority 0; policy drop; }',
    )  # fmt: skip


def fail_over(*, announced: bool) -> Act:
    """The gateway's address moves to another MAC, with or without a gratuitous ARP (RFC 5798 has one)."""

    def strike(network: Network) -> None:
        network.router.sysctl("net.ipv4.conf.v1.arp_notify", int(announced))
        network.router.ip("link", "set", "v1", "address", "02:00:00:00:00:77")

    return strike


def renumber(network: Network) -> None:
    """The scanner gets another address, as from DHCP; the old one is nobody's."""
    network.scanner.sysctl("net.ipv4.conf.v0.promote_secondaries", 1)
    network.scanner.ip("address", "add", "10.77.1.9/24", "dev", "v0")
    network.scanner.ip("address", "del", "10.77.1.1/24", "dev", "v0")
    network.scanner.ip("route", "replace", "default", "via", "10.77.1.2")
    network.router.ip("neighbour", "flush", "dev", "v1")


def _forward(rule: str) -> Act:
    return lambda network: network.router.nft(f"add rule inet lab forward {rule}")


def _policed(rate: int, burst: int) -> Fault:
    big = "-big" if burst == rate else ""
    return Fault(f"police-{rate}{big}", police(rate, burst), rate=rate, burst=burst)


_ALL = (
    Fault("clear"),
    *(_policed(rate, max(rate // 10, 5)) for rate in (100, 300, 3000, 30_000, 1_000_000)),
    *(_policed(rate, rate) for rate in (300, 3000)),
    Fault("flows-500", new_flows(500, 50), rate=500),
    Fault("flows-50-each", new_flows_each(50, 10), rate=200),
    Fault("table-500", table_of(500, seconds=1), rate=500),
    Fault("loss-1", lose(1)),
    Fault("loss-5", lose(5)),
    Fault("resets-50", limit_resets(50), says="reset-limited"),
    Fault("resets-200", limit_resets(200), says="reset-limited"),
    *(Fault(f"cut-{seconds:g}", strike=cut(seconds), outage=seconds) for seconds in (0.5, 2, 5, 30)),
    Fault("ban-host", ban(100, by_host=True), causes=("host-lost", "path-lost"), bearable=False),
    Fault("ban-network", ban(1500, by_host=False), bearable=False),
    Fault("silent-host", strike=silence_a_host, causes=("host-lost",), bearable=False),
    Fault("silent-uplink", strike=silence_the_uplink, bearable=False),
    Fault("gateway-dies", strike=kill_the_gateway, bearable=False),
    Fault("gateway-moves", strike=fail_over(announced=True)),
    Fault("gateway-moves-quietly", strike=fail_over(announced=False), bearable=False),
    Fault("renumbered", strike=renumber),
    Fault("trip-50", round_trip=0.05),
    Fault("trip-300", round_trip=0.3),
    Fault("trip-300-loss-5", lose(5), round_trip=0.3),
    Fault("trip-300-police-1000", police(1000, 100), round_trip=0.3, rate=1000),
    Fault("competitor", police(2000, 200), police(1000, 100), rate=1000),
)
FAULTS = {fault.name: fault for fault in _ALL}
"""Every fault that a router or a target can have here, by name."""
