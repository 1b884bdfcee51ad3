"""An address and a mask on one line are one network; what could be two things is refused."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.core.targets.masks import joined_masks, mask_prefix
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import Word, parse_target


@given(st.integers(1, 31))
def test_netmask_and_wildcard_mask_of_each_length_mean_that_length(length: int) -> None:
    network = IPv4Network((0, length))
    assert mask_prefix(str(network.netmask)) == length
    assert mask_prefix(str(network.hostmask)) == length


@pytest.mark.parametrize("text", ["0.0.0.0", "255.255.255.255", "255.0.255.0", "10.0.0.1", "x", "", "256.0.0.0"])
def test_what_is_no_mask_or_two_at_once_is_none(text: str) -> None:
    assert mask_prefix(text) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("10.0.0.0 255.255.255.240", ["10.0.0.0/28"]),
        ("10.0.0.0 0.0.0.15", ["10.0.0.0/28"]),
        ("10.0.0.5 255.255.255.240", ["10.0.0.5/28"]),
        ("224.0.0.0 240.0.0.0", ["224.0.0.0/4"]),
        ("0.0.0.0 255.0.0.0", ["0.0.0.0/8"]),
        ("10.0.0.0 255.0.0.0 172.16.0.0 0.15.255.255", ["10.0.0.0/8", "172.16.0.0/12"]),
        ("a.example 10.0.0.1", ["a.example", "10.0.0.1"]),
        ("10.0.0.1 10.0.0.2 10.0.0.9", ["10.0.0.1", "10.0.0.2", "10.0.0.9"]),
        ("10.0.0.1 10.0.0.2", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.1 10.0.0.4", ["10.0.0.1", "10.0.0.4"]),
        ("10.0.0.1", ["10.0.0.1"]),
    ],
)
def test_a_line_is_read_whole(line: str, words: list[str]) -> None:
    assert joined_masks(line.split()) == words


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("10.0.0.0 255.0.255.0", "gaps"),
        ("10.0.0.0 0.0.0.0", "ambiguous"),
        ("10.0.0.0 255.255.255.255", "ambiguous"),
        ("a.example 255.255.255.0", "is not an address"),
        ("10.0.0.0/24 255.255.255.0", "is not an address"),
        ("10.0.0.0 mask 255.255.255.0", "'mask' before it is not an address"),
        ("10.0.0.1 192.0.0.0", "a network or two addresses"),
        ("10.0.0.0 10.0.0.15", "the ends of one network; write 10.0.0.0-10.0.0.15"),
        ("1.2.3.0 1.2.3.255", "the ends of one network"),
    ],
)
def test_what_could_mean_two_things_is_refused(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        joined_masks(line.split())


def test_a_mask_may_stand_behind_a_slash_too() -> None:
    for text in ("10.0.0.5/255.255.255.240", "10.0.0.5/0.0.0.15"):
        assert parse_target(Word(text, "")) == (network_span("10.0.0.0/28"),)


@pytest.mark.parametrize("text", ["fd00::/64", "2000::/3", "::/0", "fd00::-fd00:ffff::"])
def test_an_exclusion_may_be_of_any_size_and_a_target_may_not(text: str) -> None:
    (span,) = parse_target(Word(text, "--exclude"), excluded=True)  # type: ignore[misc]
    assert span.size > 1 << 24
    with pytest.raises(InvalidInput, match=r"more than 2\^24|IPv4 written as IPv6"):
        parse_target(Word(text, "TARGET"))


def test_ipv4_in_the_dress_of_ipv6_is_refused_where_it_would_exclude_nothing() -> None:
    with pytest.raises(InvalidInput, match="write the IPv4 address"):
        parse_target(Word("::ffff:10.0.0.0/104", "--exclude"), excluded=True)
