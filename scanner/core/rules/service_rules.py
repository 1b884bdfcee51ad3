"""Rules about the service that was recognised behind an open port.

All are silent where no service was asked (`--identify`) and where nothing was recognised: what is not known is not
guessed. Words in a detail come from the peer; outputs sanitise them.
"""

from collections.abc import Callable
from datetime import timedelta

from scanner.core.model import RegistryStatus, Severity, State, Transport, Verdict
from scanner.core.recognise.catalogue import PROTOCOLS
from scanner.core.recognise.identity import NO_AUTHENTICATION, Certificate, Conduct, Identity
from scanner.core.recognise.names import is_product_of, means, promises_tls, protocol_of
from scanner.core.recognise.protocol import Protocol
from scanner.core.recognise.udp_names import UDP_ENCRYPTED, recognised_by_udp
from scanner.core.rules.rule import Case, Rule

CERTIFICATE_SOON = timedelta(days=30)
"""How long before its expiry a certificate is worth a finding."""

DATABASE_PRODUCTS = frozenset(
    {"Elasticsearch", "OpenSearch", "CouchDB", "ClickHouse", "InfluxDB", "Neo4j", "ArangoDB", "Solr", "etcd"}
)
REMOTE_CONTROL_PRODUCTS = frozenset(
    {"Node.js inspector", "Docker Engine API", "Kubernetes API", "Portainer", "Proxmox VE"}
)
OLD_TLS = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})

_OPEN_DETAILS = frozenset({NO_AUTHENTICATION, "open to anybody"})


def _spoken(case: Case) -> Identity | None:
    """Return the identity, where the endpoint is open and something was recognised."""
    identity = case.identity
    known = identity is not None and identity.name and case.observation.state is State.OPEN
    return identity if known else None


def _row(identity: Identity, fact: Callable[[Protocol], bool]) -> bool:
    """Return whether a fact holds of the protocol that was recognised."""
    row = PROTOCOLS.get(identity.protocol)
    return row is not None and fact(row)


def _usual(case: Case, identity: Identity) -> str:
    """Return the software commonly found on the port that speaks the recognised protocol, if there is any."""
    return next((usual.product for usual in case.usual if means(identity, (usual.protocol,))), "")


def _foreign(case: Case) -> Identity | None:
    """Return what answers, where the registry assigns the port and it is none of the registered services.

    Under a policy that expects the endpoint, only where the registered service is one that can be recognised.
    """
    identity = _spoken(case)
    if identity is None or case.record.status is not RegistryStatus.ASSIGNED or means(identity, case.record.names):
        return None
    if is_product_of(identity, case.record.names) or (not identity.protocol and identity.tls is not None):
        return None
    return identity if _checkable(case) or not case.explained else None


def _checkable(case: Case) -> bool:
    """Return whether the registered service is one that can be recognised."""
    names = case.record.names
    by_udp = case.record.transport is Transport.UDP and recognised_by_udp(names)
    return by_udp or any(protocol_of(name) for name in names)


def _mismatch(case: Case) -> str | None:
    identity = _foreign(case)
    if identity is None or _usual(case, identity):
        return None
    return f"{identity.words} answers here; the registry assigns the port to {case.record.service}"


def _usual_mismatch(case: Case) -> str | None:
    identity = _foreign(case)
    product = _usual(case, identity) if identity else ""
    if identity is None or not product:
        return None
    return f"{identity.words} answers here, as is common ({product}); the registered service is {case.record.service}"


