"""What the service itself has to say: rules over what was recognised behind an open port.

All are silent where nobody asked (`--identify`), and where nothing was recognised: what is not known is not
guessed at. Words in a detail come from the peer; outputs make them inert.
"""

from datetime import timedelta

from scanner.core.model import RegistryStatus, Severity, State, Verdict
from scanner.core.recognise.identity import Certificate, Conduct, Identity
from scanner.core.recognise.names import means, promises_tls, protocol_of
from scanner.core.rules.rule import Case, Rule

CERTIFICATE_SOON = timedelta(days=30)
"""How long before its end a certificate is worth a finding."""

DATABASE_PROTOCOLS = frozenset(
    "mysql mysqlx postgresql redis memcached mongodb mssql cassandra zookeeper kafka ldap".split()  # noqa: SIM905
)
DATABASE_PRODUCTS = frozenset(
    {"Elasticsearch", "OpenSearch", "CouchDB", "ClickHouse", "InfluxDB", "Neo4j", "ArangoDB", "Solr", "etcd"}
)
REMOTE_CONTROL = frozenset({"telnet", "rdp", "vnc", "x11"})
REMOTE_CONTROL_PRODUCTS = frozenset({"Docker Engine API", "Kubernetes API", "Portainer", "Proxmox VE"})
OLD_TLS = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})

_OPEN_DETAILS = frozenset({"no authentication", "open to anybody"})
_OPEN_BY_ANSWERING = frozenset({"Elasticsearch", "OpenSearch", "Docker Engine API"})


def _spoken(case: Case) -> Identity | None:
    """The identity, where the endpoint is open and something was recognised."""
    identity = case.identity
    known = identity is not None and identity.name and case.observation.state is State.OPEN
    return identity if known else None


def _usual(case: Case, identity: Identity) -> str:
    """The usual occupant of the port that speaks what was recognised, if there is one."""
    return next((usual.product for usual in case.usual if means(identity, (usual.protocol,))), "")


def _foreign(case: Case) -> Identity | None:
    """What speaks, where the registry assigns the port and it is none of the registered services.

    Under a policy that expects the endpoint, only where the registered service is one that we would know.
    """
    identity = _spoken(case)
    if identity is None or case.record.status is not RegistryStatus.ASSIGNED or means(identity, case.record.names):
        return None
    if not identity.protocol and identity.tls is not None:
        return None
    checkable = any(protocol_of(name) for name in case.record.names)
    return identity if checkable or not case.explained else None


def _mismatch(case: Case) -> str | None:
    identity = _foreign(case)
    if identity is None or _usual(case, identity):
        return None
    return f"{identity.words} speaks here; the registry assigns the port to {case.record.service}"


def _usual_mismatch(case: Case) -> str | None:
    identity = _foreign(case)
    product = _usual(case, identity) if identity else ""
    if identity is None or not product:
        return None
    return f"{identity.words} speaks here, as is common ({product}); registered is {case.record.service}"


