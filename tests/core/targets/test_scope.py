"""What may be probed: without a file, with one, and never."""

from datetime import UTC, datetime

import pytest

from scanner.core.errors import OutOfScope
from scanner.core.targets.ranges import Span, Spans, merge, network_span
from scanner.core.targets.scope import FREE, Scope, check_scope, first_refused

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def ranges(*texts: str) -> Spans:
    return merge(network_span(text) for text in texts)


def scope(*networks: str, **more: object) -> Scope:
    return Scope(
        name="office",
        spans=ranges(*networks),
        owner="IT",
        authorisation="letter 7",
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "127.255.0.0/16", "::1", "10.0.0.0/8", "172.31.0.0/16", "192.168.1.1", "169.254.3.0/24",
     "fd00::/64", "fe80::1"],
)  # fmt: skip
def test_loopback_and_private_networks_need_no_file(text: str) -> None:
    assert first_refused(ranges(text), FREE) is None
    check_scope(ranges(text), None, NOW)


@pytest.mark.parametrize(
    "text",
    ["192.0.2.1", "8.0.0.0/8", "172.32.0.0/16", "100.64.0.1", "198.18.0.0/15", "2001:db8::1", "240.0.0.1",
     "2002:a00:1::1"],
)  # fmt: skip
def test_any_other_address_needs_a_file_that_covers_it(text: str) -> None:
    with pytest.raises(OutOfScope, match="--scope FILE") as caught:
        check_scope(ranges(text), None, NOW)
    assert caught.value.exit_status == 4
    assert str(caught.value).startswith(text)
    check_scope(ranges(text), scope(text), NOW)


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::a00:1",
     "64:ff9b:1:a00::1", "::ffff:0:a00:1"],
)  # fmt: skip
def test_what_is_no_host_is_never_probed_whatever_a_file_says(text: str) -> None:
    with pytest.raises(OutOfScope, match="never probed"):
        check_scope(ranges(text), scope("0.0.0.0/0", "::/0"), NOW)


def test_one_address_outside_is_named() -> None:
    inside = scope("192.0.2.0/25")
    with pytest.raises(OutOfScope, match=r"^192\.0\.2\.128 is outside scope office; .*IT"):
        check_scope(ranges("192.0.2.0/26", "192.0.2.128"), inside, NOW)
    assert inside.refused(ranges("192.0.2.0/24")) == network_span("192.0.2.128/25")


def test_a_file_narrows_private_networks_only_if_it_names_one() -> None:
    public, private = scope("192.0.2.0/24"), scope("10.1.0.0/16")
    assert public.refused(ranges("10.2.0.0/16", "127.0.0.1")) is None
    assert private.refused(ranges("10.1.2.0/24", "127.0.0.1")) is None
    assert private.refused(ranges("10.2.0.0/24")) == network_span("10.2.0.0/24")
    assert scope("127.0.0.1").refused(ranges("127.0.0.2")) == network_span("127.0.0.2")


@pytest.mark.parametrize(
    ("starts", "ends", "word"),
    [(None, NOW, "expired"), (datetime(2026, 6, 2, tzinfo=UTC), None, "not valid before")],
)
def test_outside_its_time_a_scope_permits_nothing(starts: datetime | None, ends: datetime | None, word: str) -> None:
    with pytest.raises(OutOfScope, match=word):
        check_scope(ranges("127.0.0.1"), scope("127.0.0.0/8", valid_from=starts, valid_until=ends), NOW)


def test_scattered_ranges_are_found_one_by_one() -> None:
    evens = merge((4, 0x0A000000 + 2 * n, 0x0A000000 + 2 * n) for n in range(1000))
    hole = Scope("holes", Spans(tuple(s for s in evens if s.first != 0x0A000000 + 900)), "IT", "x")
    assert hole.refused(evens) == Span(4, 0x0A000000 + 900, 0x0A000000 + 900)
