"""What to ask next, as a pure decision over what has been learnt so far.

Few questions are better than many: a port's registered names and usual occupants say which hello is likely,
one likely answer says which is next, and a peer whose greeting is not recognised is left alone. Only a
port about which nothing is known is asked the whole table, one connection at a time.
"""

from collections.abc import Iterable, Sequence

from scanner.core.recognise.catalogue import PROTOCOLS
from scanner.core.recognise.hellos import HELLOS, TLS
from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.names import TLS_NAMES, protocol_of
from scanner.core.recognise.protocol import Hello


def hinted(services: Iterable[str]) -> tuple[str, ...]:
    """The hellos that the names of a port suggest, likeliest first, each once.

    `services` are words for what may be there: IANA's names, or protocols in our own words.
    """
    wanted: list[str] = []
    for service in services:
        protocol = protocol_of(service)
        if service.lower() in TLS_NAMES:
            wanted.append(TLS)
        if protocol is not None and protocol in HELLOS:
            wanted.append(protocol)
    return tuple(dict.fromkeys(wanted))


def speaks_first(services: Iterable[str]) -> bool:
    """Return whether a greeting is worth waiting for: always, unless every known name is of a protocol that waits."""
    protocols = [protocol_of(service) for service in services]
    return not protocols or any(protocol is None or PROTOCOLS[protocol].greets_first for protocol in protocols)


_INSIDE_TLS = ("http", "ldap", "mqtt", "amqp", "redis", "irc", "mongodb", "kafka", "dns", "sip", "rdp")
"""What is asked inside TLS, where every connection costs a handshake: what is commonly found there."""


def next_hello(
    hints: Sequence[str], asked: Sequence[str], likely: ProtocolMatch | None, *, greeted: bool, encrypted: bool = False
) -> Hello | None:
    """The next question, or None when enough was asked.

    `hints` are names from `hinted`; `asked` the hellos sent so far; `likely` an uncertain match, whose own
    question decides; `greeted` whether the peer spoke first, in words that were not recognised; `encrypted`
    whether the question will be put inside TLS.
    """
    if likely is not None:
        return HELLOS.get(likely.protocol) if likely.protocol not in asked else None
    if greeted:
        return None
    for name in (*hints, *(_INSIDE_TLS if encrypted else HELLOS)):
        if name not in asked and not (encrypted and name == TLS) and not HELLOS[name].after_greeting:
            return HELLOS[name]
    return None
