"""What the registry alone has to say of an open port.

Each rule asks one question of the registry's record. Exactly one of them speaks of any open endpoint, except
that reported unauthorised use is said besides: the questions divide the statuses between them, with
"assigned for the other transport only" taken out of them first because it is the more telling. They are silent
about what the policy expects, and leave assigned ports to the policy where there is one.
"""

from collections.abc import Callable

from scanner.core.model import RegistryStatus, Severity, State, Verdict
from scanner.core.rules.rule import Case, Rule

_FIND_OUT = (
    "Find the process that listens (on the host: `scanner listening PORT`) and its owner. If it is wanted, write it "
    "into the policy with owner and reason; if not, stop it and close the port at the host's firewall."
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
    doubt = "" if known else "; whether that is what listens is not known"
    return f"the registry assigns it to {case.record.service}{doubt}"


REGISTRY_RULES: tuple[Rule, ...] = (
    Rule(
        id="open-unassigned",
        name="Open on an unassigned port",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="IANA has assigned this number to no service on this transport. Nothing standard listens here by right: "
        "it is a home-grown service, a product that never registered, something moved off its usual port, or "
        "something that should not be there.",
        action=_FIND_OUT,
        applies=_by_status(RegistryStatus.UNASSIGNED, "{port}/{transport} is assigned to no service in the registry"),
    ),
    Rule(
        id="open-reserved",
        name="Open on a reserved port",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="IANA keeps reserved numbers back, often at the edge of a range or after a change of use (RFC 6335 section "
        "6). No service may expect to be found there, so whatever listens chose the number by itself.",
        action=_FIND_OUT,
        applies=_by_status(RegistryStatus.RESERVED, "{port}/{transport} is reserved by IANA: no service may have it"),
    ),
    Rule(
        id="open-deregistered",
        name="Open on a deregistered port",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The assignment of this number was withdrawn (RFC 6335 section 8.2). Software that still uses it is likely "
        "to be old and unmaintained, or has nothing to do with the former service.",
        action=_FIND_OUT,
        applies=_by_status(
            RegistryStatus.DEREGISTERED, "{port}/{transport} is deregistered: its assignment was withdrawn"
        ),
    ),
    Rule(
        id="open-other-transport",
        name="Assigned for the other transport only",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The number belongs to a service on another transport, and IANA assigns each transport by itself (RFC 6335 "
        "section 7.2). A listener here borrows a known name without being that service, which readers of a port "
        "list will take it for.",
        action=_FIND_OUT,
        applies=_other_transport,
    ),
    Rule(
        id="open-dynamic",
        name="Open in the dynamic range",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="Ports from 49152 on are never assigned; they are for short-lived use (RFC 6335 section 6). Remote "
        "procedure calls and peer-to-peer software listen here for good reasons; so does what hides. The number may "
        "change with every restart.",
        action=_FIND_OUT,
        applies=_by_status(RegistryStatus.DYNAMIC, "{port}/{transport} is in the dynamic range: never assigned"),
    ),
    Rule(
        id="open-private-use",
        name="Open on a port for any private service",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="The registry gives this number to any private service of its kind, so it names nothing in particular: "
        "only its owner can say what it is.",
        action=_FIND_OUT,
        applies=_by_status(RegistryStatus.PRIVATE_USE, "{port}/{transport} is for any private service"),
    ),
    Rule(
        id="unauthorised-use",
        name="Assigned, with unauthorised use reported",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="IANA assigned the number, and also notes that something else is known to use it without an assignment. "
        "The name in the registry is therefore a weaker hint than usual.",
        action="Find out which of the two listens. " + _FIND_OUT,
        applies=_unauthorised_use,
    ),
    Rule(
        id="open-assigned",
        name="Open on an assigned port",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="The registry assigns the number to a service. That says who may use it, not what does, and not that it is "
        "safe or wanted: without a policy nobody has said what is expected here.",
        action="Write a policy, so that wanted services are told from the rest.",
        applies=_assigned,
    ),
)
