"""Values for the tests of outputs: one sweep with a bit of everything."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from scanner.core.model import (
    Coverage,
    Endpoint,
    Finding,
    Judged,
    Observation,
    RegistryIdentity,
    RegistryStatus,
    Severity,
    State,
    Transport,
    Verdict,
)
from scanner.core.report import Summary, SweepInfo
from scanner.outputs.interface import Output

STARTED = datetime(2026, 2, 13, 22, 5, 1, 123456, UTC)
INFO = SweepInfo(
    sweep_id="20260213T220501Z-3f9a",
    started=STARTED,
    version="1.2.3",
    targets="10.0.0.0/24 db1.example.org",
    ports="1-1023,common",
    addresses=254,
    ports_per_address=1423,
    engine="connect",
    engine_why="no right to open a raw socket",
    seed=42,
    shard="1/1",
    registry=RegistryIdentity("IANA", "2026-02-12", "3f9a12bc" * 8, 14499),
    policy="office 51c0ffee",
    hostnames={"db1.example.org": ("10.0.0.5", "2001:db8::5")},
)
COVERAGE = Coverage(
    planned=361442,
    sent=412345,
    answered=30322,
    open=22,
    closed=30300,
    filtered=331120,
    unknown=0,
    excluded=1423,
    unreachable_hosts=234,
)
SUMMARY = Summary(
    info=INFO,
    finished=STARTED + timedelta(seconds=72),
    coverage=COVERAGE,
    reasons={"syn-ack": 22, "reset": 30300, "no-response": 330000, "icmp-admin-prohibited": 1120},
    findings={Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 0, Severity.INFO: 0},
    verdicts={Verdict.UNEXPECTED: 2, Verdict.MISSING: 1, Verdict.UNDETERMINED: 3},
)


def judged(
    address: str = "10.0.0.5",
    port: int = 31338,
    *,
    rule: str = "open-unassigned",
    severity: Severity = Severity.MEDIUM,
    verdict: Verdict = Verdict.UNEXPECTED,
    status: RegistryStatus = RegistryStatus.UNASSIGNED,
    service: str = "",
    detail: str = "assigned to no service",
    state: State = State.OPEN,
    evidence: str = "",
    hostname: str = "",
) -> Judged:
    """One observation with one finding."""
    observation = Observation(
        endpoint=Endpoint(ip_address(address), Transport.TCP, port),
        state=state,
        reason="syn-ack" if state is State.OPEN else "reset",
        at=STARTED + timedelta(seconds=1),
        rtt=0.0002143,
        evidence=evidence,
        hostname=hostname,
    )
    name = f"{address}-{port}-{rule}"
    return Judged(observation, (Finding(name, observation, rule, severity, verdict, detail, status, service),))


def also(one: Judged, rule: str, severity: Severity, verdict: Verdict) -> Judged:
    """The same observation with another finding after its first."""
    first = one.findings[0]
    other = replace(first, id=f"{first.id}-{rule}", rule=rule, severity=severity, verdict=verdict)
    return Judged(one.observation, (*one.findings, other))


ASSIGNED: dict[str, Any] = {
    "rule": "open-assigned",
    "severity": Severity.INFO,
    "verdict": Verdict.UNDETERMINED,
    "status": RegistryStatus.ASSIGNED,
}

RESULTS: tuple[Judged, ...] = (
    judged("2001:db8::5", 31338, severity=Severity.HIGH),
    judged("10.0.0.30", 443, rule="required-missing", verdict=Verdict.MISSING, state=State.CLOSED, service="https"),
    judged("10.0.0.9", 80, service="http www www-http", **ASSIGNED),
    judged("10.0.0.9", 22, service="ssh", **ASSIGNED),
    also(judged("9.255.255.255", 8080), "unauthorised-use", Severity.LOW, Verdict.UNEXPECTED),
    judged("10.0.0.100", 22, service="ssh", hostname="db1.example.org", **ASSIGNED),
)


def run(output: Output, results: tuple[Judged, ...] = RESULTS, summary: Summary = SUMMARY) -> None:
    """A whole sweep through an output."""
    output.begin(summary.info)
    for result in results:
        output.result(result)
    output.end(summary)
