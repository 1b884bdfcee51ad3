"""Port words for both transports: prefixes, names, classes, and ports without a prefix under -sU."""

import pytest

from scanner.core.model import Transport
from scanner.core.targets.ports import PortSet, parse_port_words
from scanner.core.targets.targets import Word
from scanner.registry.source import load_bundled

BOTH = (Transport.TCP, Transport.UDP)


def parsed(text: str, unprefixed: tuple[Transport, ...] = (Transport.TCP,)) -> PortSet:
    return parse_port_words([Word(text, "-p")], load_bundled, unprefixed)


@pytest.mark.parametrize(
    ("text", "tcp", "udp"),
    [
        ("U:53", (), (53,)),
        ("22,U:53,161", (22,), (53, 161)),
        ("U:53,T:80", (80,), (53,)),
        ("U:snmp", (), (161,)),
    ],
)
def test_a_prefix_holds_until_the_next(text: str, tcp: tuple[int, ...], udp: tuple[int, ...]) -> None:
    assert parsed(text) == PortSet(tcp, udp)


def test_ports_without_a_prefix_are_of_the_transports_that_are_asked_for() -> None:
    assert parsed("53,T:22", (Transport.UDP,)) == PortSet((22,), (53,))
    assert parsed("53,161", BOTH) == PortSet((53, 161), (53, 161))
    assert parsed("53,U:161", BOTH) == PortSet((53,), (53, 161))


def test_a_registry_class_is_that_of_the_transport() -> None:
    tcp, udp = parsed("unassigned"), parsed("U:unassigned")
    assert tcp.udp == udp.tcp == ()
    assert len(udp.udp) > 10_000
    assert set(udp.udp) != set(tcp.tcp)
