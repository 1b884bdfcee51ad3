"""What the errno of connect() says about an endpoint. One table, no network.

A first connect() on a non-blocking socket returns EINPROGRESS; called again once something has happened, it returns the
outcome. The values mean (tcp(7), connect(2), Linux net/ipv4/tcp_input.c):

* 0, EISCONN: the handshake is done. ECONNRESET, EPIPE: it was done and the other side has already hung up.
* ECONNREFUSED: a reset in answer to the SYN.
* ETIMEDOUT: silence.
* EHOSTUNREACH, EHOSTDOWN: ARP or neighbour discovery got no answer.
* ENETUNREACH, or EHOSTUNREACH before anything was sent: this machine has no route.

Every other errno is *our* failure: no descriptor, no source port, no buffer, a denying local policy. That is never a
state of the port. An ICMP error comes with the values above and is recognised before this table is used.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from scanner.core.plan.reasons import Reason, local_error_code, reason_code
from scanner.engines.connect.icmp_errors import IcmpError

OPENED = frozenset({0, errno.EISCONN, errno.ECONNRESET, errno.EPIPE})
"""There was a handshake."""
PENDING_ERRNOS = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK})
"""Nothing is known yet."""
SENT = frozenset({0, errno.EINPROGRESS, errno.ECONNREFUSED})
"""Results of a first connect() that has sent a SYN; with any other, nothing left this machine."""
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""There is no room for another socket."""


class Weight(Enum):
    """What follows from an outcome."""

    FINAL = auto()
    """The network answered: the endpoint is settled."""
    SILENCE = auto()
    """Nothing came: another attempt, if there are any left."""
    HOST = auto()
    """The kernel reports on the address: the endpoint is settled, and after two such reports the whole host."""
    NO_WAY = auto()
    """The kernel has no route to the address: tried again, and after two such reports the whole host is settled."""
    LOCAL = auto()
    """We failed: tried again after a while, and at last settled as a local failure."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one probe."""

    weight: Weight
    """What follows from it."""
    code: int
    """Reason code."""
    evidence: str = ""
    """The evidence for it."""


def _of(weight: Weight, reason: Reason) -> Outcome:
    return Outcome(weight, reason_code(reason))


_OPEN = _of(Weight.FINAL, Reason.SYN_ACK)
_SILENCE = _of(Weight.SILENCE, Reason.NO_RESPONSE)
_ABSENT = _of(Weight.HOST, Reason.HOST_UNREACHABLE)
_NO_WAY = _of(Weight.NO_WAY, Reason.NO_ROUTE)
_EHOSTDOWN = getattr(errno, "EHOSTDOWN", errno.EHOSTUNREACH)

_ANSWERED: Mapping[int, Outcome] = MappingProxyType(
    {
        **dict.fromkeys(OPENED, _OPEN),
        errno.ECONNREFUSED: _of(Weight.FINAL, Reason.RESET),
        errno.ETIMEDOUT: _SILENCE,
        _EHOSTDOWN: _ABSENT,
        errno.EHOSTUNREACH: _ABSENT,
        errno.ENETUNREACH: _NO_WAY,
        errno.ENETDOWN: _of(Weight.LOCAL, Reason.LINK_DOWN),
    }
)


def classify_errno(error: int, *, at_once: bool = False) -> Outcome:
    """Return the outcome for an errno of connect(); `at_once` where the very first call gave it, before anything was
    sent."""
    if at_once and error == errno.EHOSTUNREACH:
        return _NO_WAY
    return _ANSWERED.get(error) or local_failure(error)


def given_up(error: int) -> int:
    """Return the errno of a probe whose time is over: its last one, or ETIMEDOUT where that is still pending."""
    return errno.ETIMEDOUT if error in PENDING_ERRNOS else error


def local_failure(error: int, evidence: str = "") -> Outcome:
    """Return the outcome for a failure of ours, with its errno."""
    return Outcome(Weight.LOCAL, local_error_code(error), evidence)


def classify_icmp(news: IcmpError, *, sent_by_us: bool) -> Outcome:
    """Return the outcome for an ICMP error. `sent_by_us`: this machine sent it, about a target that is another machine.

    The kernel reports a failed ARP as a host-unreachable from our own address. Any other ICMP error from there is our
    own firewall's. A router's report on a host counts for the one endpoint it answers and never settles the host:
    firewalls reject single ports with host-unreachable too.
    """
    evidence = f"{news.reason} from {news.sender}"
    if not sent_by_us:
        return Outcome(Weight.FINAL, reason_code(news.reason), evidence)
    if news.reason is Reason.ICMP_HOST_UNREACHABLE:
        return _ABSENT
    return local_failure(news.errno, f"{evidence}, which is this machine")
