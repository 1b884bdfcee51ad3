"""From words to a plan: what is refused is refused before the first probe, and what is excluded stays out."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from scanner.app.prepare import Prepared, Wanted, parse_shard, prepare
from scanner.core.errors import InvalidInput, OutOfScope
from scanner.core.plan.plan import Shard
from scanner.core.targets.ports import PortSet
from scanner.core.targets.targets import Word

NOW = datetime(2026, 2, 13, tzinfo=UTC)


def prepared(targets: str, exclude: str = "", ports: tuple[int, ...] = (22, 80), **more: PortSet) -> Prepared:
    wanted = Wanted(
        targets=[Word(text, "TARGET") for text in targets.split()],
        exclude=[Word(text, "--exclude") for text in exclude.split()],
        ports=more.get("ports_as_set", PortSet(ports)),
        exclude_ports=more.get("exclude_ports", PortSet()),
    )
    return prepare(wanted, None, NOW, seed=1, shard=Shard())


def test_names_are_resolved_once_and_reported() -> None:
    found = prepared("localhost LOCALHOST 127.0.0.9")
    addresses = found.resolved["localhost"]
    assert "127.0.0.1" in addresses
    assert len(found.resolved) == 1
    assert found.hostnames[ip_address("127.0.0.1")] == "localhost"
    assert found.plan.targets.size == len(addresses) + 1
    assert found.only_loopback


def test_exclusions_are_counted_in_endpoints() -> None:
    found = prepared("10.0.0.0/24", "10.0.0.0/25 10.99.0.1", exclude_ports=PortSet((80,)))
    assert found.plan.total == 128
    assert found.excluded == 256 * 2 - 128
    assert not found.only_loopback


def test_a_name_can_be_excluded() -> None:
    assert prepared("127.0.0.0/30", "localhost").plan.targets.size == 3


@pytest.mark.parametrize(
    ("targets", "exclude", "ports", "said"),
    [
        ("", "", (22,), "name targets"),
        ("10.0.0.1", "10.0.0.0/8", (22,), "no address is left"),
        ("10.0.0.1", "", (), "no port"),
        ("10.0.0.1 no-such-host.invalid", "", (22,), "'no-such-host.invalid' cannot be resolved"),
        ("10.0.0.1", "no-such-host.invalid", (22,), "--exclude: 'no-such-host.invalid'"),
        ("10.0.0.1", "10.0.0.300", (22,), "--exclude: "),
    ],
)
def test_what_cannot_be_scanned_is_refused(targets: str, exclude: str, ports: tuple[int, ...], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        prepared(targets, exclude, ports)
    assert said in str(caught.value)


def test_udp_ports_are_planned_beside_tcp_ports() -> None:
    plan = prepared("10.0.0.1", ports_as_set=PortSet((22,), (53, 161))).plan
    assert (plan.ports, plan.udp_ports, plan.total) == ((22,), (53, 161), 3)


def test_public_addresses_need_a_scope_also_when_they_hide_in_a_range() -> None:
    for words in ("192.0.2.1", "10.0.0.1 198.51.100.0/24", "9.255.255.255-10.0.0.1", "2001:db8::1"):
        with pytest.raises(OutOfScope):
            prepared(words)
    assert prepared("192.0.2.1 10.0.0.1", "192.0.2.0/24").plan.targets.size == 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/", "", "1/0", "-1/3"])
def test_shards_are_counted_from_one(text: str) -> None:
    with pytest.raises(InvalidInput, match="--shard"):
        parse_shard(text)


def test_a_plan_of_a_whole_private_network_costs_nothing() -> None:
    found = prepared("10.0.0.0/8", ports=tuple(range(1, 65536)))
    assert found.plan.total == (1 << 24) * 65535


def test_each_name_is_looked_up_once_a_run_so_that_rotating_answers_cannot_pass_an_exclusion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def rotating(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(name)
        return [(2, 1, 6, "", (f"10.0.0.{len(asked)}", 0))]

    monkeypatch.setattr("scanner.engines.resolve.socket.getaddrinfo", rotating)
    found = prepared("10.0.0.0/24 www.example WWW.example.", "Www.Example")
    assert len(asked) == 1
    assert found.plan.targets.size == 255
    assert ip_address("10.0.0.1") not in found.plan.targets


def test_an_address_that_is_refused_says_which_name_led_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", (address, 0)) for address in ("192.0.2.7", "10.0.0.1")]
    monkeypatch.setattr("scanner.engines.resolve.socket.getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(OutOfScope, match=r"192\.0\.2\.7 \(www\.example\) needs a permission"):
        prepared("www.example")
    with pytest.raises(OutOfScope, match=r"192\.0\.2\.0/24 \(www\.example is 192\.0\.2\.7\) needs a permission"):
        prepared("www.example 192.0.2.0/24")


def test_a_large_network_of_ipv6_can_be_excluded() -> None:
    assert prepared("fd00::/120 10.0.0.1", "fd00::/64 2000::/3").plan.targets.size == 1
