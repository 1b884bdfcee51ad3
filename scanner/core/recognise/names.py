"""Which of IANA's service names mean a protocol that we recognise, and which of them promise TLS.

Used twice: a registered name suggests the hello to try first, and a protocol that is none of the registered
ones is a mismatch. A name that is not in this table promises nothing that we could check.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from scanner.core.recognise.identity import Identity

_WEB = (
    "http https www www-http http-alt docker docker-s etcd-client etcd-server couchdb winrm wsman wsmans ipp ipps "
    "caldav webdav wsdapi wsdapi-s oob-ws-http oob-ws-https puppet cddbp-alt upnp nessus asip-webadmin http-rpc-epmap"
)

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "http": _WEB,
        "http2": _WEB,
        "ssh": "ssh sftp-ssh ssh-mgmt sdo-ssh netconf-ssh netconf-ch-ssh tl1-ssh snmpssh",
        "smtp": "smtp submission submissions urd",
        "imap": "imap imaps imap2 imap3",
        "pop3": "pop3 pop3s",
        "ftp": "ftp ftps",
        "telnet": "telnet telnets rtelnet ktelnet skytelnet hp-3000-telnet tl1-telnet scpi-telnet telnetcpcd",
        "nntp": "nntp nntps nnsp netnews",
        "managesieve": "sieve",
        "irc": "irc ircs-u ircu irc-serv",
        "rdp": "ms-wbt-server vmrdp",
        "vnc": "rfb",
        "smb": "microsoft-ds netbios-ssn",
        "ldap": "ldap ldaps ldap-admin msft-gc msft-gc-ssl",
        "mysql": "mysql mysql-proxy",
        "mysqlx": "mysqlx",
        "postgresql": "postgresql",
        "redis": "redis",
        "memcached": "memcache",
        "mongodb": "mongodb",
        "mssql": "ms-sql-s ms-sql-m",
        "amqp": "amqp amqps",
        "mqtt": "mqtt secure-mqtt",
        "socks5": "socks",
        "rtsp": "rtsp rtsps rtsp-alt",
        "sip": "sip sips",
        "bgp": "bgp",
        "rpcbind": "sunrpc",
        "onc-rpc": "sunrpc nfs mountd shilp",
        "msrpc": "epmap http-rpc-epmap",
        "x11": "x11",
        "dns": "domain domain-s",
        "epmd": "epmd",
        "rsync": "rsync",
        "svn": "svn",
        "xmpp": "xmpp-client xmpp-server xmpp-bosh",
        "pptp": "pptp",
        "chargen": "chargen",
        "echo": "echo",
        "zabbix": "zabbix-agent zabbix-trapper",
    }
)

IANA_NAMES: Mapping[str, frozenset[str]] = MappingProxyType(
    {protocol: frozenset(words.split()) for protocol, words in _WORDS.items()}
)
"""Each protocol with the IANA names (lower case) that mean it."""

_TLS_WORDS = (
    "https imaps pop3s submissions ldaps msft-gc-ssl ftps telnets nntps ircs-u amqps secure-mqtt domain-s sips rtsps "
    "docker-s wsmans ipps appserv-https amt-soap-https oob-ws-https tungsten-https wsdapi-s syslog-tls netconf-tls "
    "wbem-https pcsync-https sun-sr-https oracleas-https compaq-https"
)

TLS_NAMES: frozenset[str] = frozenset(_TLS_WORDS.split())
"""Names that promise TLS from the first byte."""

_CLEAR_WEB = re.compile(r"(?:^|-)(?:http|www)s?(?:-|$)|https?$")

_PROTOCOL_OF: Mapping[str, str] = MappingProxyType(
    {name: protocol for protocol, names in reversed(list(IANA_NAMES.items())) for name in names}
)


def protocol_of(service: str) -> str | None:
    """The protocol that a service name means (ours or IANA's), or None where we know none."""
    service = service.lower()
    if service in IANA_NAMES:
        return service
    if service in _PROTOCOL_OF:
        return _PROTOCOL_OF[service]
    return "http" if _CLEAR_WEB.search(service) else None


def means(identity: Identity, services: Iterable[str]) -> bool:
    """Return whether what was recognised is one of these registered services, with or without TLS."""
    protocol = "http" if identity.protocol == "http2" else identity.protocol
    names = [service.lower() for service in services]
    if not protocol:
        return identity.tls is not None and any(name in TLS_NAMES for name in names)
    return any(name in IANA_NAMES.get(protocol, ()) or protocol_of(name) == protocol for name in names)


def promises_tls(services: Iterable[str]) -> bool:
    """Return whether every one of these registered names promises TLS; False where there is none."""
    names = [service.lower() for service in services]
    return bool(names) and all(name in TLS_NAMES for name in names)
