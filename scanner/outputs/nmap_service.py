"""The `service` of a port in nmap's XML: what the port answered, or else what a table says of its number.

nmap keeps the two apart, and so do its readers: `method="probed"` with confidence 10 for what spoke itself, with
product and version; `method="table"` with confidence 3 for a name that the number has, which is no identification.
`name` is the protocol inside any TLS, and `tunnel="ssl"` says that there is some, also where nothing was recognised
inside. Every text from a peer leaves inert, as each attribute does.
"""

from collections.abc import Mapping
from types import MappingProxyType

from scanner.core.recognise.identity import Identity

NMAP_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "asterisk-manager": "asterisk",
        "cassandra": "cassandra-native",
        "clamd": "clam",
        "dns": "domain",
        "http2": "http",
        "managesieve": "sieve",
        "mssql": "ms-sql-s",
        "rdp": "ms-wbt-server",
        "smb": "microsoft-ds",
        "svn": "svnserve",
        "tls": "ssl",
        "x11": "X11",
    }
)
"""Our words for protocols that nmap's readers know by another (nmap 7.93, nmap-service-probes)."""

PROBED = {"method": "probed", "conf": "10"}
BY_TABLE = {"method": "table", "conf": "3"}


def service_attributes(identity: Identity | None, registered: str) -> Mapping[str, str]:
    """The attributes of a port's `service`, not inert yet; none where neither says anything.

    `registered` is the registry's name for the port, or empty.
    """
    tunnel = {"tunnel": "ssl"} if identity and identity.encrypted else {}
    if identity and identity.protocol:
        said = {"product": identity.product, "version": identity.version, "extrainfo": identity.detail}
        name = NMAP_WORDS.get(identity.protocol, identity.protocol)
        return {"name": name, **{key: text for key, text in said.items() if text}, **tunnel, **PROBED}
    if registered or tunnel:
        return {"name": registered or "unknown", **tunnel, **BY_TABLE}
    return {}
