"""A stream of 10 Mbit/s beside a sweep, through one policer: how much of it arrives.

    python tests/bench/bench_fairness.py [--engines syn,connect] [--rate 1500] [--words "--fixed-rate 5000"]

The stream is 1,000 datagrams of 1,250 bytes a second from another host; the router passes so many packets a second of
both together. Goal: the stream keeps at least half, in its worst second too, while a sweep finds its own
speed. nmap -T4 beside it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from threading import Event, Thread

from measure import need_laboratory, timed

from tests.netlab.lab import Lab, Namespace, addresses
from tests.netlab.path_reports import NMAP, NMAP_OPEN, run_other, scan
from tests.netlab.paths import Endpoints, Network

STREAM = """
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(("10.77.2.1", 9))
print("ready", flush=True)
due = time.monotonic()
while True:
    due += 0.01
    time.sleep(max(due - time.monotonic(), 0))
    for _ in range(10):
        try:
            sender.send(bytes(1222))
        except ConnectionRefusedError:
            pass
"""
PER_SECOND = 1000


def stream_from(lab: Lab, network: Network) -> Namespace:
    """A host at the router from which the stream comes; it is counted on its way in and at the target."""
    other = lab.namespace()
    lab.wire(other, network.router, "v0", "v3")
    addresses(other, "v0", "10.77.3.1/24")
    addresses(network.router, "v3", "10.77.3.2/24")
    other.ip("route", "add", "default", "via", "10.77.3.2")
    network.router.counter("began")
    network.router.nft("add rule inet lab first udp dport 9 counter name began")
    network.target.counter("came")
    network.target.nft("add rule inet lab input udp dport 9 counter name came drop")
    process = other.start(sys.executable, "-c", STREAM)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return other


def once(rate: int, work: Callable[[Network], tuple[Endpoints, int]]) -> str:
    """The stream alone for two seconds, and beside a sweep."""
    with Lab() as lab:
        network = Network(lab, ports=200)
        network.router.nft(
            f'add rule inet lab forward oifname "v2" limit rate over {rate}/second burst {rate // 10} packets drop'
        )
        stream_from(lab, network)
        alone = share(network, lambda: time.sleep(2))
        results: list[tuple[Endpoints, int]] = []
        beside = share(network, lambda: results.append(work(network)))
        found, status = results[0]
        recall = f"{len(found & network.open)}/{len(network.open)}"
        return f"{alone[0]:9.1%}{beside[0]:9.1%}{beside[1]:9.1%}{beside[2]:8.1f}{recall:>9}{status:6}"


def share(network: Network, work: Callable[[], object]) -> tuple[float, float, float]:
    """What of the stream arrived meanwhile, in all and in the worst second, and how many seconds that was."""
    over, seen = Event(), [counts(network)]

    def look() -> None:
        while not over.wait(0.5):
            seen.append(counts(network))

    thread = Thread(target=look)
    thread.start()
    seconds, _ = timed(work)
    over.set()
    thread.join()
    seen.append(counts(network))
    return part(seen[0], seen[-1]), min(map(part, seen, seen[2:])), seconds


def counts(network: Network) -> tuple[int, int]:
    """Datagrams of the stream so far: at the router, at the target."""
    return network.router.packets("began"), network.target.packets("came")


def part(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Which share of those that came to the router meanwhile came to the target."""
    return (after[1] - before[1]) / max(after[0] - before[0], 1)


def main(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    need_laboratory()
    print(f"{arguments.rate:,} packets a second pass")
    print(f"{'':12}{'alone':>9}{'beside':>9}{'worst':>9}{'s':>8}{'open':>9}{'exit':>6}")

    def ours(engine: str) -> Callable[[Network], tuple[Endpoints, int]]:
        def run(network: Network) -> tuple[Endpoints, int]:
            said = scan(network, "--engine", engine, *arguments.words.split())
            return said.found, said.status

        return run

    def nmap(network: Network) -> tuple[Endpoints, int]:
        return run_other(network.scanner, NMAP_OPEN, *NMAP, "-T4", "-p", network.ports, network.words)

    contenders = {"nmap -T4": nmap} | {each: ours(each) for each in arguments.engines.split(",")}
    for name, work in contenders.items():
        print(f"{name:12}{once(arguments.rate, work)}", flush=True)


def options() -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="syn,connect")
    parser.add_argument("--rate", type=int, default=1500, help="packets a second that pass")
    parser.add_argument("--words", default="", help="more words for the scan")
    return parser.parse_args()


if __name__ == "__main__":
    main(options())
