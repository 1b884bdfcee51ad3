"""What is odd about a policy."""

from datetime import date
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.model import PortKey, Transport
from scanner.core.policy.check import Oddity, check_policy
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.targets.ranges import network_span

TODAY = date(2026, 6, 1)


def entry(label: str, networks: str, *numbers: int, expires: date | None = None, **more: object) -> Entry:
    return Entry(
        label=label,
        kind=EntryKind.EXCEPTION if expires else EntryKind.EXPECT,
        networks=tuple(network_span(text) for text in networks.split()),
        hosts=more.pop("hosts", frozenset()),  # type: ignore[arg-type]
        ports=frozenset(PortKey(Transport.TCP, number) for number in numbers),
        expires=expires,
        **more,  # type: ignore[arg-type]
    )


def odd(*entries: Entry) -> list[tuple[str, str]]:
    return [(r.oddity.value, r.entry.label) for r in check_policy(Policy("p", entries), TODAY)]


def test_a_policy_without_oddities() -> None:
    assert odd(entry("a", "10.0.0.0/24", 22), entry("b", "10.0.0.0/24", 80), entry("c", "10.0.1.0/24", 22)) == []


def test_exceptions_that_ended_or_soon_will() -> None:
    assert odd(
        entry("over", "10.0.0.1", 22, expires=date(2026, 5, 31)),
        entry("last day", "10.0.0.2", 22, expires=TODAY),
        entry("soon", "10.0.0.3", 22, expires=date(2026, 6, 15)),
        entry("later", "10.0.0.4", 22, expires=date(2026, 6, 16)),
    ) == [("expired", "over"), ("expires-soon", "last day"), ("expires-soon", "soon")]


def test_a_repeated_entry_is_never_reached() -> None:
    assert odd(entry("first", "10.0.0.0/24", 22, 80), entry("second", "10.0.0.0/24", 80)) == [("unreachable", "second")]


def test_a_network_whose_halves_are_taken_is_never_reached() -> None:
    halves = entry("low", "10.0.0.0/25", 22), entry("high", "10.0.0.128/25", 22)
    assert odd(entry("whole", "10.0.0.0/24", 22), *halves) == [("unreachable", "whole")]
    assert odd(entry("whole", "10.0.0.0/24", 22), halves[0]) == [("overlap", "whole")]
    assert odd(entry("whole", "10.0.0.0/24", 22, 80), *halves) == [("overlap", "whole")] * 2


def test_an_overlap_says_which_entry_decides_where() -> None:
    (remark,) = check_policy(
        Policy("p", [entry("net", "10.0.0.0/24", 22, 80), entry("host", "10.0.0.7", 80, 443)]), TODAY
    )
    assert remark.oddity is Oddity.OVERLAP
    assert remark.entry.label == "net"
    assert remark.text == "host decides about 80/tcp on 10.0.0.7 instead"


def test_marks_for_review_and_names_without_address() -> None:
    assert odd(entry("draft", "10.0.0.1", 22, review=True), entry("name", "", 22, hosts=frozenset({"a.example"}))) == [
        ("review", "draft"),
        ("unresolved", "name"),
    ]


networks = st.tuples(st.integers(0, 7), st.integers(0, 3)).map(
    lambda raw: f"10.0.0.{raw[0] >> raw[1] << raw[1]}/{32 - raw[1]}"
)
entries = st.lists(
    st.tuples(st.lists(networks, min_size=1, max_size=3), st.sets(st.integers(1, 3), min_size=1)), max_size=5
)


@settings(max_examples=200)
@given(entries)
def test_unreachable_is_what_never_decides(raw: list[tuple[list[str], set[int]]]) -> None:
    policy = Policy("p", [entry(f"{n}", " ".join(nets), *ports) for n, (nets, ports) in enumerate(raw)])
    deciding = set()
    for last in range(8):
        for port in range(1, 4):
            decision = policy.decide(ip_address(f"10.0.0.{last}"), "", PortKey(Transport.TCP, port), TODAY)
            deciding |= {decision.entry.label} if decision.entry else set()
    found = {r.entry.label for r in check_policy(policy, TODAY) if r.oddity is Oddity.UNREACHABLE}
    assert found == {each.label for each in policy.entries} - deciding
