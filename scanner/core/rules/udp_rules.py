"""Rules about UDP: services that a forged sender can abuse, that ask for no login, that anyone on the path can read.

All but the last look at what answered, because an open UDP port says little by its number. Whether a name server
resolves names for strangers is not tested: that would mean asking for a name that belongs to neither side.
"""

from collections.abc import Mapping
from types import MappingProxyType

from scanner.core.model import SILENT_AMONG_CLOSED, Severity, State, Transport, Verdict
from scanner.core.recognise.identity import Identity
from scanner.core.rules.rule import Case, Rule

_NTP_CONTROL = "answers control messages"
_COMMUNITY = ("SNMPv1", "SNMPv2c")
_IPMI_OPEN = ("no authentication allowed", "anonymous login")

AMPLIFIERS: Mapping[str, str] = MappingProxyType(
    {
        "memcached": "a request of 15 bytes can return a megabyte",
        "chargen": "returns up to 359 times what it receives",
        "qotd": "returns up to 140 times what it receives",
        "cldap": "returns up to 70 times what it receives",
        "ssdp": "returns up to 31 times what it receives",
        "rpcbind": "returns up to 28 times what it receives",
        "rip": "returns up to 131 times what it receives",
        "tftp": "returns up to 60 times what it receives",
        "ws-discovery": "returns up to 500 times what it receives",
        "slp": "returns up to 2,200 times what it receives once services are registered with it",
        "mdns": "returns up to 10 times what it receives, and is meant for its own link only",
        "netbios-ns": "returns up to 4 times what it receives",
        "quake3": "returns up to 64 times what it receives",
        "a2s": "returns up to 6 times what it receives",
        "bittorrent-dht": "returns up to 4 times what it receives",
        "ms-sql-m": "lists every instance of the server to any sender",
        "ubiquiti-discovery": "returns a description of the device to any sender",
        "coap": "can return a list of resources to any sender",
    }
)
"""Protocols that are abused to reflect floods, and how much they return. Factors: US-CERT TA14-017A, CVE-2023-29552,
CVE-2018-1000115."""

WITHOUT_LOGIN: Mapping[str, str] = MappingProxyType(
    {
        "tftp": "files are read, and often written, without a login",
        "memcached": "what is cached is read and changed without a login",
        "bacnet": "a building controller is read and changed without a login",
        "knxnet-ip": "a building's bus is reached without a login",
        "ethernet-ip": "an industrial controller is read and changed without a login",
        "doip": "a vehicle's diagnostics are reached without a login",
        "gvcp": "a camera is configured without a login",
        "lantronix": "a serial device server tells its setup without a login",
        "lifx": "lamps are switched without a login",
        "hdhomerun": "a tuner is controlled without a login",
        "slimproto": "a player is controlled without a login",
        "mqtt-sn": "messages are read and sent without a login",
        "nat-pmp": "ports of the router are opened without a login",
        "pcp": "ports of the router are opened without a login",
        "rip": "routes are accepted without a login",
        "ripng": "routes are accepted without a login",
        "systat": "who is logged in is told without a login",
    }
)
"""Protocols that have no login, or are mostly used without one, and what that allows."""

READABLE: Mapping[str, str] = MappingProxyType(
    {
        "sip": "who calls whom, and hashes of passwords, cross the network unencrypted",
        "iax2": "calls, and hashes of passwords, cross the network unencrypted",
        "mgcp": "the control of calls crosses the network unencrypted",
        "megaco": "the control of calls crosses the network unencrypted",
        "xdmcp": "whole desktop sessions, with their passwords, cross the network unencrypted",
        "l2tp": "the tunnel itself does not encrypt; only IPsec around it would",
        "gtp": "the traffic of mobile subscribers crosses the network unencrypted",
        "nfs": "files cross the network unencrypted unless Kerberos protects them",
        "afs": "files cross the network with little or no encryption",
    }
)
"""Protocols that carry secrets or other people's traffic in plain text."""