def _plaintext(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or identity.encrypted or not identity.protocol or not promises_tls(case.record.names):
        return None
    return f"{identity.words} speaks in the clear; {case.record.service} promises TLS from the first byte"


def _certificate(case: Case) -> Certificate | None:
    identity = _spoken(case)
    return identity.tls.certificate if identity and identity.tls else None


def _expired(case: Case) -> str | None:
    certificate, now = _certificate(case), case.observation.at
    if certificate is None:
        return None
    if now > certificate.not_after:
        return f"the certificate of {certificate.subject} ended on {certificate.not_after:%Y-%m-%d}"
    if now < certificate.not_before:
        return f"the certificate of {certificate.subject} begins only on {certificate.not_before:%Y-%m-%d}"
    return None


def _expires_soon(case: Case) -> str | None:
    certificate, now = _certificate(case), case.observation.at
    if certificate is None or not certificate.not_before <= now <= certificate.not_after < now + CERTIFICATE_SOON:
        return None
    days = (certificate.not_after - now).days
    left = "within a day" if days < 1 else f"in {days} day{'s' * (days > 1)}"
    return f"the certificate of {certificate.subject} ends on {certificate.not_after:%Y-%m-%d}, {left}"


def _old_tls(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or identity.tls is None or identity.tls.version not in OLD_TLS:
        return None
    return f"offered everything up to TLS 1.3, the service chose {identity.tls.version}"


def _database(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or case.explained:
        return None
    told = identity.protocol in DATABASE_PROTOCOLS or identity.product in DATABASE_PRODUCTS
    return f"a database answers here: {identity.words}" if told else None


def _remote_control(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None or case.explained:
        return None
    told = identity.protocol in REMOTE_CONTROL or identity.product in REMOTE_CONTROL_PRODUCTS
    return f"remote control answers here: {identity.words}" if told else None


def _without_authentication(case: Case) -> str | None:
    identity = _spoken(case)
    if identity is None:
        return None
    answers = identity.product in _OPEN_BY_ANSWERING and identity.version and not identity.encrypted
    if identity.detail not in _OPEN_DETAILS and not (answers and identity.detail != "authentication required"):
        return None
    return f"{identity.words} serves whoever connects"


def _middlebox(case: Case) -> str | None:
    identity = case.identity
    if identity is None or identity.conduct is not Conduct.UNACKNOWLEDGED:
        return None
    return "it completes the handshake but acknowledges no data: hardly a service, more likely a device in between"


def _whole_host(case: Case) -> str | None:
    if not case.observation.whole_host:
        return None
    return "connections are accepted on random high ports too: its open ports are not listed one by one"


SERVICE_RULES: tuple[Rule, ...] = (
    Rule(
        id="host-answers-everywhere",
        name="The host answers on every port",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="Random high ports on which nothing can be expected accept connections as well. A SYN proxy, a tarpit, a "
        "load balancer or a catch-all rule answers for the host, so an open port says nothing about a service on it.",
        action="Scan from a place that does not lie behind that device, or ask the host itself: `scanner listening`.",
        applies=_whole_host,
    ),
    Rule(
        id="service-mismatch",
        name="Something else speaks than is registered",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="What answers on the port was recognised, and it is none of the services to which IANA assigns the number. "
        "Services are moved to odd ports for good reasons, and also to pass a firewall or to stay unseen.",
        action="Ask the owner why it runs on this port. If it is wanted, write it into the policy.",
        applies=_mismatch,
    ),
    Rule(
        id="service-usual-mismatch",
        name="Something else speaks than is registered, as is common",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="What answers is not what IANA assigns the number to, but it is what is commonly found there.",
        action="Write it into the policy if it is wanted.",
        applies=_usual_mismatch,
    ),
    Rule(
        id="plaintext-where-tls",
        name="Plain text where TLS is expected",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="Every service registered on this port begins with TLS, but what answers speaks in the clear. Clients may "
        "send credentials readable, or TLS is broken, or something else has taken the port.",
        action="Turn TLS on, or move the plain-text service to its own port.",
        applies=_plaintext,
    ),
    Rule(
        id="certificate-expired",
        name="Certificate not valid now",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The certificate's validity is over or has not begun. Clients refuse it, or have been told to ignore "
        "such errors, which is worse. A forgotten certificate is often on a forgotten service.",
        action="Renew the certificate, or switch the service off if nobody misses it.",
        applies=_expired,
    ),
    Rule(
        id="certificate-expires-soon",
        name="Certificate ends within thirty days",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="Certificates that renew themselves are renewed before this point; one that was not will probably expire.",
        action="Renew it, and find out why nothing did so by itself.",
        applies=_expires_soon,
    ),
    Rule(
        id="tls-outdated",
        name="Only an outdated version of TLS",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="TLS 1.0 and 1.1 are deprecated (RFC 8996), and a service that can do no better is old.",
        action="Update the service, or put a proxy with current TLS before it.",
        applies=_old_tls,
    ),
    Rule(
        id="open-database",
        name="A database is open to the network",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="Databases and stores are meant for their applications, not for whoever reaches the host. Open ones are "
        "found, copied and held to ransom within hours.",
        action="Bind it to loopback or to the application's network, and close the port at the host's firewall.",
        applies=_database,
    ),
    Rule(
        id="open-remote-control",
        name="Remote control is open to the network",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="Whoever gets past this protocol's login has the host. Passwords are guessed here around the clock, and "
        "telnet and X11 send them readable.",
        action="Put it behind a VPN or a jump host, or use SSH with keys.",
        applies=_remote_control,
    ),
    Rule(
        id="open-without-authentication",
        name="It serves whoever connects",
        severity=Severity.HIGH,
        verdict=Verdict.UNEXPECTED,
        why="The service answered a question that only a client it trusts should get answered, without "
        "asking who we are.",
        action="Turn authentication on now, then look into its logs for who else has been there.",
        applies=_without_authentication,
    ),
    Rule(
        id="no-data-acknowledged",
        name="Open, but not a service",
        severity=Severity.INFO,
        verdict=Verdict.UNDETERMINED,
        why="A device that answers for others (a SYN proxy, a tarpit, a load balancer) makes ports look open behind "
        "which there is nothing (Izhikevich et al., LZR, USENIX Security 2021).",
        action="Scan again from a place that does not lie behind that device.",
        applies=_middlebox,
    ),
)
"""Rules that need what `--identify` found out."""
