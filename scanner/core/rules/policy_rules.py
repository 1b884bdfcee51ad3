"""What the policy has to say: of an open port, and of a required one whatever its state.

Policy and registry make one verdict together. What the policy expects is expected, whatever the registry says
of its number: then the registry's rules are silent (`Case.explained`). What the policy does not know is
unexpected, even where the registry assigns the number. An expired exception and a required port that is
not open are findings of their own, beside what the registry says.
"""

from scanner.core.model import RegistryStatus, Severity, State, Verdict
from scanner.core.policy.policy import Entry, Standing
from scanner.core.rules.rule import Case, Rule


def _decided(case: Case, standing: Standing) -> Entry | None:
    """The deciding entry, if the endpoint is open and stands so."""
    decision = case.decision
    if case.observation.state is not State.OPEN or decision is None or decision.standing is not standing:
        return None
    return decision.entry


def _required(case: Case) -> Entry | None:
    return case.decision.required_by if case.decision else None


def _expected(case: Case) -> str | None:
    entry = _decided(case, Standing.EXPECTED)
    return f"expected: {entry}" if entry else None


def _excepted(case: Case) -> str | None:
    entry = _decided(case, Standing.EXCEPTED)
    return f"excepted until {entry.expires}: {entry}" if entry else None


def _expired(case: Case) -> str | None:
    entry = _decided(case, Standing.EXPIRED)
    return f"the exception ended on {entry.expires}: {entry}" if entry else None


def _unreviewed(case: Case) -> str | None:
    entry = _decided(case, Standing.UNREVIEWED)
    if entry is None or case.record.status is not RegistryStatus.ASSIGNED:
        return None
    return f"in the policy, but marked for review: {entry}"


def _unexpected(case: Case) -> str | None:
    unknown = case.decision is not None and case.decision.standing is Standing.UNKNOWN
    if not unknown or case.observation.state is not State.OPEN:
        return None
    if case.record.status is not RegistryStatus.ASSIGNED:
        return None
    return f"no entry of the policy expects it here; the registry assigns the port to {case.record.service}"


def _missing(case: Case) -> str | None:
    entry = _required(case)
    if entry is None or case.observation.state not in (State.CLOSED, State.FILTERED):
        return None
    return f"must be open, and is {case.observation.state} ({case.observation.reason}): {entry}"


def _not_known(case: Case) -> str | None:
    entry = _required(case)
    if entry is None or case.observation.state not in (State.UNKNOWN, State.OPEN_FILTERED):
        return None
    return f"must be open; whether it is could not be found out ({case.observation.reason}): {entry}"


POLICY_RULES: tuple[Rule, ...] = (
    Rule(
        id="policy-expected",
        name="Expected by the policy",
        severity=Severity.INFO,
        verdict=Verdict.EXPECTED,
        why="An entry of the policy names this port on this address, so somebody answers for it. That says that "
        "something may listen here, not that what listens is what was meant.",
        action="Nothing, as long as the entry and its owner are still right.",
        applies=_expected,
    ),
    Rule(
        id="policy-excepted",
        name="Excepted by the policy for a time",
        severity=Severity.INFO,
        verdict=Verdict.EXPECTED,
        why="The policy grants an exception for this port under a ticket, and its last day is not over.",
        action="See to it that the ticket is done before the exception ends.",
        applies=_excepted,
    ),
    Rule(
        id="policy-expired-exception",
        name="Exception expired, still open",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="Somebody allowed this port until a day that is over, and it is still open. Exceptions that outlive "
        "their ticket are how temporary services become permanent ones without anybody deciding so.",
        action="Ask the owner of the entry. Close the port, or renew the exception under a ticket, or make it an "
        "expected port.",
        applies=_expired,
    ),
    Rule(
        id="policy-unexpected",
        name="Open and not in the policy",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The policy names what is expected on this network, and this port is not in it. That the registry "
        "assigns the number to a service gives a hint at what it is, and no reason why it should be here.",
        action="Find the process that listens (on the host: `scanner listening PORT`) and its owner. If it is "
        "wanted, write it into the policy with owner and reason; if not, stop it.",
        applies=_unexpected,
    ),
    Rule(
        id="policy-unreviewed",
        name="In the policy, but nobody has reviewed it",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="The entry was drafted from what was open one day. Until a person has looked at it, it says that the "
        "port was open, not that it should be.",
        action="Look at the entry, name its owner, and take `review = true` out; or delete it.",
        applies=_unreviewed,
    ),
    Rule(
        id="required-missing",
        name="Required, and not open",
        severity=Severity.MEDIUM,
        verdict=Verdict.MISSING,
        why="The policy says that this port must be open, and it does not answer: the service is down, it moved, "
        "or something between here and there now blocks it.",
        action="Check the service on the host, then the firewalls on the way.",
        applies=_missing,
    ),
    Rule(
        id="required-undetermined",
        name="Required, and could not be looked at",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="The policy says that this port must be open, and this sweep could not tell, because of the machine "
        "it ran on. Nothing is known either way.",
        action="See the summary for what went wrong here, and sweep again.",
        applies=_not_known,
    ),
)
