"""Problems in a policy that can be found without any network.

*Unreachable* entries never decide: more specific or earlier ones take precedence everywhere. *Overlaps* are
endpoints that two entries name; that may be intended, but a reader of the file should know which one decides.
Networks are CIDR, so two of them overlap only where one holds the other, and the policy's own look-up finds
everything that is around a network.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from enum import StrEnum
from itertools import product

from scanner.core.model import PortKey, Transport
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.targets.ranges import Span, first_outside, merge

EXPIRES_SOON = timedelta(days=14)
"""An exception that ends within this time is reported."""


class Oddity(StrEnum):
    """The kinds of problems."""

    EXPIRED = "expired"
    EXPIRES_SOON = "expires-soon"
    UNREACHABLE = "unreachable"
    OVERLAP = "overlap"
    REVIEW = "review"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Remark:
    """One problem."""

    oddity: Oddity
    """Its kind."""
    entry: Entry
    """The entry."""
    text: str
    """A description."""


@dataclass(frozen=True, slots=True)
class _Rival:
    """Another entry that comes first somewhere in a network."""

    network: Span
    """The network, of the entry that is looked at."""
    span: Span
    """The network in it that the other entry names."""
    entry: Entry
    """The other entry."""
    ports: frozenset[PortKey]
    """The ports that both name."""


def check_policy(policy: Policy, today: date) -> Iterator[Remark]:
    """Yield the problems as of a day, in the order of the file; of what is accepted last."""
    for place, entry in enumerate(policy.entries):
        yield from _by_itself(entry, today, policy.zone)
        rivals = list(_rivals(policy, place))
        if entry.hosts or any(_reachable(entry, network, rivals) for network in entry.networks):
            yield from _overlaps(entry, rivals)
        else:
            winners = ", ".join(dict.fromkeys(rival.entry.label for rival in rivals))
            yield Remark(Oddity.UNREACHABLE, entry, f"never decides: {winners} always takes precedence")
    yield from _of_accepted(policy, today)


def _of_accepted(policy: Policy, today: date) -> Iterator[Remark]:
    for each in policy.accepted:
        yield from _by_itself(each.entry, today, policy.zone)


def _by_itself(entry: Entry, today: date, zone: tzinfo) -> Iterator[Remark]:
    if entry.review:
        yield Remark(Oddity.REVIEW, entry, "is still marked for review, so its ports are not expected")
    if entry.expired(today, zone):
        yield Remark(Oddity.EXPIRED, entry, f"ended on {entry.expires} ({entry.ticket}); renew or remove it")
    elif entry.expired(today + EXPIRES_SOON + timedelta(days=1), zone):
        yield Remark(Oddity.EXPIRES_SOON, entry, f"ends on {entry.expires} ({entry.ticket})")
    if entry.hosts and not entry.networks:
        names = ", ".join(sorted(entry.hosts))
        yield Remark(Oddity.UNRESOLVED, entry, f"{names}: no address found; matches only a target given by this name")


def _rivals(policy: Policy, place: int) -> Iterator[_Rival]:
    mine = policy.entries[place]
    for other_place, other in enumerate(policy.entries):
        if other is mine:
            continue
        pairs = product(mine.networks, other.networks)
        first = [(n, s) for n, s in pairs if _holds(n, s) and (s != n or other_place < place)]
        if first and (ports := mine.ports & other.ports):
            yield from (_Rival(network, span, other, ports) for network, span in first)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.version == inner.version and outer.first <= inner.first and inner.last <= outer.last


def _reachable(entry: Entry, network: Span, rivals: Iterable[_Rival]) -> bool:
    """Return whether the entry decides about any endpoint in a network."""
    whole = merge([network])
    inside = [rival for rival in rivals if rival.network == network]
    left = entry.ports.difference(*(rival.ports for rival in inside if rival.span == network))
    if not left or first_outside(whole, merge(rival.span for rival in inside)):
        return bool(left)
    return any(first_outside(whole, merge(r.span for r in inside if port in r.ports)) for port in left)


def _overlaps(entry: Entry, rivals: Iterable[_Rival]) -> Iterator[Remark]:
    for rival in rivals:
        exception = rival.entry.kind is EntryKind.EXCEPTION and entry.kind is EntryKind.EXPECT
        note = "; it stays expected when the exception ends" if exception else ""
        what = f"{rival.entry.label} decides about {_ports(rival.ports)} on {rival.span} instead{note}"
        yield Remark(Oddity.OVERLAP, entry, what)


def _ports(ports: frozenset[PortKey], most: int = 5) -> str:
    shown = [f"{port.number}/{port.transport}" for port in sorted(ports, key=_by_number)[:most]]
    more = f" and {len(ports) - most:,} more" if len(ports) > most else ""
    return ", ".join(shown) + more


def _by_number(port: PortKey) -> tuple[int, Transport]:
    return port.number, port.transport
