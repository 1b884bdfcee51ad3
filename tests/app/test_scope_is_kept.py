"""The scope cannot be escaped: whatever an address is dressed as, and whatever happens between check and probe."""

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest

import scanner
from scanner.app.options import ScanOptions
from scanner.app.planning import plan_sweep
from scanner.config.scope import read_scope
from scanner.core.columns import U16
from scanner.core.errors import InvalidInput, OutOfScope
from scanner.core.model import Transport
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import Wave
from scanner.core.targets.ranges import merge, network_span
from scanner.core.targets.scope import Scope
from scanner.engines.fake import FakeEngine
from scanner.registry.source import load_bundled

UNREADABLE = [
    "2130706433", "134744072", "0x7f000001", "0X08080808", "017700000001", "0b1000",  # one number
    "0x8.0x8.0x8.0x8", "8.8.8.0x8", "0177.0.0.1", "010.0.0.1", "10.0.0.010",  # other bases
    "8.8", "127.1", "127.0.1", "0", "8.8.8.8.", "8.8.8.8.8",  # other lengths
    "::ffff:8.8.8.8", "0:0:0:0:0:ffff:808:808", "::ffff:7f00:1", "::/0", "::1-::ffff:0:1", "::ffff:0:0/95",
    "fe80::1%lo", "[::1]", "8.8.8.8:80", "127.0.0.1,8.8.8.8", "\uff18.8.8.8", "8\u30028\u30028\u30028", "+8.8.8.8",
    "10.0.0.1-8.8.8.8", "127.0.0.1/8/8", "10.0.0.256", "http://8.8.8.8/",
]  # fmt: skip
NEEDS_PERMISSION = [
    "8.8.8.8", "8.8.8.8/32", "8.8.8.8-9", "240.0.0.1", "100.64.0.1", "192.0.0.170", "2002:808:808::1", "2001::1",
    "10.255.255.250-11.0.0.5", "9.255.255.255-10.0.0.1", "10-11.0.0.1", "126-127.0.0.1", "10.0.0.1/7", "128.0.0.0/2",
    "192.168.0.0/15", "172.16-32.0.1", "172.31.255.255-172.32.0.0", "169.254.0.0/15", "fbff::ffff-fbff::1:0",
    "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff-fec0::",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.0.0.1", "0.0.0.0/0", "0.0.0.0/8", "127.0.0.1/0", "*.*.0.1", "255.255.255.255", "240.0.0.0/4",
    "224.0.0.1", "239.255.255.250", "::", "::/127", "ff02::1", "ff05::1:3", "::8.8.8.8", "::7f00:1", "64:ff9b::8.8.8.8",
    "64:ff9b::a00:1", "64:ff9b:1::808:808", "64:ff9b:1:808:8:800::", "::ffff:0:8.8.8.8", "::/120",
]  # fmt: skip
EVERYTHING = Scope("all", merge(network_span(text) for text in ("0.0.0.0/0", "::/0")), "IT", "letter 7")


REGISTRY = load_bundled()


def plan(target: str, scope: Scope | None = None) -> None:
    plan_sweep(ScanOptions(target, "80", scope=scope, registry=REGISTRY), warn=lambda _: None)


@pytest.mark.parametrize("target", UNREADABLE)
def test_a_spelling_that_others_may_read_differently_is_refused(target: str) -> None:
    with pytest.raises(InvalidInput):
        plan(target, EVERYTHING)


@pytest.mark.parametrize("target", NEEDS_PERMISSION)
def test_what_is_not_free_needs_a_permission_wherever_it_hides(target: str) -> None:
    with pytest.raises(OutOfScope, match="needs a permission"):
        plan(target)
    plan(target, EVERYTHING)


@pytest.mark.parametrize("target", NEVER)
def test_what_is_no_host_is_never_probed_whatever_permits_it(target: str) -> None:
    with pytest.raises(OutOfScope, match="is never probed"):
        plan(target, EVERYTHING)


@pytest.mark.parametrize("name", ["inside.example", "outside.example"])
def test_what_is_probed_is_what_was_checked_though_the_name_has_another_address_by_then(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lookups = count()

    def rebinding(*_: object, **__: object) -> list[tuple[object, ...]]:
        address = "10.0.0.1" if next(lookups) == (0 if name == "inside.example" else 1) else "8.8.8.8"
        return [(2, 1, 6, "", (address, 0))]

    monkeypatch.setattr("scanner.engines.resolve.socket.getaddrinfo", rebinding)
    if name == "outside.example":
        with pytest.raises(OutOfScope, match=r"8\.8\.8\.8 \(outside\.example\)"):
            plan(name)
        return
    probed: set[str] = set()

    def answers(wave: Wave) -> U16:
        probed.update(str(wave.address(place)) for place in range(len(wave)))
        return np.full(len(wave), reason_code(Reason.RESET), np.uint16)

    result = scanner.scan_sync(name, "80", engine=FakeEngine(answers), registry=REGISTRY)
    assert result.complete
    assert probed == {"10.0.0.1"}
    assert next(lookups) == 1


@pytest.mark.parametrize("udp", [False, True])
def test_a_port_without_prefix_is_left_out_of_both_transports(udp: bool) -> None:
    options = ScanOptions("10.0.0.1", "T:53,U:53,U:123,T:80", exclude_ports="53", udp=udp, registry=REGISTRY)
    planned = plan_sweep(options, warn=lambda _: None)
    assert (planned.prepared.plan.ports, planned.prepared.plan.udp_ports) == ((80,), (123,))
    assert planned.never.udp == (53,), Transport.UDP


def test_a_permission_ends_with_its_local_day_in_every_zone_of_the_world(tmp_path: Path) -> None:
    """Some zones have no midnight on the day on which summer time begins, and others have two."""
    path = tmp_path / "scope.toml"
    text = "networks=['192.0.2.0/24']\nowner='x'\nauthorisation='y'\nvalid_until={}\n"
    seen: set[object] = set()
    year = [datetime(2026, 1, 1) + timedelta(days=day) for day in range(365)]
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offsets = [(day, day.replace(tzinfo=zone).utcoffset()) for day in year]
        turns = [day for (day, before), (_, after) in pairwise(offsets) if before != after]
        if (alike := (tuple(turns), *(after for _, after in offsets))) in seen:
            continue
        seen.add(alike)
        for day in [*turns, year[-1]]:
            path.write_text(text.format(day.date()))
            ends = read_scope(path, zone=zone).valid_until
            assert ends is not None
            last = ends.astimezone(UTC) - timedelta(microseconds=1)
            assert last.astimezone(zone).date() == day.date(), name
            assert ends.astimezone(UTC).astimezone(zone).date() == (day + timedelta(days=1)).date(), name
