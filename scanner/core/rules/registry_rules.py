"""What the registry alone says of an open port.

Each rule asks one question of the registry's record. Exactly one of them applies to any open endpoint, except that
reported unauthorised use is reported besides: the questions divide the statuses between them, and "assigned for
another transport only" is taken out of them first, because it tells more. These rules are silent about what the
policy expects, and leave assigned ports to the policy where there is one.
"""

from collections.abc import Callable

from scanner.core.model import RegistryStatus, Severity, State, Verdict
from scanner.core.rules.rule import Case, Rule

Predicate = Callable[[Case], str | None]

_FIND_OUT = (
    "Find the process that listens (on the host: `scanner listening PORT`) and its owner. If it is wanted, add it to "
    "the policy with an owner and a reason; if not, stop it and close the port in the host's firewall."
)


def _open(case: Case) -> bool:
    seen = case.observation
    return seen.state is State.OPEN and not case.explained and not seen.whole_host


def _by_status(status: RegistryStatus, words: str) -> Callable[[Case], str | None]:
    def applies(case: Case) -> str | None:
        if not _open(case) or case.record.status is not status or case.assigned_elsewhere:
            return None
        return words.format(port=case.record.port, transport=case.record.transport)

    return applies


def _other_transport(case: Case) -> str | None:
    if not _open(case) or not case.assigned_elsewhere:
        return None
    others = " and ".join(case.assigned_elsewhere)
    here = f"{case.record.port}/{case.record.transport}"
    return f"{here} is {case.record.status} in the registry; the port is assigned for {others} only"


def _unauthorised_use(case: Case) -> str | None:
    if not _open(case) or case.record.status is not RegistryStatus.ASSIGNED or not case.record.unauthorised_use:
        return None
    return f"assigned to {case.record.service}, but the registry notes: {case.record.unauthorised_use}"


def _assigned(case: Case) -> str | None:
    if not _open(case) or case.record.status is not RegistryStatus.ASSIGNED or case.decision is not None:
        return None
    known = case.identity is not None and case.identity.name
    doubt = "" if known else "; not verified that this is what listens"
    return f"the registry assigns it to {case.record.service}{doubt}"


def _unexpected(rule_id: str, name: str, severity: Severity, why: str, applies: Predicate, action: str = "") -> Rule:
    return Rule(rule_id, name, severity, Verdict.UNEXPECTED, why, f"{action}{_FIND_OUT}", applies)


REGISTRY_RULES: tuple[Rule, ...] = (
    _unexpected(
        "open-unassigned",
        "Open on an unassigned port",
        Severity.MEDIUM,
        "IANA has not assigned this number on this transport, so no standard service belongs here. It may be an "
        "in-house service, a product that never registered, a service moved off its usual port, or something that "
        "should not be there.",
        _by_status(RegistryStatus.UNASSIGNED, "{port}/{transport} is assigned to no service in the registry"),
    ),
    _unexpected(
        "open-reserved",
        "Open on a reserved port",
        Severity.MEDIUM,
        "IANA holds reserved numbers back, often at the edge of a range or after a change of use (RFC 6335 section 6). "
        "No service is entitled to this number, so the software or its administrator picked it.",
        _by_status(RegistryStatus.RESERVED, "{port}/{transport} is reserved by IANA: no service is assigned to it"),
    ),
    _unexpected(
        "open-deregistered",
        "Open on a deregistered port",
        Severity.MEDIUM,
        "The assignment of this number was withdrawn (RFC 6335 section 8.2). Software that still uses it is likely to "
        "be old and unmaintained, or unrelated to the former service.",
        _by_status(RegistryStatus.DEREGISTERED, "{port}/{transport} is deregistered: its assignment was withdrawn"),
    ),
    _unexpected(
        "open-other-transport",
        "Assigned for the other transport only",
        Severity.MEDIUM,
        "The number is assigned to a service on another transport, and IANA assigns each transport separately (RFC "
        "6335 section 7.2). A reader of a port list will take this listener for that service, which it is not.",
        _other_transport,
    ),
    _unexpected(
        "open-dynamic",
        "Open in the dynamic range",
        Severity.LOW,
        "Ports from 49152 up are never assigned; they are for short-lived use (RFC 6335 section 6). Remote procedure "
        "calls and peer-to-peer software listen here for good reasons, and so does software that hides. The number "
        "may change with every restart.",
        _by_status(RegistryStatus.DYNAMIC, "{port}/{transport} is in the dynamic range, which is never assigned"),
    ),
    _unexpected(
        "open-private-use",
        "Open on a port for any private service",
        Severity.LOW,
        "The registry sets this number aside for private services of one kind, so the number does not identify the "
        "service. Only its owner can.",
        _by_status(RegistryStatus.PRIVATE_USE, "{port}/{transport} is set aside for private services"),
    ),
    _unexpected(
        "unauthorised-use",
        "Assigned, with unauthorised use reported",
        Severity.LOW,
        "IANA assigned the number, and also notes that other software uses it without an assignment. The name in the "
        "registry is therefore a weaker hint than usual.",
        _unauthorised_use,
        action="Find out which of the two is listening. ",
    ),
    Rule(
        id="open-assigned",
        name="Open on an assigned port",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="The registry assigns the number to a service. That says which service may use it, not which one does, and "
        "not that it is safe or wanted. Without a policy, nothing says what is expected here.",
        action="Write a policy (`scanner policy draft` starts one), so that expected services can be told apart.",
        applies=_assigned,
    ),
)
"""The rules that need nothing but the registry."""
