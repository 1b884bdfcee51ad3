"""What the connect engine remembers of each address, for as long as it matters.

A host outlives its wave: its cap must hold and its absence must be remembered when the next wave holds it again. The
book keeps the most recently used ones and forgets the rest, so that a plan of sixteen million addresses costs no more
than one of a hundred thousand.
"""

import errno
import socket
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from scanner.core.columns import I64
from scanner.core.errors import OutOfScope
from scanner.core.model import Address
from scanner.core.plan.wave import Wave
from scanner.core.rate.allowance import TICK, Allowance
from scanner.engines.connect.ways import Way, Ways

HOST_REPORTS = 2
"""Number of equal answers from the kernel that settle a whole host."""
_REMEMBERED = 1 << 17


class Host:
    """One address."""

    __slots__ = (
        "_source",
        "address",
        "answered",
        "bucket",
        "counted",
        "family",
        "number",
        "paused",
        "reports",
        "row",
        "text",
        "verdict",
        "way",
    )

    def __init__(self, address: Address, host_rate: float | None, way: Way, number: int = 0) -> None:
        """`number`: index of the address in the target set."""
        self.address, self.number, self.way = address, number, way
        self.text = str(address)
        self.family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self.bucket = None if host_rate is None else Allowance(host_rate, slack=TICK)
        """Its cap, where there is one."""
        self.reports: dict[int, int] = {}
        """How often the kernel gave each reason code that concerns the address and not one port."""
        self.verdict: int | None = None
        """The reason code that settles every endpoint of this host, once there is one."""
        self.paused = False
        """Whether it fell silent, so that no ordinary probe goes to it."""
        self.row = -1
        """Its row in everything that is kept about hosts; -1 where it has none."""
        self.answered = False
        """Whether it ever sent us anything. Then it is there, whatever the kernel says."""
        self.counted = False
        """Whether it was counted among the absent."""
        self._source = ""

    def report(self, code: int, *, weight: int = 1) -> None:
        """Count what the kernel said about this address; `HOST_REPORTS` of one kind settle the whole host."""
        self.reports[code] = self.reports.get(code, 0) + weight
        if self.verdict is None and not self.answered and self.reports[code] >= HOST_REPORTS:
            self.verdict = code

    @property
    def settled_by(self) -> int | None:
        """The reason code that settles each of its endpoints: its own verdict, or that of the way to it."""
        return self.way.verdict if self.verdict is None else self.verdict

    @property
    def source(self) -> str:
        """The address from which this machine sends to the host; empty where that cannot be determined now."""
        if not self._source:
            self._source = _source_towards(self.family, self.text)
        return self._source

    @property
    def is_this_machine(self) -> bool:
        """Whether the host is this machine: packets to it carry its own address as their source."""
        return self.source == self.text or self.address.is_loopback

    @property
    def is_broadcast(self) -> bool:
        """Whether the kernel has a route there, but to every station on the link instead of to a host: the last address
        of a network on our own link. connect() returns ENETUNREACH for it, as it does without any route; a datagram
        socket, which sends nothing by connecting, returns EACCES (socket(7), SO_BROADCAST)."""
        try:
            with socket.socket(self.family, socket.SOCK_DGRAM) as ask:
                return ask.connect_ex((self.text, 9)) == errno.EACCES
        except OSError:  # no socket to ask with: the result of connect() stands
            return False


class HostBook:
    """The hosts of the waves under way, and as many earlier ones as are worth remembering."""

    def __init__(
        self,
        host_rate: float | None,
        permitted: Callable[[Address], bool] | None,
        ways: Ways | None = None,
    ) -> None:
        """`host_rate`: probes a second to each at most; `permitted`: asked once about each; `ways`: None for one."""
        self._host_rate = host_rate
        self._permitted = permitted
        self.ways = Ways(None) if ways is None else ways
        """The ways out to them."""
        self._hosts: OrderedDict[int, Host] = OrderedDict()
        self._by_address: dict[Address, Host] = {}

    def of(self, wave: Wave) -> list[Host]:
        """Return the host of each endpoint of a wave; raises as `distinct`."""
        hosts, which = self.distinct(wave)
        return [hosts[each] for each in which.tolist()]

    def distinct(self, wave: Wave) -> tuple[list[Host], I64]:
        """Return the hosts of a wave, each once, and for each endpoint the place of its host among them.

        Raises:
            OutOfScope: an address of the wave is not permitted.
        """
        numbers, first, inverse = np.unique(wave.host, return_index=True, return_inverse=True)
        hosts = [
            self._host(wave, number, index) for number, index in zip(numbers.tolist(), first.tolist(), strict=True)
        ]
        while len(self._hosts) > max(_REMEMBERED, len(hosts)):
            self._by_address.pop(self._hosts.popitem(last=False)[1].address)
        return hosts, inverse.astype(np.int64)

    def _host(self, wave: Wave, number: int, index: int) -> Host:
        if number in self._hosts:
            self._hosts.move_to_end(number)
            return self._hosts[number]
        address = wave.address(index)
        if self._permitted is not None and not self._permitted(address):
            raise OutOfScope(f"{address} is not permitted by the scope; nothing was sent to it")
        host = Host(address, self._host_rate, self.ways.of(address), number)
        self._hosts[number] = self._by_address[address] = host
        return host

    def find(self, address: Address) -> Host | None:
        """Return the host with an address, if it is one of those remembered."""
        return self._by_address.get(address)

    def numbered(self, number: int) -> Host | None:
        """Return the host with an index in the target set, if it is one of those remembered."""
        return self._hosts.get(number)


def _source_towards(family: socket.AddressFamily, text: str) -> str:
    """Return the source address the kernel chooses for a destination. Connecting a datagram socket sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as ask:
            ask.connect((text, 9))
            return str(ask.getsockname()[0])
    except OSError:  # no way there, or no socket to ask with
        return ""
