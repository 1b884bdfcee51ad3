"""From words to a plan, with everything that can be refused refused before the first probe.

The order is the same for every command: understand all words, resolve all names, take away what is excluded,
and ask the scope about what is left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.core.plan.plan import Plan, Shard
from scanner.core.targets.ports import PortSet
from scanner.core.targets.ranges import GatheredSpans, Span, Spans, address_span, first_outside
from scanner.core.targets.scope import LOOPBACK, Scope, check_scope
from scanner.core.targets.targets import HostName, TargetSet, Word, parse_target


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for, as words with their places. The words are read once: lists may be long."""

    targets: Iterable[Word]
    """Addresses, networks, ranges, names."""
    exclude: Iterable[Word]
    """The same, to be left out."""
    ports: PortSet
    """The ports, before exclusions."""
    exclude_ports: PortSet
    """The ports to be left out."""
    version: int | None = None
    """The IP version (4 or 6) of addresses that names mean; None for both."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what is to be said about how it came to be."""

    plan: Plan
    """What to probe."""
    excluded: int
    """How many endpoints the exclusions took out."""
    hostnames: Mapping[Address, str]
    """The name by which an address was asked for."""
    resolved: Mapping[str, tuple[str, ...]]
    """Every target name with its addresses."""

    @property
    def only_loopback(self) -> bool:
        """Whether nothing leaves this machine."""
        return first_outside(self.plan.targets.ranges, LOOPBACK) is None


def prepare(wanted: Wanted, scope: Scope | None, now: datetime, *, seed: int, shard: Shard) -> Prepared:
    """The plan for what is wanted.

    Raises:
        InvalidInput: words that mean nothing, names without address, nothing left to probe.
        OutOfScope: something that may not be probed.
    """
    spans, names = understand(wanted.targets)
    without, without_names = understand(wanted.exclude, excluded=True)
    addresses = _resolve([*names, *without_names])
    addresses |= {name: _of_version(name, addresses[name], wanted.version) for name in names}
    asked = TargetSet([*spans, *_spans(names, addresses)])
    targets = asked.without([*without, *_spans(without_names, addresses)])
    ports = wanted.ports - wanted.exclude_ports
    if not targets or not ports:
        what = "no address" if not targets else "no port"
        raise InvalidInput(f"nothing to scan: {what}{_is_left(named=bool(spans or names))}")
    hostnames = {address: name.word.text for name in reversed(names) for address in addresses[name]}
    check_scope(targets.ranges, scope, now, hostnames)
    plan = _plan(targets, ports, seed, shard)
    return Prepared(
        plan=plan,
        excluded=asked.size * len(wanted.ports) - plan.total,
        hostnames=hostnames,
        resolved={name.word.text: tuple(map(str, addresses[name])) for name in names},
    )


def parse_shard(text: str) -> Shard:
    """`2/3` as a shard.

    Raises:
        InvalidInput: anything else.
    """
    number, _, of = text.partition("/")
    try:
        return Shard(int(number), int(of))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a shard", where="--shard", cure="write 1/3, 2/3 or 3/3") from error


def understand(words: Iterable[Word], *, excluded: bool = False) -> tuple[Spans, list[HostName]]:
    """Return the addresses that words mean, and the names among them. Words are forgotten as they are understood.

    Raises:
        InvalidInput: a word that means nothing, or more separate ranges than are kept.
    """
    gathered, names = GatheredSpans(), dict[str, HostName]()
    for word in words:
        meaning = parse_target(word, excluded=excluded)
        if isinstance(meaning, HostName):
            names.setdefault(word.text.lower(), meaning)
        elif not gathered.add(meaning):
            problem = f"this list holds more than {gathered.most:,} separate ranges of addresses"
            raise InvalidInput(problem, where=word.where, cure="name networks, or split the list")
    return gathered.spans(), list(names.values())


def _of_version(name: HostName, addresses: tuple[Address, ...], version: int | None) -> tuple[Address, ...]:
    kept = tuple(each for each in addresses if version in (None, each.version))
    if not kept:
        raise InvalidInput(f"{name.word.text!r} has no IPv{version} address", where=name.word.where)
    return kept


def _resolve(names: Sequence[HostName]) -> dict[HostName, tuple[Address, ...]]:
    """Look up each name once, however often it is written: with rotating DNS a second answer may be another."""
    if not names:
        return {}
    from scanner.engines.resolve import resolve

    once: dict[str, HostName] = {}
    for name in names:
        once.setdefault(_spelling(name), name)
    found = resolve(list(once.values()))
    return {name: found[once[_spelling(name)]] for name in names}


def _spelling(name: HostName) -> str:
    """Return what names that are looked up alike have in common: case and the last dot make no difference."""
    text = name.word.text.lower()
    return text.rstrip(".") if "." in text.rstrip(".") else text


def _spans(names: Iterable[HostName], addresses: Mapping[HostName, tuple[Address, ...]]) -> list[Span]:
    return [address_span(address) for name in names for address in addresses[name]]


def _is_left(*, named: bool) -> str:
    if not named:
        return " is named; name targets, or a file of them with -iL"
    return " is left after the exclusions"


def _plan(targets: TargetSet, ports: PortSet, seed: int, shard: Shard) -> Plan:
    total = targets.size * len(ports)
    if shard.of > total:
        raise InvalidInput(f"{shard.of} shards of {total} endpoints: some would be empty", where="--shard")
    try:
        return Plan(targets, ports.tcp, seed, shard, udp_ports=ports.udp)
    except ValueError as error:
        raise InvalidInput(str(error), cure="name fewer targets or ports") from error
