"""What is odd about a policy, found without looking at any network.

*Unreachable* entries never decide: more specific or earlier ones take every endpoint from them. *Overlaps* are
endpoints on which two entries speak; that may be meant, but whoever reads the file should know which one decides.
Networks are CIDR, so two of them overlap only where one holds the other, and the policy's own look-up finds
everything that is around a network.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from scanner.core.model import PortKey, Transport
from scanner.core.policy import Entry, Kind, Policy
from scanner.core.spans import Span, first_outside, merge

SOON = timedelta(days=14)
"""An exception that ends within this time deserves a word."""


class Oddity(StrEnum):
    """The kinds of things that are found."""

    EXPIRED = "expired"
    EXPIRES_SOON = "expires-soon"
    UNREACHABLE = "unreachable"
    OVERLAP = "overlap"
    REVIEW = "review"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Remark:
    """One odd thing."""

    oddity: Oddity
    """What kind."""
    entry: Entry
    """Where."""
    text: str
    """In words."""


def check_policy(policy: Policy, today: date) -> Iterator[Remark]:
    """Everything that is odd on a day, in the order of the file."""
    for place, entry in enumerate(policy.entries):
        yield from _by_itself(entry, today)
        rivals = list(_rivals(policy, place))
        if not any(_reachable(entry, network, rivals) for network in entry.networks) and not entry.hosts:
            winners = ", ".join(dict.fromkeys(rival.label for _, rival, _ in rivals))
            yield Remark(Oddity.UNREACHABLE, entry, f"never decides: {winners} always comes first")
        else:
            yield from _overlaps(entry, rivals)


def _by_itself(entry: Entry, today: date) -> Iterator[Remark]:
    if entry.review:
        yield Remark(Oddity.REVIEW, entry, "is still marked for review, so it expects nothing")
    if entry.expires and entry.expires < today:
        yield Remark(Oddity.EXPIRED, entry, f"ended on {entry.expires} ({entry.ticket}); renew it or take it out")
    elif entry.expires and entry.expires <= today + SOON:
        yield Remark(Oddity.EXPIRES_SOON, entry, f"ends on {entry.expires} ({entry.ticket})")
    if entry.hosts and not entry.networks:
        names = ", ".join(sorted(entry.hosts))
        yield Remark(Oddity.UNRESOLVED, entry, f"{names}: no address; matches only if a target is named so")


def _rivals(policy: Policy, place: int) -> Iterator[tuple[Span, Entry, frozenset[PortKey]]]:
    """What comes before an entry somewhere: the common network, the other entry, and their common ports."""
    mine = policy.entries[place]
    for other_place, other in enumerate(policy.entries):
        ports = mine.ports & other.ports
        if other is mine or not ports:
            continue
        for network in mine.networks:
            for theirs in other.networks:
                inside = _holds(network, theirs) and (theirs != network or other_place < place)
                if inside:
                    yield theirs, other, ports


def _holds(outer: Span, inner: Span) -> bool:
    return outer.version == inner.version and outer.first <= inner.first and inner.last <= outer.last


def _reachable(entry: Entry, network: Span, rivals: Iterable[tuple[Span, Entry, frozenset[PortKey]]]) -> bool:
    """Whether the entry decides about any endpoint in one of its networks."""
    inside = [(span, ports) for span, _, ports in rivals if _holds(network, span)]
    taken_whole: frozenset[PortKey] = frozenset().union(*(ports for span, ports in inside if span == network))
    left = entry.ports - taken_whole
    if not left or first_outside([network], merge(span for span, _ in inside)):
        return bool(left)
    return any(first_outside([network], merge(s for s, ports in inside if port in ports)) for port in left)


def _overlaps(entry: Entry, rivals: Iterable[tuple[Span, Entry, frozenset[PortKey]]]) -> Iterator[Remark]:
    for span, other, ports in rivals:
        exception = other.kind is Kind.EXCEPTION and entry.kind is Kind.EXPECT
        note = "; it is expected anyway once the exception is over" if exception else ""
        yield Remark(Oddity.OVERLAP, entry, f"{other.label} decides about {_ports(ports)} on {span} instead{note}")


def _ports(ports: frozenset[PortKey], most: int = 5) -> str:
    shown = [f"{port.number}/{port.transport}" for port in sorted(ports, key=_by_number)[:most]]
    more = f" and {len(ports) - most:,} more" if len(ports) > most else ""
    return ", ".join(shown) + more


def _by_number(port: PortKey) -> tuple[int, Transport]:
    return port.number, port.transport
