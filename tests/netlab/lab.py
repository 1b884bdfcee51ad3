"""A laboratory of network namespaces: hosts, wires and firewalls that exist only while a test runs.

A `Lab` makes namespaces and veth wires and takes everything away when it is closed, whatever happened; what a
killed process left behind is swept up by the next one (the process id is in the name). Interfaces are made
straight inside their namespaces, so their names never collide. Needs Linux, root, iproute2 and nftables;
`why_not()` says what is missing.

    with Lab() as lab:
        a, b = lab.pair()                   # 10.77.0.1, fd77::1 <-> 10.77.0.2, fd77::2
        b.listen(range(1000, 1200))         # 200 services
        b.nft("add rule inet lab input tcp dport 23 counter name telnet reject with icmp host-unreachable")
        with a.entered():                   # this thread is now in namespace a
            ...
        a.run("nmap", "-sT", "-Pn", "-n", "10.77.0.2")
        b.packets("telnet")                 # what the counter saw
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count, product
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX = "scanlab"
_CLONE_NEWNET = 0x40000000
_LISTENER = Path(__file__).with_name("listener.py")
_NUMBERS = count(1)
_BASE_RULES = """
add table inet lab
add chain inet lab input { type filter hook input priority 0; policy accept; }
add chain inet lab output { type filter hook output priority 0; policy accept; }
add chain inet lab forward { type filter hook forward priority 0; policy accept; }
"""


@cache
def why_not() -> str:
    """Why there can be no laboratory here; empty when there can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nft"):
        if shutil.which(tool) is None:
            return f"the laboratory needs the command `{tool}`"
    name = f"{PREFIX}-{os.getpid()}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no namespace can be made here: {tried.stderr.strip()}"
    _command("ip", "netns", "del", name)
    return ""


class Namespace:
    """One host of the laboratory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._started: list[subprocess.Popen[str]] = []
        self._has_rules = False

    def argv(self, *words: str) -> list[str]:
        """The words of a command, made to run in here."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(
        self, *words: str, check: bool = True, stdin: str = "", seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end in here."""
        return _command(*self.argv(*words), check=check, stdin=stdin, seconds=seconds)

    def start(self, *words: str, merge_stderr: bool = False) -> subprocess.Popen[str]:
        """Start a command in here, with pipes to all three streams; it is killed when the laboratory closes."""
        errors = subprocess.STDOUT if merge_stderr else subprocess.DEVNULL
        process = subprocess.Popen(
            self.argv(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        self._started.append(process)
        return process

    def python(self, *words: str, check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run this very Python in here: `python("-m", "scanner", "port", "22")`."""
        return self.run(sys.executable, *words, check=check, seconds=seconds)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in here until the block ends: sockets made meanwhile belong to this host."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _set_namespace(there)
            yield
        finally:
            _set_namespace(home)
            os.close(there)
            os.close(home)

    def sysctl(self, name: str, value: object) -> None:
        """Set a kernel parameter of this host: `sysctl("net.ipv4.ip_forward", 1)`."""
        with self.entered():
            Path("/proc/sys", *name.split(".")).write_text(f"{value}\n")

    def ip(self, *words: str) -> str:
        """Run `ip` on this host's links, addresses and routes."""
        return _command("ip", "-n", self.name, *words).stdout

    def answer_for(self, network: str) -> None:
        """Make this host answer for every address of a network. Its neighbours still need a route to it."""
        version = "-6" if ":" in network else "-4"
        self.ip(version, "route", "add", "local", network, "dev", "lo")
        if version == "-6":
            self.sysctl("net.ipv6.ip_nonlocal_bind", 1)

    def listen(
        self,
        ports: Iterable[int],
        addresses: Iterable[str] = ("0.0.0.0", "::"),
        *,
        greeting: str = "",
        accept: bool = True,
    ) -> subprocess.Popen[str]:
        """Listen on every one of `ports`; returns when all of them do. One process, however many there are."""
        every = list(product(addresses, ports))
        return self.listen_at(every, greeting=greeting, accept=accept)

    def listen_at(
        self, endpoints: Iterable[tuple[str, int]], *, greeting: str = "", accept: bool = True
    ) -> subprocess.Popen[str]:
        """Listen on these pairs of address and port, as `listen` does."""
        process = self.start(sys.executable, str(_LISTENER), merge_stderr=True)
        assert process.stdin is not None
        assert process.stdout is not None
        wish = {"endpoints": [*endpoints], "greeting": greeting, "accept": accept}
        process.stdin.write(json.dumps(wish))
        process.stdin.close()
        if (said := process.stdout.readline()) != "ready\n":
            raise RuntimeError(f"no listeners in {self.name}: {said}{process.stdout.read()}")
        return process

    def nft(self, rules: str) -> None:
        """Add nftables rules. The table `inet lab` with chains `input`, `output`, `forward` is there already."""
        if not self._has_rules:
            self.run("nft", "-f", "-", stdin=_BASE_RULES)
            self._has_rules = True
        self.run("nft", "-f", "-", stdin=rules)

    def counter(self, name: str) -> None:
        """Declare a named counter, for use in a rule as `counter name NAME`."""
        self.nft(f"add counter inet lab {name}")

    def packets(self, counter: str) -> int:
        """How many packets a named counter saw."""
        said = self.run("nft", "list", "counter", "inet", "lab", counter).stdout
        found = re.search(r"packets (\d+)", said)
        assert found is not None, said
        return int(found.group(1))

    def lose(self, percent: int, *, chain: str = "input") -> None:
        """Drop this share of the packets of a chain, at random (there need be no netem in the kernel)."""
        self.nft(f"insert rule inet lab {chain} numgen random mod 100 < {percent} drop")

    def close(self) -> None:
        """Kill what was started in here and give the namespace back."""
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                stream.close()
        self._started.clear()
        _command("ip", "netns", "del", self.name, check=False)


