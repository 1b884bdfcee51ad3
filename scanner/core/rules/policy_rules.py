"""What the policy says of an open port, and of a required port whatever its state.

Policy and registry give one verdict together. What the policy expects is expected, whatever the registry says of its
number: the registry's rules are then silent (`Case.explained`). What the policy does not name is unexpected, even
where the registry assigns the number. An expired exception and a required port that is not open are findings of
their own, beside what the registry says.
"""

from scanner.core.model import SILENT_AMONG_CLOSED, PortKey, RegistryStatus, Severity, State, Verdict
from scanner.core.plan.reasons import Reason
from scanner.core.policy.policy import Entry, Standing
from scanner.core.recognise.names import is_service
from scanner.core.rules.rule import Case, Rule


def _decided(case: Case, standing: Standing) -> Entry | None:
    """Return the deciding entry, if the endpoint is open and stands so."""
    decision = case.decision
    if case.observation.state is not State.OPEN or decision is None or decision.standing is not standing:
        return None
    return decision.entry


def _required(case: Case) -> Entry | None:
    return case.decision.required_by if case.decision else None


def _silent_as_expected(case: Case) -> Entry | None:
    """Return the entry by which the proven silence of a UDP port is as it should be."""
    seen, decision = case.observation, case.decision
    if decision is None or decision.entry is None or not (decision.entry.silent and case.explained):
        return None
    return decision.entry if seen.reason in (Reason.UDP_NO_RESPONSE, SILENT_AMONG_CLOSED) else None


def _other_service(case: Case) -> str | None:
    entry = _decided(case, Standing.EXPECTED) or _decided(case, Standing.EXCEPTED)
    identity, endpoint = case.identity, case.observation.endpoint
    word = entry.services.get(PortKey(endpoint.transport, endpoint.port)) if entry else None
    if word is None or identity is None or not identity.name or is_service(identity, word):
        return None
    return f"{identity.words} answers here; the policy expects {word}: {entry}"


def _expected(case: Case) -> str | None:
    if silent := _silent_as_expected(case):
        return f"silent, as expected: {silent}"
    entry = _decided(case, Standing.EXPECTED)
    return f"expected: {entry}" if entry and _other_service(case) is None else None


def _excepted(case: Case) -> str | None:
    entry = _decided(case, Standing.EXCEPTED)
    if entry is None or case.decision is None or _other_service(case) is not None:
        return None
    return f"excepted until {case.decision.ends}: {entry}"


def _expired(case: Case) -> str | None:
    entry = _decided(case, Standing.EXPIRED)
    return f"the exception ended on {case.decision.ends}: {entry}" if entry and case.decision else None


def _unreviewed(case: Case) -> str | None:
    entry = _decided(case, Standing.UNREVIEWED)
    if entry is None or case.record.status is not RegistryStatus.ASSIGNED:
        return None
    return f"in the policy, but still marked for review: {entry}"


def _unexpected(case: Case) -> str | None:
    unknown = case.decision is not None and case.decision.standing is Standing.UNKNOWN
    if not unknown or case.observation.state is not State.OPEN:
        return None
    if case.record.status is not RegistryStatus.ASSIGNED:
        return None
    return f"no policy entry expects it here; the registry assigns the port to {case.record.service}"


def _missing(case: Case) -> str | None:
    entry = _required(case)
    if entry is None or case.observation.state not in (State.CLOSED, State.FILTERED):
        return None
    return f"required to be open, but is {case.observation.state} ({case.observation.reason}): {entry}"


def _not_known(case: Case) -> str | None:
    entry = _required(case)
    if entry is None or case.observation.state not in (State.UNKNOWN, State.OPEN_FILTERED):
        return None
    if _silent_as_expected(case):
        return None
    return f"required to be open, but its state could not be determined ({case.observation.reason}): {entry}"


POLICY_RULES: tuple[Rule, ...] = (
    Rule(
        id="policy-expected",
        name="Expected by the policy",
        severity=Severity.INFO,
        verdict=Verdict.EXPECTED,
        why="A policy entry names this port on this address, so it has an owner. The entry says that something may "
        "listen here, not that what listens is the intended service.",
        action="None, as long as the entry and its owner are still correct.",
        applies=_expected,
    ),
    Rule(
        id="policy-excepted",
        name="Temporary exception in the policy",
        severity=Severity.INFO,
        verdict=Verdict.EXPECTED,
        why="The policy grants an exception for this port under a ticket, and it has not ended yet.",
        action="Complete the ticket before the exception ends.",
        applies=_excepted,
    ),
    Rule(
        id="policy-expired-exception",
        name="Exception expired, still open",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="This port was allowed until a date that has passed, and it is still open. Exceptions that outlive their "
        "ticket turn temporary services into permanent ones without a decision.",
        action="Ask the owner of the entry. Close the port, renew the exception under a ticket, or make it an "
        "expected port.",
        applies=_expired,
    ),
    Rule(
        id="policy-other-service",
        name="Another service than the policy expects",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="A policy entry names this port and the service behind it, and another service answers: it was replaced, "
        "or something else has taken its port.",
        action="Ask the owner of the entry. If the change is wanted, correct the entry's `service`; if not, find the "
        "process that listens (on the host: `scanner listening PORT`).",
        applies=_other_service,
    ),
    Rule(
        id="policy-unexpected",
        name="Open and not in the policy",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The policy names what is expected on this network, and this port is not part of it. The registry assigns "
        "the number to a service: a hint at what it may be, not a reason for it to be here.",
        action="Find the process that listens (on the host: `scanner listening PORT`) and its owner. If it is "
        "wanted, add it to the policy with an owner and a reason; if not, stop it.",
        applies=_unexpected,
    ),
    Rule(
        id="policy-unreviewed",
        name="In the policy, but not reviewed yet",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="The entry was drafted from what was open one day. Until a person has reviewed it, it says that the port "
        "was open, not that it should be.",
        action="Check the entry, name its owner and remove `review = true`, or delete the entry.",
        applies=_unreviewed,
    ),
    Rule(
        id="required-missing",
        name="Required, but not open",
        severity=Severity.MEDIUM,
        verdict=Verdict.MISSING,
        why="The policy requires this port to be open, and it does not accept connections: the service is down, it "
        "moved, or something on the path now blocks it.",
        action="Check the service on the host, then the firewalls on the path.",
        applies=_missing,
        by_requirement=True,
    ),
    Rule(
        id="required-undetermined",
        name="Required, but could not be checked",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="The policy requires this port to be open, and this sweep could not determine its state because of a "
        "problem on the scanning machine, or because a UDP service stayed silent. Nothing is known either way.",
        action="See the summary for what went wrong, and run the sweep again. For a UDP service that answers no "
        "stranger, set `silent = true` in its policy entry.",
        applies=_not_known,
        by_requirement=True,
    ),
)
