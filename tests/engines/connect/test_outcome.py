"""The table from errno and ICMP error to outcome."""

import errno
from ipaddress import ip_address

import pytest

from scanner.core.model import State
from scanner.core.plan.reasons import Reason, local_error_code, reason_code, reason_state
from scanner.engines.connect.icmp_errors import IcmpError
from scanner.engines.connect.outcome import Weight, classify_errno, classify_icmp

ABSENT = reason_code(Reason.HOST_UNREACHABLE)


@pytest.mark.parametrize(
    ("error", "at_once", "weight", "reason"),
    [
        (0, False, Weight.FINAL, Reason.SYN_ACK),
        (errno.EISCONN, False, Weight.FINAL, Reason.SYN_ACK),
        (errno.ECONNRESET, False, Weight.FINAL, Reason.SYN_ACK),
        (errno.ECONNREFUSED, True, Weight.FINAL, Reason.RESET),
        (errno.ETIMEDOUT, False, Weight.SILENCE, Reason.NO_RESPONSE),
        (errno.EHOSTUNREACH, False, Weight.HOST, Reason.HOST_UNREACHABLE),
        (errno.EHOSTUNREACH, True, Weight.NO_WAY, Reason.NO_ROUTE),
        (errno.ENETUNREACH, True, Weight.NO_WAY, Reason.NO_ROUTE),
        (errno.ENETDOWN, True, Weight.LOCAL, Reason.LINK_DOWN),
    ],
)
def test_what_connect_says(error: int, at_once: bool, weight: Weight, reason: Reason) -> None:
    outcome = classify_errno(error, at_once=at_once)
    assert (outcome.weight, outcome.code) == (weight, reason_code(reason))


NETWORKS_WORDS = {
    0,
    errno.EISCONN,
    errno.ECONNRESET,
    errno.EPIPE,
    errno.ECONNREFUSED,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
}


@pytest.mark.parametrize("error", sorted(set(errno.errorcode) - NETWORKS_WORDS))
@pytest.mark.parametrize("at_once", [True, False])
def test_every_other_errno_is_unknown_and_never_a_state(error: int, at_once: bool) -> None:
    outcome = classify_errno(error, at_once=at_once)
    assert outcome.weight in (Weight.LOCAL, Weight.NO_WAY)
    assert reason_state(outcome.code) is State.UNKNOWN


def test_an_icmp_error_of_our_own_is_our_failure() -> None:
    here = ip_address("10.0.0.7")
    ours = classify_icmp(IcmpError(Reason.ICMP_ADMIN_PROHIBITED, here, errno.EHOSTUNREACH), sent_by_us=True)
    assert (ours.weight, ours.code) == (Weight.LOCAL, local_error_code(errno.EHOSTUNREACH))
    arp = classify_icmp(IcmpError(Reason.ICMP_HOST_UNREACHABLE, here, errno.EHOSTUNREACH), sent_by_us=True)
    assert (arp.weight, arp.code) == (Weight.HOST, ABSENT)
    theirs = classify_icmp(IcmpError(Reason.ICMP_HOST_UNREACHABLE, here, errno.EHOSTUNREACH), sent_by_us=False)
    assert (theirs.weight, theirs.evidence) == (Weight.FINAL, "icmp-host-unreachable from 10.0.0.7")