def _answered(case: Case) -> Identity | None:
    """Return what was recognised by UDP at an open port."""
    seen = case.observation
    by_udp = seen.endpoint.transport is Transport.UDP and seen.state is State.OPEN
    return case.identity if by_udp and case.identity and case.identity.protocol else None


def _unexplained(case: Case, table: Mapping[str, str]) -> str | None:
    identity = _answered(case)
    said = table.get(identity.protocol) if identity and not case.explained else None
    return f"{identity.words}: {said}" if identity and said else None


def _amplifier(case: Case) -> str | None:
    identity = _answered(case)
    if identity and not case.explained and identity.detail.startswith(_NTP_CONTROL):
        return f"{identity.words}: control messages (mode 6) return many times what they receive"
    return _unexplained(case, AMPLIFIERS)


def _without_login(case: Case) -> str | None:
    identity = _answered(case)
    if identity and identity.protocol == "ipmi" and any(words in identity.detail for words in _IPMI_OPEN):
        return f"{identity.words}: the machine can be switched and its console read without a password"
    return _unexplained(case, WITHOUT_LOGIN)


def _readable(case: Case) -> str | None:
    return _unexplained(case, READABLE)


def _community(case: Case) -> str | None:
    identity = _answered(case)
    accepted = identity and identity.protocol == "snmp" and identity.detail.startswith(_COMMUNITY)
    return f"a community given with --community is accepted: {identity.detail}" if identity and accepted else None


def _silent_among_closed(case: Case) -> str | None:
    if case.observation.reason != SILENT_AMONG_CLOSED or case.explained:
        return None
    return f"answers nothing, although the host tells which ports are closed: {case.observation.evidence}"


UDP_SERVICE_RULES: tuple[Rule, ...] = (
    Rule(
        id="udp-amplifier",
        name="Can be abused to reflect floods",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="UDP has no handshake, so a sender's address can be forged: the service then sends its answers, larger "
        "than the requests, to a victim (US-CERT TA14-017A). It answered this scanner, so it answers strangers.",
        action="Let only those who need it reach the port, or turn the service off. For NTP, add `noquery`.",
        applies=_amplifier,
    ),
    Rule(
        id="udp-without-login",
        name="UDP service without a login",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="The protocol has no login, or allows to do without: whoever reaches the port may use it, and a datagram "
        "with a forged sender may do so too.",
        action="Put it on a network of its own, or let only the hosts that need it reach the port.",
        applies=_without_login,
    ),
    Rule(
        id="udp-plaintext",
        name="Unencrypted UDP service",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="The protocol carries secrets or the traffic of others, and does not encrypt them.",
        action="Use its encrypted form (SIP over TLS with SRTP, SNMPv3, IPsec) or keep it inside a tunnel.",
        applies=_readable,
    ),
    Rule(
        id="snmp-community-accepted",
        name="SNMP accepts the community that was tried",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNEXPECTED,
        why="SNMP versions 1 and 2c send the community, which is the password, unencrypted with every request. One "
        "that is well known, such as `public`, opens the device's configuration to every reader.",
        action="Use SNMPv3 with authentication and privacy, and turn versions 1 and 2c off.",
        applies=_community,
    ),
)
"""The rules that need the answer to a UDP question."""

UDP_RULES: tuple[Rule, ...] = (
    *UDP_SERVICE_RULES,
    Rule(
        id="udp-silent-among-closed",
        name="Silent UDP port among closed ones",
        severity=Severity.LOW,
        verdict=Verdict.UNEXPECTED,
        why="The host says of its other UDP ports that they are closed. This one stayed silent although the host could "
        "have said the same of it, which was checked several times. A service that answers no stranger looks so: "
        "WireGuard, OpenVPN with tls-auth, a syslog server, a back door. So does a port that a firewall drops.",
        action="Look on the host itself: `scanner listening PORT`. If the service is wanted, add it to the policy with "
        "`silent = true`.",
        applies=_silent_among_closed,
    ),
)
"""The rules about UDP."""
