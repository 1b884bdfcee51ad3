"""Which of IANA's service names mean a protocol that we recognise, and which of them promise TLS.

Used twice: a registered name suggests the hello to try first, and a protocol that is none of the registered
ones is a mismatch. A name that is not in this table promises nothing that we could check.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from scanner.core.recognise.catalogue import CATALOGUE, PROTOCOLS
from scanner.core.recognise.identity import WITH_TLS, Identity
from scanner.core.recognise.udp_names import UDP_NAMES, means_by_udp

IANA_NAMES: Mapping[str, frozenset[str]] = MappingProxyType({row.name: row.names for row in CATALOGUE if row.names})
"""Each protocol with the IANA names (lower case) that mean it."""

TLS_NAMES: frozenset[str] = frozenset(name for row in CATALOGUE for name in row.tls_names.split())
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
    by_name = any(name in IANA_NAMES.get(protocol, ()) or protocol_of(name) == protocol for name in names)
    return by_name or means_by_udp(protocol, names)


def is_product_of(identity: Identity, services: Iterable[str]) -> bool:
    """Return whether a registered name is that of the software that was recognised: Privoxy on `privoxy`."""
    product = _letters(identity.product)
    return bool(product) and any(_letters(service) == product for service in services)


def _letters(words: str) -> str:
    return "".join(character for character in words.lower() if character.isalnum())


_INSIDE_TLS: Mapping[str, str] = MappingProxyType(
    {word: protocol for protocol, word in reversed(list(WITH_TLS.items()))}
)
_OVER_TLS = " over tls"


def is_service_word(word: str) -> bool:
    """Return whether a word names a service that can be recognised: `ssh`, `https`, `mqtt over tls`, `rfb`."""
    known = {*PROTOCOLS, *_INSIDE_TLS, *UDP_NAMES, "tls"}
    return word in known or word.removesuffix(_OVER_TLS) in known or protocol_of(word) is not None


def is_service(identity: Identity, word: str) -> bool:
    """Return whether what was recognised is the named service; True too where TLS hides what is inside.

    A name that promises TLS is only met inside TLS; any other is met with or without it.
    """
    if identity.name == word:
        return True
    encrypted = word in _INSIDE_TLS or word in TLS_NAMES or word.endswith(_OVER_TLS)
    inside = _INSIDE_TLS.get(word, word.removesuffix(_OVER_TLS))
    if not identity.protocol:
        return encrypted or inside in WITH_TLS
    return means(identity, [inside]) and (identity.encrypted or not encrypted)


def promises_tls(services: Iterable[str]) -> bool:
    """Return whether every one of these registered names promises TLS; False where there is none."""
    names = [service.lower() for service in services]
    return bool(names) and all(name in TLS_NAMES for name in names)
