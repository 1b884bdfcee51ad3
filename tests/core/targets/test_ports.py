"""Words to ports, by number, name and class."""

import pytest

from scanner.core.errors import InvalidInput
from scanner.core.model import RegistryStatus, Transport
from scanner.core.registry.registry import Registry
from scanner.core.targets.ports import PortSet, parse_port_words, parse_ports
from scanner.core.targets.targets import Word
from scanner.registry.source import load_bundled


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_bundled()


@pytest.mark.parametrize(
    ("text", "tcp", "udp"),
    [
        ("22", (22,), ()),
        ("80,22,80", (22, 80), ()),
        ("8000-8003", (8000, 8001, 8002, 8003), ()),
        ("-3", (1, 2, 3), ()),
        ("65534-", (65534, 65535), ()),
        ("T:80,443,U:53,161,T:22", (22, 80, 443), (53, 161)),
        ("ssh, HTTP", (22, 80), ()),
        ("U:tftp", (), (69,)),
    ],
)
def test_what_words_mean(registry: Registry, text: str, tcp: tuple[int, ...], udp: tuple[int, ...]) -> None:
    assert parse_ports(Word(text, "-p"), lambda: registry) == PortSet(tcp, udp)


def test_a_dash_is_every_port(registry: Registry) -> None:
    assert parse_ports(Word("-", "-p"), lambda: registry).tcp == tuple(range(1, 65536))


def test_the_ranges_of_rfc_6335(registry: Registry) -> None:
    sizes = {word: len(parse_ports(Word(word, "-p"), lambda: registry)) for word in ("system", "user", "dynamic")}
    assert sizes == {"system": 1023, "user": 48128, "dynamic": 16384}


def test_the_classes_of_the_registry(registry: Registry) -> None:
    for status in RegistryStatus:
        found = parse_ports(Word(f"T:{status}", "-p"), lambda: registry)
        assert found.tcp == tuple(p for p in registry.ports_with_status(Transport.TCP, status) if p)
    everything = parse_ports(Word(",".join(RegistryStatus), "-p"), lambda: registry)
    assert everything.tcp == tuple(range(1, 65536))


def test_numbers_never_ask_the_registry() -> None:
    def nobody() -> Registry:
        raise AssertionError("the registry was asked")

    assert parse_ports(Word("1-1023,T:8080,system", "-p"), nobody).tcp[-1] == 8080


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("65536", "end at 65535"),
        ("1-65536", "end at 65535"),
        ("999999999999", "end at 65535"),
        ("20-10", "reversed"),
        ("022", "leading zeros"),
        ("0", "port 0"),
        ("0-10", "port 0"),
        ("", "no port is given"),
        ("22,,80", "nothing between two commas"),
        ("22,", "nothing between two commas"),
        ("X:22", "must be T: or U:"),
        ("no-such-service", "no service named"),
        ("syslog", "not assigned for tcp (only for 514/udp"),
        ("a b", "not a port"),
        ("٢٢", "not a port"),
    ],
)
def test_what_is_no_port_is_one_line_with_the_place(registry: Registry, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_ports(Word(text, "-p"), lambda: registry)
    assert str(caught.value).startswith("-p: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sets_add_and_subtract() -> None:
    assert PortSet((1, 2), (3,)) | PortSet((2, 5)) == PortSet((1, 2, 5), (3,))
    assert PortSet((1, 2), (3,)) - PortSet((2,), (3,)) == PortSet((1,))


def test_the_same_range_twelve_thousand_times_costs_no_more_than_once(registry: Registry) -> None:
    asked = 0

    def counted() -> Registry:
        nonlocal asked
        asked += 1
        return registry

    found = parse_ports(Word(",".join(["1-65535", "ssh", "assigned"] * 12_000), "-p"), counted)
    assert len(found.tcp) == 65535
    assert asked == 2, "each part is looked up once"


def test_many_words_are_one_union(registry: Registry) -> None:
    words = [Word(f"{port}-65535,U:{port}", "-p") for port in range(1, 3000)]
    found = parse_port_words(words, lambda: registry)
    assert found == PortSet(tcp=tuple(range(1, 65536)), udp=tuple(range(1, 3000)))
