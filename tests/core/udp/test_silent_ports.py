"""Which silent UDP ports are listed: few of a host that tells of the others, and never what is reported anyway."""

from collections.abc import Mapping

import numpy as np
import pytest

from scanner.core.model import SILENT_AMONG_CLOSED, State, Transport
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave
from scanner.core.udp.silent_ports import SilentPorts
from tests.engines.waves import wave

NOTHING = np.empty(0, np.intp)


def settled(
    closed: int, others: Mapping[int, Reason], address: str = "10.0.0.1", transport: Transport = Transport.UDP
) -> SettledWave:
    """So many closed ports from 1 up, and others by number."""
    ports = [*range(1, closed + 1), *others]
    codes = [reason_code(Reason.PORT_UNREACHABLE)] * closed + [reason_code(each) for each in others.values()]
    size = len(ports)
    return SettledWave(
        wave([address], ports, transport=transport),
        np.array(codes, np.uint16),
        np.zeros(size),
        np.full(size, np.nan, np.float32),
        size,
    )


def silent(*ports: int) -> dict[int, Reason]:
    return dict.fromkeys(ports, Reason.UDP_NO_RESPONSE)


def found(*waves: SettledWave) -> set[int]:
    ports = SilentPorts()
    for each in waves:
        ports.take(each, NOTHING)
    return {seen.endpoint.port for seen in ports.found()}


def test_a_silent_port_among_closed_ones_is_listed_with_the_counts() -> None:
    ports = SilentPorts()
    ports.take(settled(20, silent(51820)), NOTHING)
    (seen,) = ports.found()
    assert (seen.endpoint.port, seen.state, seen.reason) == (51820, State.OPEN_FILTERED, SILENT_AMONG_CLOSED)
    assert seen.evidence == "20 UDP ports of this host say that they are closed, 1 stay silent"
    assert ports.filtering_hosts == 0


@pytest.mark.parametrize("reason", [Reason.UDP_NO_RESPONSE_LIMITED, Reason.UDP_SILENT_HOST, Reason.UDP_ANSWER])
def test_silence_without_proof_is_not_listed(reason: Reason) -> None:
    assert found(settled(200, {514: reason})) == set()


@pytest.mark.parametrize(
    ("closed", "many", "listed"), [(18, 2, True), (17, 2, False), (90, 10, True), (1000, 11, False), (0, 1, False)]
)
def test_more_than_ten_or_a_tenth_are_a_filter(closed: int, many: int, listed: bool) -> None:
    ports = SilentPorts()
    ports.take(settled(closed, silent(*range(5000, 5000 + many))), NOTHING)
    assert len(list(ports.found())) == (many if listed else 0)
    assert ports.filtering_hosts == (not listed and closed > 0)


def test_ports_of_a_host_count_together_over_all_waves_and_apart_from_other_hosts() -> None:
    assert found(settled(10, silent(7000)), settled(10, silent(7001))) == {7000, 7001}
    one = settled(30, silent(7000), "10.0.0.1")
    other = settled(0, silent(*range(7001, 7020)), "10.0.0.2")
    other.wave.host[:] = 1
    assert found(one, other) == {7000}


def test_what_is_reported_anyway_is_counted_and_not_listed_twice() -> None:
    ports = SilentPorts()
    ports.take(settled(20, silent(514, 1194)), np.array([20], np.intp))
    (seen,) = ports.found()
    assert seen.endpoint.port == 1194
    assert "2 stay silent" in seen.evidence


def test_tcp_is_never_counted() -> None:
    assert found(settled(20, silent(514), transport=Transport.TCP)) == set()
