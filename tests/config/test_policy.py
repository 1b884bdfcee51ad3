"""Policy files: read, and refused with file, line and key path."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanner.config.policy import read_policy
from scanner.core.errors import InvalidInput
from scanner.core.model import Address, PortKey, RegistryIdentity, Severity, Transport
from scanner.core.policy.policy import EntryKind, Policy
from scanner.core.registry.registry import Registry, RegistryRow

GOOD = """\
name = "Small office"

[[expect]]
networks = ["10.0.1.0/24", "fd00::/64"]
ports = [22, "https", "8000-8002", "U:53"]
required = [443]
owner = "IT"
note = "web servers"

[[exception]]
name = "old printer"
hosts = ["Printer.office.example."]
ports = [8080]
ticket = "OPS-123"
expires = 2026-12-31
owner = "Dana"

[[expect]]
networks = ["10.0.2.5"]
ports = ["-"]
owner = "Lab"

[severity]
open-dynamic = "high"
"""

REGISTRY = Registry(
    RegistryIdentity("test", "2026-01-01", "0" * 64, 1),
    [RegistryRow("https", 443, 443, (Transport.TCP,), "", "", "", "", "", "", "")],
)


def tcp(*numbers: int) -> frozenset[PortKey]:
    return frozenset(PortKey(Transport.TCP, number) for number in numbers)


def resolve(names: Collection[str]) -> Mapping[str, Sequence[Address]]:
    return {name: [ip_address("10.0.1.9")] for name in names if name == "printer.office.example"}


def read(folder: Path, text: str) -> Policy:
    path = folder / "policy.toml"
    path.write_text(text)
    return read_policy(path, lambda: REGISTRY, resolve=resolve, rules={"open-dynamic"})


def test_a_policy_is_read_whole(tmp_path: Path) -> None:
    policy = read(tmp_path, GOOD)
    web, printer, lab = policy.entries
    assert [entry.label for entry in policy.entries] == ["expect[1]", "old printer", "expect[2]"]
    assert web.ports == tcp(22, 443, 8000, 8001, 8002) | {PortKey(Transport.UDP, 53)}
    assert web.required == tcp(443)
    assert (web.owner, web.note, web.place) == ("IT", "web servers", f"{tmp_path}/policy.toml:3")
    assert (printer.kind, printer.ticket, printer.expires) == (EntryKind.EXCEPTION, "OPS-123", date(2026, 12, 31))
    assert printer.hosts == {"printer.office.example"}
    assert [str(span) for span in printer.networks] == ["10.0.1.9"], "names are resolved too"
    assert len(lab.ports) == 65535
    assert policy.severities == {"open-dynamic": Severity.HIGH}
    assert policy.identity.startswith("Small office sha256:")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("owner = \"Dana\"\n", "", r"toml:10: exception\[1\]\.owner: is missing"),
        ("note =", "notes =", r"toml:8: expect\[1\]: unknown key \"notes\", did you mean \"note\"\?"),
        ("10.0.1.0/24", "10.0.1.7/24", r"toml:4: expect\[1\]\.networks\[1\]: .*host bits"),
        ("\"https\"", "\"htps\"", r"toml:5: expect\[1\]\.ports\[2\]: no service named 'htps'"),
        ("\"8000-8002\"", "\"8002-8000\"", r"toml:5: expect\[1\]\.ports\[3\]: .*reversed"),
        ("ports = [8080]", "ports = [80800]", r"toml:13: exception\[1\]\.ports\[1\].*65535"),
        ("ports = [\"-\"]\n", "", r"toml:18: expect\[2\]: names no ports"),
        ("networks = [\"10.0.2.5\"]\n", "", r"toml:18: expect\[2\]: names neither networks nor hosts"),
        ("Printer.office.example.", "10.0.0.1", r"toml:12: exception\[1\]\.hosts\[1\]: .*under networks"),
        ("2026-12-31", "\"soon\"", r"toml:15: exception\[1\]\.expires: "),
        ("ticket = \"OPS-123\"\n", "", r"toml:10: exception\[1\]\.ticket: is missing"),
        ("open-dynamic = \"high\"", "open-dynamic = \"loud\"", r"toml:24: severity\.open-dynamic: .*none|info"),
        ("open-dynamic", "open-dinamic", r"toml:24: severity\.open-dinamic: there is no such rule"),
        ("[severity]", "[severity", r"toml:23: is not TOML"),
        ("required = [443]", "required = true", r"toml:6: expect\[1\]\.required"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert GOOD.count(old) == 1 or old == "[severity]"
    with pytest.raises(InvalidInput, match=complaint) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_the_digest_follows_the_bytes(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).sha256 != read(tmp_path, GOOD + "\n").sha256


def test_silence_may_be_expected_of_udp_services_only(tmp_path: Path) -> None:
    entry = '[[expect]]\nnetworks = ["10.0.1.1"]\nowner = "IT"\nsilent = true\nports = '
    assert read(tmp_path, entry + '["U:51820"]\n').entries[0].silent
    with pytest.raises(InvalidInput, match="silent is for UDP"):
        read(tmp_path, entry + "[22]\n")


SERVICES = """
[[expect]]
networks = ["10.0.0.0/24"]
ports = [22, 80, "U:53"]
owner = "IT"
"""


def test_the_service_behind_a_port_is_named_for_all_ports_or_for_each(tmp_path: Path) -> None:
    (for_all,) = read(tmp_path, SERVICES + 'service = "HTTP"').entries
    assert for_all.services == dict.fromkeys(for_all.ports, "http")
    (each,) = read(tmp_path, SERVICES + 'services = { 22 = "ssh", "U:53" = "dns" }').entries
    assert each.services == {PortKey(Transport.TCP, 22): "ssh", PortKey(Transport.UDP, 53): "dns"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('service = "htpp"', "not a service that --identify recognises"),
        ('services = { 23 = "telnet" }', "23 is none of the entry's ports"),
    ],
)
def test_a_service_that_cannot_be_met_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read(tmp_path, SERVICES + line)
