"""What the overlays say of an open port: its history, and what is commonly found there.

Both explain rather than accuse. A known default port of malware is worth a low finding unless what answers was
recognised as something that belongs there; the rest is information.
"""

from scanner.core.model import RegistryStatus, Severity, State, Verdict
from scanner.core.recognise.names import means, protocol_of
from scanner.core.recognise.udp_names import means_by_udp
from scanner.core.registry.overlays import Threat
from scanner.core.rules.rule import Case, Rule

RECENT_YEARS = 10
"""For how many years exploitation at scale is worth reporting."""


def _open(case: Case) -> bool:
    return case.observation.state is State.OPEN and not case.explained


def _at_home(case: Case) -> bool:
    """Return whether what answers was recognised as what is registered or commonly found there."""
    identity = case.identity
    if identity is None or not identity.name:
        return False
    return means(identity, [*case.record.names, *(usual.protocol for usual in case.usual if usual.protocol)])


def _listener(case: Case) -> str | None:
    threats = [threat for threat in case.threats if threat.kind.listens]
    if not threats or not _open(case) or _at_home(case):
        return None
    return "known default port of " + "; ".join(threat.words for threat in threats)


def _target(case: Case) -> str | None:
    since = case.observation.at.year - RECENT_YEARS
    threats = [threat for threat in case.threats if not threat.kind.listens and threat.year >= since]
    threats = [threat for threat in threats if not _another_answers(case, threat)]
    if not threats or not _open(case):
        return None
    return "exploited at scale: " + "; ".join(threat.words for threat in threats)


def _another_answers(case: Case, threat: Threat) -> bool:
    """Return whether another service than the usual one was recognised, or another product than the attacked one."""
    identity = case.identity
    if identity is None or not identity.name:
        return False
    other_product = bool(threat.product and identity.product) and threat.product.lower() not in identity.product.lower()
    return other_product or not _at_home(case)


def _common(case: Case) -> str | None:
    if not case.usual or not _open(case) or _as_registered(case):
        return None
    return "commonly found here: " + "; ".join(usual.words for usual in case.usual)


def _as_registered(case: Case) -> bool:
    """Return whether the list would only repeat what the registry says."""
    if case.record.status is not RegistryStatus.ASSIGNED:
        return False
    names = case.record.names
    registered = {protocol_of(name) for name in names} - {None}
    spoken = [usual.protocol for usual in case.usual if usual.protocol]
    return any(protocol_of(protocol) in registered or means_by_udp(protocol, names) for protocol in spoken)


OVERLAY_RULES: tuple[Rule, ...] = (
    Rule(
        id="threat-listener",
        name="Known default port of malware",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="Malware or an attack tool is known to listen on this port by default. Most such ports have legitimate "
        "uses too, and much of the malware is long gone: this is a reason to look, not proof.",
        action="Find the process that listens (on the host: `scanner listening PORT`) and where it came from.",
        applies=_listener,
    ),
    Rule(
        id="threat-target",
        name="The usual service here was exploited at scale",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="Within the last ten years, the service usually found on this port was exploited at scale.",
        action="Make sure that the service is patched and that only the hosts that need it can reach it.",
        applies=_target,
    ),
    Rule(
        id="usual-use",
        name="Software commonly found on this port",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="Software is known to use this port by default, although IANA assigns the port to another service or to "
        "none. It is the most likely explanation.",
        action="Ask the owner of the host whether it runs this software.",
        applies=_common,
    ),
)
"""The rules that need the overlays."""
