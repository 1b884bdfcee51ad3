"""Words to addresses: everything the syntax allows, and one line for everything it does not."""

from ipaddress import ip_address

import pytest

from scanner.core.errors import InvalidInput
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import HostName, TargetSet, Word, parse_target


def targets(*words: str, excluding: tuple[str, ...] = ()) -> TargetSet:
    def spans(texts: tuple[str, ...]) -> list[Span]:
        found: list[Span] = []
        for text in texts:
            meaning = parse_target(Word(text, "TARGET"))
            assert not isinstance(meaning, HostName), text
            found += meaning
        return found

    return TargetSet(spans(words)).without(spans(excluding))


@pytest.mark.parametrize(
    ("text", "size", "first", "last"),
    [
        ("10.0.0.1", 1, "10.0.0.1", "10.0.0.1"),
        ("255.249.100.0", 1, "255.249.100.0", "255.249.100.0"),
        ("10.0.0.5/24", 256, "10.0.0.0", "10.0.0.255"),
        ("10.0.0.0/31", 2, "10.0.0.0", "10.0.0.1"),
        ("10.0.0.1-10.0.1.3", 259, "10.0.0.1", "10.0.1.3"),
        ("10.0.0.1-20", 20, "10.0.0.1", "10.0.0.20"),
        ("10.0.0-3.1-20", 80, "10.0.0.1", "10.0.3.20"),
        ("10.0.*.1", 256, "10.0.0.1", "10.0.255.1"),
        ("10.0.1-2.*", 512, "10.0.1.0", "10.0.2.255"),
        ("10.0.0.1,3,5-7", 5, "10.0.0.1", "10.0.0.7"),
        ("10.0.0.-5", 6, "10.0.0.0", "10.0.0.5"),
        ("10.0.0.250-", 6, "10.0.0.250", "10.0.0.255"),
        ("10.*.*.*", 1 << 24, "10.0.0.0", "10.255.255.255"),
        ("::1", 1, "::1", "::1"),
        ("2001:DB8::/104", 1 << 24, "2001:db8::", "2001:db8::ff:ffff"),
        ("fd00::1-fd00::ff", 255, "fd00::1", "fd00::ff"),
    ],
)
def test_what_words_mean(text: str, size: int, first: str, last: str) -> None:
    found = targets(text)
    assert found.size == size
    assert found[0] == ip_address(first)
    assert found[size - 1] == ip_address(last)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("010.0.0.1", "leading zeros"),
        ("10.0.0.01/32", "leading zeros"),
        ("10.0.0.256", "above 255"),
        ("http://localhost/", "a web address; name the host alone, and the port with -p"),
        ("[fd00::1]", "brackets; leave them out"),
        ("[fd00::1]:22", "brackets; leave them out"),
        ("localhost:80", "a target with a port; name the port with -p"),
        ("10.0.0.1:80", "a target with a port; name the port with -p"),
        ("10.0.0.1,10.0.0.2", "several targets in one word; use spaces"),
        ("10.0.0.0/24,10.0.1.0/24", "several targets in one word; use spaces"),
        ("alpha,beta", "several targets in one word; use spaces"),
        ("0x7f000001", "a name does not end in a number"),
        ("127.0.0.0x1", "a name does not end in a number"),
        ("10.0/16", "not an IPv4 address"),
        ("1.2.3", "four numbers"),
        ("12345", "four numbers"),
        ("10.0.0.9-1", "reversed"),
        ("10.0.0.9-10.0.0.1", "reversed"),
        ("fd00::2-fd00::1", "reversed"),
        ("2001:db8::/64", "/104"),
        ("2001:db8::-2001:db8::1:0:0", "/104"),
        ("::ffff:10.0.0.1", "write the IPv4 address"),
        ("fe80::1%eth0", "cannot be scanned yet"),
        ("::g", "not an IPv6 address"),
        ("1.1.1.1/33", "prefix length"),
        ("1.1.1.1/", "prefix length"),
        ("1.1.1.1/255.0.255.0", "prefix length"),
        ("1.1.1.1/8-1.1.1.2", "range of networks"),
        ("host/24", "prefix length"),
        ("*.*.*.1", "16,777,216"),
        ("10.0.0.1-2-3", "not an octet"),
        ("-x", "neither"),
        ("a b", "neither"),
        ("bücher.example", "neither"),
        ("host.123", "does not end in a number"),
        ("", "neither"),
        ("a" * 64, "neither"),
        ("٣.0.0.1", "neither"),
    ],
)
def test_what_is_no_target_is_one_line_with_the_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_target(Word(text, "hosts.txt:7"))
    line = str(caught.value)
    assert line.startswith("hosts.txt:7: ")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize("text", ["localhost", "web-1.example.org", "web-1.example.org.", "_dmarc.example", "a1"])
def test_names_are_left_to_be_resolved(text: str) -> None:
    assert parse_target(Word(text, "TARGET")) == HostName(Word(text, "TARGET"))


def test_a_set_is_sorted_merged_and_v4_comes_first() -> None:
    found = targets("::2", "10.0.0.3", "10.0.0.0/31", "10.0.0.2", "::1")
    assert [str(address) for address in found] == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::2"]
    assert len(found.ranges) == 2


def test_exclusion_always_wins() -> None:
    found = targets("10.0.0.0/24", "10.0.0.7", "::1", excluding=("10.0.0.0/25", "10.0.0.200-10.0.1.0", "::1"))
    assert found == targets("10.0.0.128-10.0.0.199")
    assert ip_address("10.0.0.7") not in found
    assert ip_address("10.0.0.128") in found
    assert ip_address("::10.0.0.128") not in found
    assert found.without(()) is found, "a large set is not gone through again for nothing"


def test_indexing_outside_is_an_error() -> None:
    found = targets("10.0.0.0/30")
    for index in (-1, 4):
        with pytest.raises(IndexError):
            found[index]


def test_a_set_as_large_as_the_internet_is_two_numbers() -> None:
    found = targets("0.0.0.0/0")
    assert found.size == len(found) == 1 << 32
    assert found[(1 << 32) - 1] == ip_address("255.255.255.255")
    assert len(found.ranges) == 1
