"""Why an endpoint is in the state it is in. The state follows from the reason, by one table.

Engines settle a whole wave as one array of 16-bit reason codes: 0 to 0x7FFF are places in `Reason`'s own
order, and 0x8000 | errno is a local failure with that errno. Keeping reasons rather than states makes a
contradiction between the two impossible, and makes "a local failure is never a port state" a property of
the table below rather than a habit of each engine.

UDP has reasons of its own: the target's own port-unreachable closes a UDP port (RFC 1122 4.1.3.1), while for TCP the
same message is a filter's, and silence says less than it does of TCP.

Silence is `no-response` only where it was proved: an endpoint known to answer (a canary) did so afterwards, at the same
host or, where the host has none, by the same way. Where canaries fell silent it is `path-lost` or `host-lost`, which
are unknown; a host that never answered anything is a `silent-host`. `reset-limited` is said of an unanswered port of a
host that limits its resets while its open ports answer: an open port would not have been hidden, so the port is not
open, and a host that sends resets at all closes what it does not serve. So it counts as closed.

ICMP types and codes: RFC 792, RFC 1122 (3.2.2.1), RFC 1812 (5.2.7.1), RFC 4443 (3.1).
"""

from collections.abc import Mapping
from enum import StrEnum
from errno import errorcode
from types import MappingProxyType

from scanner.core.model import State


class Reason(StrEnum):
    """What was seen. The order is the wire code: append only."""

    NOT_PROBED = "not-probed"
    SYN_ACK = "syn-ack"
    RESET = "reset"
    NO_RESPONSE = "no-response"
    ICMP_NET_UNREACHABLE = "icmp-net-unreachable"
    ICMP_HOST_UNREACHABLE = "icmp-host-unreachable"
    ICMP_PROTOCOL_UNREACHABLE = "icmp-protocol-unreachable"
    ICMP_PORT_UNREACHABLE = "icmp-port-unreachable"
    ICMP_NET_PROHIBITED = "icmp-net-prohibited"
    ICMP_HOST_PROHIBITED = "icmp-host-prohibited"
    ICMP_ADMIN_PROHIBITED = "icmp-admin-prohibited"
    ICMP_BEYOND_SCOPE = "icmp-beyond-scope"
    ICMP_POLICY_FAILED = "icmp-policy-failed"
    ICMP_REJECT_ROUTE = "icmp-reject-route"
    ICMP_TIME_EXCEEDED = "icmp-time-exceeded"
    ICMP_OTHER = "icmp-other"
    HOST_UNREACHABLE = "host-unreachable"
    NO_ARP_REPLY = "no-arp-reply"
    NO_ROUTE = "no-route"
    LINK_DOWN = "link-down"
    INTERRUPTED = "interrupted"
    SILENT_HOST = "silent-host"
    UDP_ANSWER = "udp-answer"
    UDP_ANSWER_UNPROVEN = "udp-answer-unproven"
    PORT_UNREACHABLE = "port-unreachable"
    UDP_NO_RESPONSE = "udp-no-response"
    UDP_NO_RESPONSE_LIMITED = "udp-no-response-limited"
    UDP_SILENT_HOST = "udp-silent-host"
    PATH_LOST = "path-lost"
    HOST_LOST = "host-lost"
    RESET_LIMITED = "reset-limited"


LOCAL_ERROR = 0x8000
"""Codes with this bit set are local failures; the other fifteen bits are the errno."""

UDP_SILENCE: frozenset[Reason] = frozenset(
    {Reason.UDP_NO_RESPONSE, Reason.UDP_NO_RESPONSE_LIMITED, Reason.UDP_SILENT_HOST}
)
"""Silence of a UDP endpoint: with proof that its host would have said "closed", without room to know, and of a host
that never says it."""

