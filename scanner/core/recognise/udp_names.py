"""Which of IANA's service names mean a protocol that is recognised by UDP.

A table of its own: what is asked by TCP follows the names in `names.py`, and a protocol that only UDP has must not
change that.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "mdns": "mdns",
        "netbios-ns": "netbios-ns",
        "ntp": "ntp",
        "ptp": "ptp-general ptp-event",
        "daytime": "daytime",
        "time": "time",
        "qotd": "qotd",
        "systat": "systat",
        "snmp": "snmp snmptrap snmp-tcp-port",
        "asf-rmcp": "asf-rmcp asf-secure-rmcp",
        "ipmi": "asf-rmcp asf-secure-rmcp",
        "nfs": "nfs shilp sunrpc",
        "slp": "svrloc",
        "xdmcp": "xdmcp",
        "dcerpc": "epmap",
        "afs": "afs3-fileserver afs3-callback afs3-prserver afs3-vlserver afs3-kaserver afs3-volser afs3-bos",
        "stun": "stun turn stuns turns stun-behavior stun-behaviors",
        "mgcp": "mgcp-gateway mgcp-callagent",
        "megaco": "megaco-h248 h248-binary",
        "iax2": "iax",
        "gtp": "gtp-control gtp-user gprs-data gprs-sig",
        "pfcp": "pfcp",
        "ike": "isakmp ipsec-nat-t",
        "openvpn": "openvpn",
        "l2tp": "l2tp",
        "quic": "https http domain-s dns-over-quic pcsync-https",
        "dtls": "coaps domain-s stuns turns sips syslog-tls radsec capwap-control ipfixs "
        "snmpdtls snmpdtls-trap https pcsync-https",
        "teredo": "teredo",
        "kerberos": "kerberos",
        "cldap": "ldap",
        "tftp": "tftp",
        "ms-sql-m": "ms-sql-m",
        "icp": "icpv2",
        "htcp": "htcp squid-htcp",
        "ssdp": "ssdp",
        "ws-discovery": "ws-discovery",
        "nat-pmp": "nat-pmp pcp",
        "pcp": "pcp nat-pmp",
        "coap": "coap",
        "bacnet": "bacnet",
        "knxnet-ip": "efcp",
        "ethernet-ip": "ethernet-ip-2 ethernet/ip-2 ethernet-ip-1 ethernet/ip-1",
        "doip": "doip-data doip-disc",
        "gvcp": "gvcp",
        "quake3": "quake",
        "quakeworld": "quake",
        "rip": "router",
        "ripng": "ripng",
        "slimproto": "slim-devices",
    }
)

UDP_NAMES: Mapping[str, frozenset[str]] = MappingProxyType(
    {protocol: frozenset(words.split()) for protocol, words in _WORDS.items()}
)
"""Each protocol with the IANA names (lower case) that mean it."""

UDP_ENCRYPTED = frozenset({"quic", "dtls"})
"""The protocols that encrypt from the first byte."""

_KNOWN = frozenset().union(*UDP_NAMES.values())


def means_by_udp(protocol: str, services: Iterable[str]) -> bool:
    """Return whether one of these services, by IANA's name or our word, is this protocol."""
    words = UDP_NAMES.get(protocol, frozenset()) | {protocol}
    return any(service.lower() in words for service in services)


def recognised_by_udp(services: Iterable[str]) -> bool:
    """Return whether any of the registered services is one that a UDP question recognises."""
    return any(service.lower() in _KNOWN for service in services)