def _plaintext(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or identity.encrypted or identity.protocol in UDP_ENCRYPTED:
        return None
    if not identity.protocol or not promises_tls(case.record.names):
        return None
    return f"{identity.words} answers in plain text; {case.record.service} uses TLS from the first byte"


def _certificate(case: Case) -> Certificate | None:
    identity = _spoken(case)
    return identity.tls.certificate if identity and identity.tls else None


def _expired(case: Case) -> str | None:
    certificate, now = _certificate(case), case.observation.at
    if certificate is None:
        return None
    if now > certificate.not_after:
        return f"the certificate of {certificate.subject} expired on {certificate.not_after:%Y-%m-%d}"
    if now < certificate.not_before:
        return f"the certificate of {certificate.subject} is not valid before {certificate.not_before:%Y-%m-%d}"
    return None


def _expires_soon(case: Case) -> str | None:
    certificate, now = _certificate(case), case.observation.at
    if certificate is None or not certificate.not_before <= now <= certificate.not_after < now + CERTIFICATE_SOON:
        return None
    days = (certificate.not_after - now).days
    left = "within a day" if days < 1 else f"in {days} day{'s' * (days > 1)}"
    return f"the certificate of {certificate.subject} expires on {certificate.not_after:%Y-%m-%d}, {left}"


def _old_tls(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or identity.tls is None or identity.tls.version not in OLD_TLS:
        return None
    return f"the service chose {identity.tls.version} although everything up to TLS 1.3 was offered"


def _database(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or case.explained:
        return None
    is_database = _row(identity, lambda row: row.database) or identity.product in DATABASE_PRODUCTS
    return f"a database answers here: {identity.words}" if is_database else None


def _remote_control(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or case.explained:
        return None
    is_remote = _row(identity, lambda row: row.remote_control) or identity.product in REMOTE_CONTROL_PRODUCTS
    return f"remote control answers here: {identity.words}" if is_remote else None


def _without_authentication(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or identity.detail not in _OPEN_DETAILS:
        return None
    return f"{identity.words} answers without authentication"


def _middlebox(case: Case) -> str | None:
    identity = case.identity
    if identity is None or identity.conduct is not Conduct.UNACKNOWLEDGED:
        return None
    return "completes the handshake but acknowledges no data: probably a device on the path, not a service"


def _whole_host(case: Case) -> str | None:
    if not case.observation.whole_host:
        return None
    return "accepts connections on random high ports too, so its open ports are not listed one by one"


SERVICE_RULES: tuple[Rule, ...] = (
    Rule(
        id="host-answers-everywhere",
        name="The host answers on every port",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="The host accepts connections even on random high ports where no service is expected. A SYN proxy, a "
        "tarpit, a load balancer or a catch-all rule answers for it, so an open port says nothing about a service.",
        action="Scan from a place that is not behind that device, or look on the host itself: `scanner listening`.",
        applies=_whole_host,
    ),
    Rule(
        id="service-mismatch",
        name="Not the registered service",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The service on this port was recognised, and it is not one to which IANA assigns the number. Services are "
        "moved to unusual ports for good reasons, but also to pass a firewall or to stay hidden.",
        action="Ask the owner why it runs on this port. If it is wanted, add it to the policy.",
        applies=_mismatch,
    ),
    Rule(
        id="service-usual-mismatch",
        name="Not the registered service, but a common one",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="IANA assigns the number to another service, but the one that answers is commonly found there.",
        action="Add it to the policy if it is wanted.",
        applies=_usual_mismatch,
    ),
    Rule(
        id="plaintext-where-tls",
        name="Plain text where TLS is expected",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="Every service registered on this port starts with TLS, but what answers uses plain text. Clients may send "
        "credentials unencrypted, TLS may be broken, or another service may have taken the port.",
        action="Enable TLS, or move the plain-text service to its own port.",
        applies=_plaintext,
    ),
    Rule(
        id="certificate-expired",
        name="Certificate not valid now",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The certificate has expired or is not valid yet. Clients reject it, or are configured to ignore such "
        "errors, which is worse. A forgotten certificate often belongs to a forgotten service.",
        action="Renew the certificate, or shut the service down if it is no longer needed.",
        applies=_expired,
    ),
    Rule(
        id="certificate-expires-soon",
        name="Certificate expires within thirty days",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="Automatic renewal happens earlier than this, so this certificate will probably expire.",
        action="Renew it, and find out why it was not renewed automatically.",
        applies=_expires_soon,
    ),
    Rule(
        id="tls-outdated",
        name="Outdated version of TLS only",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="TLS 1.0 and 1.1 are deprecated (RFC 8996). A service that supports nothing newer is outdated.",
        action="Update the service, or put a proxy with current TLS in front of it.",
        applies=_old_tls,
    ),
    Rule(
        id="open-database",
        name="Database open to the network",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="Databases are meant for their applications, not for every host on the network. Exposed ones are found, "
        "copied and held to ransom within hours.",
        action="Bind it to loopback or to the application's network, and close the port in the host's firewall.",
        applies=_database,
    ),
    Rule(
        id="open-remote-control",
        name="Remote control open to the network",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="A successful login over this protocol gives control of the host. Attackers guess passwords here at all "
        "hours, and telnet and X11 send everything unencrypted.",
        action="Put it behind a VPN or a jump host, or use SSH with keys.",
        applies=_remote_control,
    ),
    Rule(
        id="open-without-authentication",
        name="No authentication required",
        severity=Severity.HIGH,
        verdict=Verdict.UNEXPECTED,
        why="The service answered a request that should be answered for authenticated clients only, without asking for "
        "credentials.",
        action="Enable authentication now, then check the service's logs for other visitors.",
        applies=_without_authentication,
    ),
    Rule(
        id="no-data-acknowledged",
        name="Open, but not a service",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="A device that answers for other hosts (a SYN proxy, a tarpit, a load balancer) makes ports look open "
        "although no service is behind them (Izhikevich et al., LZR, USENIX Security 2021).",
        action="Scan again from a place that is not behind that device.",
        applies=_middlebox,
    ),
)
"""The rules that need what `--identify` found."""
