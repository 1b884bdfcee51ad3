"""The SYN engine hears every answer, by whichever interface it comes, once; and not itself."""

import json
import time

import pytest

from scanner.core.errors import InvalidInput
from tests.engines.probes import mac
from tests.netlab.lab import Lab, Namespace, addresses
from tests.netlab.sweeping import plan_of, sweep

pytestmark = pytest.mark.netlab


@pytest.fixture
def two_wires(lab: Lab) -> tuple[Namespace, Namespace]:
    """Hosts a and b on two wires. a's way to b is `v0`; b answers a's addresses there by way of `v1`."""
    a, b = lab.pair()
    lab.wire(a, b, "v1", "v1")
    for host, number in ((a, 1), (b, 2)):
        addresses(host, "v1", f"10.78.0.{number}/24", f"fd78::{number}/64")
    b.ip("route", "add", "10.77.0.1/32", "via", "10.78.0.1", "dev", "v1")
    b.ip("-6", "route", "add", "fd77::1/128", "via", "fd78::1", "dev", "v1")
    for address in ("10.77.0.1", "fd77::1"):
        assert "dev v1" in b.ip("route", "get", address)
    return a, b


@pytest.mark.parametrize("strict", [0, 1])
def test_answers_by_another_interface_are_heard(two_wires: tuple[Namespace, Namespace], strict: int) -> None:
    """With `rp_filter` at 1 our kernel itself drops what comes in there, b's questions for a's MAC address too."""
    a, b = two_wires
    b.ip("neighbour", "replace", "10.78.0.1", "lladdr", mac(a, "v1"), "dev", "v1")
    for link in ("all", "v0", "v1"):
        a.sysctl(f"net.ipv4.conf.{link}.rp_filter", strict)
    for name in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
        b.sysctl(name, 0)
    b.listen([2000])
    b.counter("answers")
    b.nft("add rule inet lab output oifname v0 meta l4proto tcp counter name answers")
    b.nft("add rule inet lab input tcp dport 3000 reject")
    b.nft("add rule inet lab input tcp dport 4000 drop")
    expected = {2000: "syn-ack", 2001: "reset", 3000: "icmp-port-unreachable", 4000: "no-response"}
    swept = sweep(a, plan_of(["10.77.0.2", "fd77::2"], expected))
    found = {endpoint: reason for endpoint, (_, reason) in swept.table.items()}
    assert found == {(host, port): reason for host in ("10.77.0.2", "fd77::2") for port, reason in expected.items()}
    assert b.packets("answers") == 0
    assert (swept.statistics.forged, swept.statistics.late) == (0, 0)


def test_through_a_bridge_answers_come_once(pair: tuple[Namespace, Namespace]) -> None:
    a, b = pair
    a.ip("link", "add", "bridge0", "type", "bridge")
    a.ip("address", "flush", "dev", "v0")
    a.ip("link", "set", "v0", "master", "bridge0")
    addresses(a, "bridge0", "10.77.0.1/24", "fd77::1/64")
    a.ip("link", "set", "bridge0", "up")
    while json.loads(a.ip("-j", "link", "show", "bridge0"))[0]["operstate"] != "UP":
        time.sleep(0.01)
    b.listen([2000])
    plan = plan_of(["10.77.0.2", "fd77::2"], range(1, 4001), wave_size=500)
    swept = sweep(a, plan, table=False)
    assert swept.reasons == {"syn-ack": 2, "reset": 7998}
    assert (swept.statistics.late, swept.statistics.resets) == (0, 0)


def test_nothing_that_we_say_to_ourselves_is_taken_for_an_answer(lab: Lab) -> None:
    """On loopback our own probes come in as well, those to our own source ports among them."""
    swept = sweep(lab.namespace(), plan_of(["127.0.0.1", "::1"], range(10_000, 65_536)), table=False)
    assert swept.reasons == {"reset": 2 * 55_536}
    assert (swept.statistics.forged, swept.statistics.late) == (0, 0)


def test_a_system_without_memory_for_the_answers_is_one_line(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(version: int, *, first_port: int, last_port: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("scanner.engines.syn.listener.Receiver", refuse)
    with pytest.raises(InvalidInput, match=r"\(Cannot allocate memory\); use --engine connect"):
        sweep(lab.namespace(), plan_of(["127.0.0.1"], [80]))