STATE_OF: Mapping[Reason, State] = MappingProxyType(
    dict.fromkeys(Reason, State.FILTERED)
    | {Reason.SYN_ACK: State.OPEN, Reason.RESET: State.CLOSED}
    | {Reason.UDP_ANSWER: State.OPEN, Reason.UDP_ANSWER_UNPROVEN: State.OPEN, Reason.PORT_UNREACHABLE: State.CLOSED}
    | dict.fromkeys(UDP_SILENCE, State.OPEN_FILTERED)
    | dict.fromkeys((Reason.NOT_PROBED, Reason.NO_ROUTE, Reason.LINK_DOWN, Reason.INTERRUPTED), State.UNKNOWN)
    | dict.fromkeys((Reason.PATH_LOST, Reason.HOST_LOST), State.UNKNOWN)
    | {Reason.RESET_LIMITED: State.CLOSED}
)

ANSWERS: frozenset[Reason] = frozenset(
    {Reason.SYN_ACK, Reason.RESET, Reason.UDP_ANSWER, Reason.UDP_ANSWER_UNPROVEN, Reason.PORT_UNREACHABLE}
    | {reason for reason in Reason if reason.value.startswith("icmp-")}
)
"""The reasons that a packet from the network gave us."""

WHOLE_HOST: frozenset[Reason] = frozenset({Reason.HOST_UNREACHABLE, Reason.NO_ARP_REPLY, Reason.SILENT_HOST})
"""The reasons that settle every port of an address at once."""

_ORDER: tuple[Reason, ...] = tuple(Reason)
_CODES: Mapping[Reason, int] = MappingProxyType({reason: code for code, reason in enumerate(_ORDER)})

_ICMP4: Mapping[tuple[int, int], Reason] = MappingProxyType(
    {
        (3, 0): Reason.ICMP_NET_UNREACHABLE,
        (3, 1): Reason.ICMP_HOST_UNREACHABLE,
        (3, 2): Reason.ICMP_PROTOCOL_UNREACHABLE,
        (3, 3): Reason.ICMP_PORT_UNREACHABLE,
        (3, 9): Reason.ICMP_NET_PROHIBITED,
        (3, 10): Reason.ICMP_HOST_PROHIBITED,
        (3, 13): Reason.ICMP_ADMIN_PROHIBITED,
        (11, 0): Reason.ICMP_TIME_EXCEEDED,
    }
)
_ICMP6: Mapping[tuple[int, int], Reason] = MappingProxyType(
    {
        (1, 0): Reason.ICMP_NET_UNREACHABLE,
        (1, 1): Reason.ICMP_ADMIN_PROHIBITED,
        (1, 2): Reason.ICMP_BEYOND_SCOPE,
        (1, 3): Reason.ICMP_HOST_UNREACHABLE,
        (1, 4): Reason.ICMP_PORT_UNREACHABLE,
        (1, 5): Reason.ICMP_POLICY_FAILED,
        (1, 6): Reason.ICMP_REJECT_ROUTE,
        (3, 0): Reason.ICMP_TIME_EXCEEDED,
    }
)


def reason_code(reason: Reason) -> int:
    """The 16-bit code of a reason that carries no errno."""
    return _CODES[reason]


def local_error_code(errno: int) -> int:
    """The 16-bit code of a local failure with this errno."""
    return LOCAL_ERROR | errno


def icmp_reason(version: int, icmp_type: int, icmp_code: int) -> Reason:
    """What an ICMP error of IP `version` (4 or 6) says; `ICMP_OTHER` for what the tables do not name."""
    table = _ICMP4 if version == 4 else _ICMP6
    return table.get((icmp_type, icmp_code), Reason.ICMP_OTHER)


def reason_text(code: int) -> str:
    """The word for a code, as CSV and JSON write it: `reset`, `local-error:EMFILE`."""
    if code & LOCAL_ERROR:
        errno = code & ~LOCAL_ERROR
        return f"local-error:{errorcode.get(errno, errno)}"
    return _ORDER[code].value


def reason_state(code: int) -> State:
    """The state that follows from a code. A local failure is always `unknown`."""
    return State.UNKNOWN if code & LOCAL_ERROR else STATE_OF[_ORDER[code]]


def reason_codes(reasons: frozenset[Reason]) -> frozenset[int]:
    """The codes of several reasons."""
    return frozenset(_CODES[reason] for reason in reasons)


def known_codes() -> range:
    """Every code that names a reason without an errno."""
    return range(len(_ORDER))