class Lab:
    """Makes namespaces and wires; use as a context manager."""

    def __init__(self) -> None:
        self._closing = ExitStack()
        _sweep_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def namespace(self) -> Namespace:
        """A host with nothing but loopback."""
        name = f"{PREFIX}-{os.getpid()}-{next(_NUMBERS)}"
        _command("ip", "netns", "add", name)
        made = Namespace(name)
        self._closing.callback(made.close)
        for which in ("all", "default"):  # no duplicate address detection: every address is usable at once
            made.sysctl(f"net.ipv6.conf.{which}.accept_dad", 0)
        made.ip("link", "set", "lo", "up")
        return made

    def wire(self, left: Namespace, right: Namespace, left_name: str = "v0", right_name: str = "v0") -> tuple[str, str]:
        """A veth cable between two hosts, both ends up; the names of its ends."""
        left.ip("link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right.name)
        for host, end in ((left, left_name), (right, right_name)):
            host.ip("link", "set", end, "up")
        return left_name, right_name

    def pair(self) -> tuple[Namespace, Namespace]:
        """Two hosts on one wire: a has 10.77.0.1/24 and fd77::1/64 on `v0`, b has .2 and ::2."""
        a, b = self.namespace(), self.namespace()
        self.wire(a, b)
        for host, number in ((a, 1), (b, 2)):
            addresses(host, "v0", f"10.77.0.{number}/24", f"fd77::{number}/64")
        return a, b

    def routed(self) -> tuple[Namespace, Namespace, Namespace]:
        """Host a, router r, host b in a row: a 10.77.1.1 - 10.77.1.2 r 10.77.2.2 - 10.77.2.1 b; fd77:1:: and fd77:2::.

        r has `v1` towards a and `v2` towards b.
        """
        a, r, b = self.namespace(), self.namespace(), self.namespace()
        for host, net, end in ((a, 1, "v1"), (b, 2, "v2")):
            self.wire(host, r, "v0", end)
            addresses(host, "v0", f"10.77.{net}.1/24", f"fd77:{net}::1/64")
            addresses(r, end, f"10.77.{net}.2/24", f"fd77:{net}::2/64")
            host.ip("route", "add", "default", "via", f"10.77.{net}.2")
            host.ip("-6", "route", "add", "default", "via", f"fd77:{net}::2")
        r.sysctl("net.ipv4.ip_forward", 1)
        r.sysctl("net.ipv6.conf.all.forwarding", 1)
        return a, r, b


def addresses(host: Namespace, link: str, *cidrs: str) -> None:
    """Give a link addresses."""
    for cidr in cidrs:
        host.ip("address", "add", cidr, "dev", link)


def _command(*words: str, check: bool = True, stdin: str = "", seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command; where it fails and `check` holds, the error shows what it said."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}{stdin}")
    return done


def _set_namespace(descriptor: int) -> None:
    """setns(2) for the calling thread; `os.setns` only came with Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _sweep_up() -> None:
    """Remove the namespaces of processes that are no more."""
    for left in Path("/run/netns").glob(f"{PREFIX}-*"):
        owner = left.name.split("-")[1]
        if not Path("/proc", owner).exists():
            _command("ip", "netns", "del", left.name, check=False)
