"""`--rate` and `--host-rate` hold for all that is sent: probes, the test of suspects and `--identify` together."""

from collections import defaultdict
from itertools import takewhile

import pytest

from scanner.engines.discover import DISCOVERY_PORTS
from tests.netlab.lab import Namespace
from tests.netlab.sweeping import Arrival, arrivals, most_in_a_second

pytestmark = pytest.mark.netlab
Pair = tuple[Namespace, Namespace]

PORTS = 720
OPEN = range(1, 35)
ANSWERS_ONCE = """
add set inet lab asked { type ipv4_addr . inet_service; flags dynamic; }
add rule inet lab input tcp flags & (syn|ack) == syn tcp dport 1-720 ip daddr . tcp dport @asked drop
add rule inet lab input tcp flags & (syn|ack) == syn tcp dport 1-720 add @asked { ip daddr . tcp dport }
"""
"""Whoever asks an endpoint for the second time hears nothing."""


def scanned(pair: Pair, *options: str) -> list[Arrival]:
    """The SYNs of a scan of eight hosts, each with enough open ports to be a suspect."""
    a, b = pair
    b.answer_for("10.99.0.0/29")
    a.ip("route", "add", "10.99.0.0/29", "via", "10.77.0.2")
    b.listen(OPEN, ["0.0.0.0"], greeting="SSH-2.0-lab\r\n")
    words = (
        "-m",
        "scanner",
        "scan",
        "10.99.0.0/29",
        "-p",
        f"1-{PORTS}",
        "--seed",
        "3",
        "--identify",
        "--no-history",
    )
    return arrivals(b, lambda: a.python(*words, *options, "-q", "--fail-on", "none"))


def asked(seen: list[Arrival]) -> list[Arrival]:
    """The SYNs of those who ask open ports: to an endpoint that had its probe, or that is not in the plan."""
    met: set[tuple[bytes, int]] = set()
    found = []
    for each in seen:
        endpoint = each.address, each.port
        if endpoint in met or each.port > PORTS:
            found.append(each)
        met.add(endpoint)
    return found


def were_at_work_together(seen: list[Arrival]) -> bool:
    """Whether probes went out while open ports and random ones were asked."""
    questions = asked(seen)
    probes = [each for each in seen if each not in set(questions)]
    by_kind = [[each for each in questions if (each.port > PORTS) is random] for random in (False, True)]
    return all(kind and kind[0].at < probes[-1].at for kind in by_kind)


@pytest.mark.parametrize("engine", ["connect", "syn"])
def test_probes_and_questions_share_the_rate(pair: Pair, engine: str) -> None:
    seen = scanned(pair, "--engine", engine, "--rate", "1000", "--host-rate", "0")
    assert were_at_work_together(seen)
    assert most_in_a_second(each.at for each in seen) <= 1000


def test_they_share_the_rate_of_each_host(pair: Pair) -> None:
    seen = scanned(pair, "--engine", "connect", "--rate", "0", "--host-rate", "100")
    assert were_at_work_together(seen)
    to: dict[bytes, list[float]] = defaultdict(list)
    for each in seen:
        to[each.address].append(each.at)
    assert len(to) == 8
    assert max(map(most_in_a_second, to.values())) <= 100


@pytest.mark.xfail(strict=False, reason="where endpoints answer once, the rate falls until a sweep takes minutes")
def test_what_the_kernel_repeats_is_counted(pair: Pair) -> None:
    pair[1].nft(ANSWERS_ONCE)
    seen = scanned(pair, "--engine", "connect", "--rate", "1000", "--host-rate", "0")
    assert were_at_work_together(seen)
    assert most_in_a_second(each.at for each in seen) <= 1000


def test_between_the_steps_of_a_discovery_lies_a_second(pair: Pair) -> None:
    """Neither step knows what the other has sent."""
    a, b = pair
    words = (
        "scan",
        "10.77.0.2",
        "-p",
        "1-2",
        "--engine",
        "connect",
        "--discover",
        "--rate",
        "50",
        "--no-history",
        "-q",
    )
    seen = arrivals(b, lambda: a.python("-m", "scanner", *words))
    first = [*takewhile(lambda each: each.port in DISCOVERY_PORTS, seen)]
    second = seen[len(first) :]
    assert {each.port for each in first} == {*DISCOVERY_PORTS}
    assert {1, 2} <= {each.port for each in second}
    assert second[0].at - first[-1].at >= 1
