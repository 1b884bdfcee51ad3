"""The SYN engine where paths and hosts fall silent: what is lost is asked again, and never called filtered."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from scanner.core.model import State
from scanner.core.rate.limits import Limits
from scanner.core.rate.pacing import Pacing
from scanner.engines.choose import Wire
from scanner.engines.syn.engine import SynEngine
from scanner.engines.syn.options import SynOptions
from scanner.engines.syn.scapy_engine import ScapyEngine
from tests.netlab.lab import Lab, Namespace
from tests.netlab.sweeping import Swept, permit, plan_of, sweep

pytestmark = pytest.mark.netlab
Three = tuple[Namespace, Namespace, Namespace]
PACE = Limits(1000.0, None)
NETWORK = "10.99.0.0/24"


@pytest.fixture
def hosts(routed: Three) -> Three:
    """Scanner, router, and a network of hosts that have ports 1 to 6 open."""
    a, r, b = routed
    b.answer_for(NETWORK)
    a.ip("route", "add", NETWORK, "via", "10.77.1.2")
    r.ip("route", "add", NETWORK, "via", "10.77.2.1")
    b.listen(range(1, 7), ["0.0.0.0"])
    return a, r, b


def engine(
    targets: str, ports: range, *, attempts: int | None = 2, pacing: Pacing | Limits = PACE
) -> tuple[SynEngine, Callable[[Namespace], Swept]]:
    plan = plan_of([targets], ports)
    options = SynOptions(attempts=attempts, wire=Wire.SENDMMSG, planned=plan.size)
    made = SynEngine(options, pacing, permit(plan))
    return made, lambda host: sweep(host, plan, made)


def opened(swept: Swept) -> int:
    return sum(state is State.OPEN for state in swept.states.values())


@contextmanager
def meanwhile(made: SynEngine, sent: int, act: Callable[[], None]) -> Iterator[None]:
    """Act once so many probes were sent."""

    done = list[bool]()

    def wait() -> None:
        while made.progress.sent < sent:
            time.sleep(0.01)
        act()
        done.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join(60)
    assert done


def test_what_an_outage_lost_is_asked_again(hosts: Three) -> None:
    a, r, _ = hosts
    made, run = engine("10.99.0.0-10.99.0.3", range(1, 801))

    def cut() -> None:
        r.nft(f"add rule inet lab forward ip daddr {NETWORK} drop")
        time.sleep(3)
        r.nft("flush chain inet lab forward")

    with meanwhile(made, 1000, cut):
        swept = run(a)
    assert swept.reasons == {"syn-ack": 24, "reset": 3200 - 24}
    assert swept.coverage.unknown == 0


def test_a_host_that_bans_us_is_lost_and_not_filtered(hosts: Three) -> None:
    a, _, b = hosts
    made, run = engine("10.99.0.0-10.99.0.3", range(1, 801))
    with meanwhile(made, 1000, lambda: b.nft("add rule inet lab input ip daddr 10.99.0.2 drop")):
        swept = run(a)
    assert {reason for (host, _), (_, reason) in swept.table.items() if host != "10.99.0.2"} == {"syn-ack", "reset"}
    banned = [reason for (host, _), (_, reason) in swept.table.items() if host == "10.99.0.2"]
    assert set(banned) <= {"syn-ack", "reset", "host-lost"}
    assert swept.coverage.unknown == banned.count("host-lost") > 300
    assert any("10.99.0.2 answered and then fell silent" in note for note in made.notes)
    assert swept.statistics.hidden is not None
    assert swept.statistics.hidden.unproven == swept.coverage.unknown


def test_hosts_that_never_answered_are_called_silent(hosts: Three) -> None:
    a, _, b = hosts
    b.nft("add rule inet lab input ip daddr 10.99.0.1 drop")
    b.nft("add rule inet lab input tcp dport 9 drop")
    _, run = engine("10.99.0.0-10.99.0.1", range(1, 11))
    swept = run(a)
    assert swept.reasons == {"syn-ack": 6, "reset": 3, "no-response": 1, "silent-host": 10}


def test_a_gateway_that_is_another_machine_from_now_on(hosts: Three) -> None:
    a, r, _ = hosts
    made, run = engine("10.99.0.0-10.99.0.3", range(1, 801))

    def fail_over() -> None:
        r.ip("link", "set", "v1", "address", "02:00:00:00:77:01")

    with meanwhile(made, 1000, fail_over):
        swept = run(a)
    assert swept.reasons == {"syn-ack": 24, "reset": 3200 - 24}


def test_our_own_address_is_replaced(hosts: Three) -> None:
    a, _, _ = hosts
    made, run = engine("10.99.0.0-10.99.0.3", range(1, 801))

    def replace_address() -> None:
        a.ip("address", "add", "10.77.1.77/24", "dev", "v0")
        a.ip("address", "del", "10.77.1.1/24", "dev", "v0")
        a.ip("address", "replace", "10.77.1.77/24", "dev", "v0")
        a.ip("route", "replace", NETWORK, "via", "10.77.1.2")

    with meanwhile(made, 1000, replace_address):
        swept = run(a)
    assert swept.reasons == {"syn-ack": 24, "reset": 3200 - 24}


def test_a_way_that_stays_silent_ends_the_sweep_with_its_name(hosts: Three) -> None:
    a, r, _ = hosts
    made, run = engine("10.99.0.0-10.99.0.3", range(1, 801))
    with meanwhile(made, 1000, lambda: r.nft(f"add rule inet lab forward ip daddr {NETWORK} drop")):
        swept = run(a)
    assert set(swept.reasons) == {"syn-ack", "reset", "path-lost"}
    assert swept.coverage.unknown > 1500
    assert any("10.77.1.2" in note and "fell silent" in note for note in made.notes)


def test_behind_a_policer_everything_is_found_without_a_rate(hosts: Three) -> None:
    a, r, _ = hosts
    r.nft(f"add rule inet lab forward ip daddr {NETWORK} limit rate over 300/second burst 20 packets drop")
    _, run = engine("10.99.0.0-10.99.0.3", range(1, 101), attempts=None, pacing=Pacing())
    swept = run(a)
    assert opened(swept) == 24
    assert swept.coverage.unknown == 0
    assert not {line for wave in swept.waves for line in wave.degraded}
    assert swept.statistics.paths[0].rate < 2000


def test_behind_a_policer_a_fixed_rate_says_what_it_may_have_missed(hosts: Three) -> None:
    a, r, _ = hosts
    r.nft(f"add rule inet lab forward ip daddr {NETWORK} limit rate over 100/second burst 5 packets drop")
    _, run = engine("10.99.0.0-10.99.0.3", range(1, 151), attempts=1, pacing=Limits(2000.0, None))
    swept = run(a)
    assert opened(swept) < 24
    said = {line for wave in swept.waves for line in wave.degraded}
    assert swept.coverage.unknown or any("may have been missed" in line for line in said)


def test_a_host_that_limits_its_resets_hides_no_open_port(lab: Lab) -> None:
    a, b = lab.pair()
    b.listen(range(1, 7), ["0.0.0.0"])
    b.nft("add rule inet lab output tcp flags & rst == rst limit rate over 50/second burst 5 packets drop")
    _, run = engine("10.77.0.2", range(1, 601), attempts=None, pacing=Pacing())
    swept = run(a)
    assert opened(swept) == 6
    assert set(swept.reasons) <= {"syn-ack", "reset", "reset-limited"}
    assert swept.coverage.filtered == swept.coverage.unknown == 0


def test_scapy_does_not_claim_what_it_would_send_another_way_than_the_kernel(hosts: Three) -> None:
    a, _, _ = hosts
    a.ip("route", "add", "unreachable", "default", "table", "77")
    a.ip("rule", "add", "to", "10.99.0.1", "lookup", "77")
    plan = plan_of(["10.99.0.1-10.99.0.2"], [1, 99])
    made = ScapyEngine(SynOptions(attempts=1), PACE, permit(plan))
    swept = sweep(a, plan, made)
    assert {host: state for (host, port), state in swept.states.items() if port == 1} == {
        "10.99.0.1": State.UNKNOWN,
        "10.99.0.2": State.OPEN,
    }
    assert "another way than scapy: 1" in made.notes[0]
