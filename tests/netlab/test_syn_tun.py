"""The SYN engine against simulated hosts behind a TUN device: loss, duplicates, forged answers, dead hosts."""

import pytest

from scanner.core.model import State
from scanner.core.plan.recall import estimate
from scanner.core.rate.limits import Limits
from scanner.engines.syn.options import SynOptions
from tests.netlab.lab import Lab
from tests.netlab.sweeping import plan_of, sweep, syn_engine
from tests.netlab.tun import Tun

pytestmark = pytest.mark.netlab
GENTLE = Limits(20_000.0, None)
"""What the simulated hosts can answer."""


def test_a_link_without_a_header_in_both_families(lab: Lab) -> None:
    host = lab.namespace()
    with Tun(host, open=[22, 80], silent=[23], icmp={25: [3, 13]}) as tun:
        swept = sweep(host, plan_of(["10.88.1.0/28", "fd88::10-fd88::1f"], [21, 22, 23, 80]))
    assert swept.reasons == {"syn-ack": 64, "reset": 32, "no-response": 32}
    canaries = swept.statistics.canaries
    assert swept.coverage.sent == 128 + 32
    assert canaries >= 32  # each host has a silent port, and is asked whether it was there
    assert tun.report["syns"] == swept.coverage.sent + canaries
    assert 64 <= tun.report["resets"] <= 64 + canaries


def test_duplicates_count_once(lab: Lab) -> None:
    host = lab.namespace()
    with Tun(host, open=range(100), copies=5, icmp={7: [3, 10]}) as tun:
        swept = sweep(host, plan_of(["10.88.0.1"], range(200)))
    assert tun.report["answers"] == 1000
    assert swept.coverage.answered == 200
    assert swept.coverage.open == 99
    assert swept.answers_by_try == (199, 0)
    assert swept.reasons["icmp-host-prohibited"] == 1


def test_no_forged_answer_is_believed_and_all_are_counted(lab: Lab) -> None:
    host = lab.namespace()
    with Tun(host, open=[80], silent=range(1000, 3000), forged=3, seed=5) as tun:
        plan = plan_of(["10.88.0.1", "fd88::1"], [80, 81, *range(1000, 1500)])
        engine = syn_engine(plan, limits=GENTLE)
        swept = sweep(host, plan, engine)
    said = f"forged answers rejected (no valid cookie): {tun.report['forged']:,}"
    assert said in engine.notes
    assert tun.report["forged"] == 9 * tun.report["syns"] > 15_000
    assert swept.statistics.forged == tun.report["forged"]
    assert swept.reasons == {"syn-ack": 2, "reset": 2, "no-response": 1000}
    assert swept.statistics.dropped == 0


@pytest.mark.parametrize(("loss", "attempts"), [(0.05, 3), (0.10, 4)])
def test_recall_under_loss_and_what_the_sweep_thinks_of_it(lab: Lab, loss: float, attempts: int) -> None:
    host = lab.namespace()
    plan = plan_of(["10.88.0.0/28"], range(1, 1025))
    with Tun(host, all_open=True, loss=loss, seed=11):
        swept = sweep(host, plan, syn_engine(plan, SynOptions(attempts=attempts), GENTLE), table=False)
    found = swept.coverage.open / plan.size
    expected = 1 - (1 - (1 - loss) ** 2) ** attempts
    spread = 3 * (expected * (1 - expected) / plan.size) ** 0.5
    assert found >= expected - spread - 1 / plan.size
    guess = estimate(swept.answers_by_try)
    assert guess is not None
    assert abs(guess.found - found) < 0.002
    assert guess.per_try == pytest.approx((1 - loss) ** 2, abs=0.01)


def test_a_late_answer_is_no_answer_to_another_wave(lab: Lab) -> None:
    """Slots of source ports are used again; an answer to the wave before must not settle this one."""
    host = lab.namespace()
    plan = plan_of(["10.88.3.0/29"], range(1, 513), wave_size=32)
    with Tun(host, open=range(1, 513, 2), copies=3):
        swept = sweep(host, plan, syn_engine(plan, limits=GENTLE))
    assert {port for (_, port), state in swept.states.items() if state is State.OPEN} == set(range(1, 513, 2))
    assert swept.coverage.open == swept.coverage.closed == plan.size // 2
