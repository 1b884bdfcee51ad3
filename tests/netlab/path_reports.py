"""Sweeps through paths that go wrong: what a whole command said, held against what is true; nmap and masscan likewise.

    with Lab() as lab:
        fault = FAULTS["police-300"]
        report = scan_through(fault.network(lab), fault, "--engine", "syn")
        assert report.kept, report

The promise is kept where all that is open was found and the status is 0, or, where the path cannot bear a sweep, where
the status is 3 and the summary names the cause. Never 0 with less.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.netlab.lab import Namespace
from tests.netlab.paths import Endpoints, Fault, Network


@dataclass(frozen=True, slots=True)
class Report:
    """What a sweep said, and what is true."""

    fault: Fault
    status: int
    """Exit status."""
    found: Endpoints
    """What it called open."""
    truth: Endpoints
    """What is open."""
    seconds: float
    asked: int
    """SYNs that came to the router."""
    struck: bool
    """Whether the middle came, where there is something to happen in it."""
    summary: dict[str, Any] = field(default_factory=dict)
    """The summary of the JSON lines."""
    errors: str = ""
    """What was said on standard error."""

    @property
    def recall(self) -> float:
        """Share of the open endpoints that was found."""
        return len(self.found & self.truth) / len(self.truth)

    @property
    def silent(self) -> bool:
        """Whether more than a hundredth is said to be filtered by silence alone."""
        unanswered: int = self.summary.get("reasons", {}).get("no-response", 0)
        return unanswered > self.summary.get("coverage", {}).get("planned", 0) / 100

    @property
    def cause(self) -> str:
        """The word by which the summary names the cause; empty where it names none."""
        return next((word for word in self.fault.causes if word in self.said), "")

    @property
    def said(self) -> str:
        """What the summary says in words."""
        return json.dumps([self.summary.get(key) for key in ("reasons", "degraded", "notes")])

    @property
    def honest(self) -> bool:
        """Nothing invented; all found, or exit status 3 with the cause named."""
        if not self.found <= self.truth:
            return False
        return (self.status == 0 and self.recall == 1) or (self.status == 3 and bool(self.cause))

    @property
    def kept(self) -> bool:
        """Honest; complete where the path can bear a sweep, and incomplete by its own words where it cannot.

        Every endpoint answers here, so that a sweep without all answers is not complete.
        """
        if not self.honest or self.fault.says not in self.said or (self.fault.says and self.silent):
            return False
        if self.fault.bearable:
            return self.recall == 1 and self.status == 0
        coverage = self.summary.get("coverage", {})
        return self.status == 3 or coverage.get("answered", 0) == coverage.get("planned")

    def __str__(self) -> str:
        missed = sorted(self.truth - self.found)[:5]
        return (
            f"{self.fault.name}: exit {self.status}, {len(self.found & self.truth)} of {len(self.truth)} open found in "
            f"{self.seconds:.1f} s, {self.asked} SYNs, cause {self.cause or 'not named'}, missed {missed}\n"
            f"reasons {self.summary.get('reasons')}, degraded {self.summary.get('degraded')}, "
            f"notes {self.summary.get('notes')}\n{self.errors[-1500:]}"
        )


def scan_through(network: Network, fault: Fault, *words: str, seconds: float = 300) -> Report:
    """Run `scanner scan` with these options through a fault."""
    fault.lay(network)
    with striking(network, fault) as struck:
        return report(network, fault, struck, scan(network, *words, seconds=seconds))


@dataclass(frozen=True, slots=True)
class Scan:
    """What one run of the command line gave."""

    status: int
    found: Endpoints
    summary: dict[str, Any]
    seconds: float
    errors: str


def scan(network: Network, *words: str, seconds: float = 300) -> Scan:
    """Run `scanner scan` over the whole network."""
    return scan_from(network.scanner, network.words, "-p", network.ports, *words, seconds=seconds)


def scan_from(host: Namespace, *words: str, seconds: float = 300) -> Scan:
    """Run `scanner scan` from a host; what its JSON lines say."""
    began = time.perf_counter()
    done = host.python(
        "-m", "scanner", "scan", *words, "--json", "--no-history", "--fail-on", "none", check=False, seconds=seconds
    )
    took = time.perf_counter() - began
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    opened = [line for line in lines if line["type"] == "finding" and line["state"] == "open"]
    summary: dict[str, Any] = next((line for line in lines if line["type"] == "summary"), {})
    found = frozenset((line["address"], line["port"]) for line in opened)
    return Scan(done.returncode, found, summary, took, done.stderr)


def report(network: Network, fault: Fault, struck: threading.Event, said: Scan) -> Report:
    """Hold what was said against the truth."""
    return Report(
        fault=fault,
        status=said.status,
        found=said.found,
        truth=network.open,
        seconds=said.seconds,
        asked=network.asked(),
        struck=fault.strike is None or struck.is_set(),
        summary=said.summary,
        errors=said.errors,
    )


@contextmanager
def striking(network: Network, fault: Fault) -> Iterator[threading.Event]:
    """While the block runs, wait for its middle, then strike; the event tells whether that happened."""
    struck, over = threading.Event(), threading.Event()
    before = network.asked()

    def wait() -> None:
        while not over.wait(0.04):
            if network.asked() - before >= network.size // 2:
                struck.set()
                assert fault.strike is not None
                fault.strike(network)
                return

    thread = threading.Thread(target=wait)
    if fault.strike is not None:
        thread.start()
    try:
        yield struck
    finally:
        over.set()
        if fault.strike is not None:
            thread.join()


def other_scanner(network: Network, fault: Fault, pattern: str, *command: str) -> Report:
    """Run another scanner through a fault; `pattern` finds the ports in a line that names an address."""
    began = time.perf_counter()
    with striking(network, fault) as struck:
        found, status = run_other(network.scanner, pattern, *command, "-p", network.ports, network.words)
        took = time.perf_counter() - began
    return report(network, fault, struck, Scan(status, found, {}, took, ""))


def run_other(host: Namespace, pattern: str, *command: str, seconds: float = 240) -> tuple[Endpoints, int]:
    """Run another scanner; what it calls open, and its exit status, -1 where it took too long."""
    try:
        done = host.run(*command, check=False, seconds=seconds)
    except subprocess.TimeoutExpired:
        return frozenset(), -1
    found = set()
    for line in done.stdout.splitlines():
        address = re.search(r"(\d+\.\d+\.\d+\.\d+)", line)
        found |= {(address[1], int(port)) for port in re.findall(pattern, line) if address}
    return frozenset(found), done.returncode


NMAP = ("nmap", "-sS", "-Pn", "-n", "-oG", "-")
NMAP_OPEN = r"(\d+)/open/"
MASSCAN = ("masscan", "--wait", "3")
MASSCAN_OPEN = r"open port (\d+)/"
