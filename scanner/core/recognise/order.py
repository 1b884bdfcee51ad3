"""What to ask next, as a pure decision over what has been learnt so far.

Few questions are better than many: a port's registered names, its usual occupants and the ports of the catalogue say
which hello is likely, one likely answer says which is next, and a peer whose greeting is not recognised is left alone.
A port about which nothing is known gets `MOST_HELLOS` at most; what the peer did with the first two, closing or waiting
for more, says which of the others are worth sending.
"""

from collections.abc import Iterable, Sequence

from scanner.core.recognise.catalogue import CATALOGUE, PROTOCOLS
from scanner.core.recognise.hellos import HELLOS, TLS
from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.names import TLS_NAMES, protocol_of
from scanner.core.recognise.protocol import Hello


def hinted(services: Iterable[str], port: int = 0) -> tuple[str, ...]:
    """The hellos that the names of a port, and then its number, suggest; likeliest first, each once.

    `services` are words for what may be there: IANA's names, or protocols in our own words.
    """
    wanted: list[str] = []
    for service in services:
        protocol = protocol_of(service)
        if service.lower() in TLS_NAMES:
            wanted.append(TLS)
        if protocol is not None and protocol in HELLOS:
            wanted.append(protocol)
    wanted += [row.name for row in CATALOGUE if port in row.default_ports and row.hello is not None]
    return tuple(dict.fromkeys(wanted))


def speaks_first(services: Iterable[str]) -> bool:
    """Return whether a greeting is worth waiting for: always, unless every known name is of a protocol that waits."""
    protocols = [protocol_of(service) for service in services]
    return not protocols or any(protocol is None or PROTOCOLS[protocol].greets_first for protocol in protocols)


MOST_HELLOS = 6
"""Hellos that a peer of which nothing is known gets at most, the patient last one included."""

_USUAL = ("http", TLS)
"""Questions that most unknown services answer, if only with a complaint that names them."""
_TO_CLOSERS = ("postgresql", "http2", "mqtt", "ldap", "rdp", "mssql", "x11", "kafka")
"""What commonly hangs up on HTTP, the most common first."""
_TO_WAITERS = ("dns", "smb", "sip", "rpcbind", "epmd")
"""What commonly takes HTTP for the beginning of a message and waits for the rest, the most common first."""
_INSIDE_TLS = ("http", "mqtt", "redis", "ldap", "amqp", "irc", "mongodb", "kafka", "dns", "sip", "rdp")
"""What is asked inside TLS, where every connection costs a handshake: what is commonly found there."""


def _unhinted(*, encrypted: bool, waits: bool) -> Iterable[str]:
    """Yield the questions for a peer of which no name is known, the most telling first."""
    if encrypted:
        return _INSIDE_TLS
    likely = (*_TO_WAITERS, *_TO_CLOSERS) if waits else (*_TO_CLOSERS, *_TO_WAITERS)
    return dict.fromkeys((*_USUAL, *likely, *HELLOS))


def next_hello(
    hints: Sequence[str],
    asked: Sequence[str],
    likely: ProtocolMatch | None,
    *,
    greeted: bool,
    encrypted: bool = False,
    waits: bool = False,
) -> Hello | None:
    """The next question, or None when enough was asked.

    `hints` are names from `hinted`; `asked` the hellos sent so far; `likely` an uncertain match, whose own
    question decides; `greeted` whether the peer spoke first, in words that were not recognised; `encrypted`
    whether the question will be put inside TLS; `waits` whether the peer took an HTTP request and kept silent, rather
    than closing.
    """
    if likely is not None:
        return HELLOS.get(likely.protocol) if likely.protocol not in asked else None
    if greeted:
        return None
    for name in (*hints, *_unhinted(encrypted=encrypted, waits=waits)):
        if name not in asked and not (encrypted and name == TLS) and not HELLOS[name].after_greeting:
            return HELLOS[name]
    return None
