"""From options to a plan: everything that can be refused is refused here, before the first probe.

The steps, in their order: read what judges and what permits, understand the words, resolve names, take away what is
excluded, ask the scope, set the limits. Nothing is sent, no socket is opened, no history is touched; `--dry-run` shows
what comes out.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from math import isfinite
from pathlib import Path

from scanner.app.judging import Judging, read_judging
from scanner.app.options import ScanOptions, words_of
from scanner.app.port_order import in_order
from scanner.app.prepare import Prepared, Wanted, parse_shard, prepare
from scanner.app.rate_split import RateSplit, split_rate
from scanner.core.errors import InvalidInput, Warn
from scanner.core.model import Transport
from scanner.core.plan.plan import wave_size_for
from scanner.core.policy.policy import Policy
from scanner.core.rate.limits import UNLIMITED, Limits, fastest
from scanner.core.rate.paces import PACES
from scanner.core.rate.pacing import USUAL_PACE, Pacing
from scanner.core.targets.ports import PortSet, parse_port_words
from scanner.core.targets.scope import Scope
from scanner.engines.choose import EngineName
from scanner.engines.udp.sources import sources_from
from scanner.files.words import file_words

_MANY_UDP_PORTS = 1000
"""From so many UDP ports on a warning says how long telling them apart takes."""
_MOST_OF_AN_ENTRY = 100
"""UDP ports of one policy entry that are scanned by default."""


@dataclass(frozen=True, slots=True)
class PlannedSweep:
    """A sweep that may start: what is probed, by whose permission, how fast, and what judges it."""

    options: ScanOptions
    """What the user asked for."""
    started: datetime
    """When; aware, UTC."""
    judging: Judging
    """What judges."""
    scope: Scope | None
    """What permits."""
    prepared: Prepared
    """The plan, with what is said about how it came to be."""
    pacing: Pacing
    """The user's ceilings, and whether the rate finds itself below them."""
    limits: Limits
    """How fast probes may go where the rate does not find itself, whoever sends them."""
    split: RateSplit
    """What the engine gets of that, and what questions to open ports get."""
    never: PortSet = PortSet()
    """The ports that are left out."""


def plan_sweep(options: ScanOptions, *, warn: Warn) -> PlannedSweep:
    """Plan the sweep that options ask for. Names are resolved, which may take a while.

    Raises:
        InvalidInput: words that mean nothing, files that cannot be read, nothing left to probe.
        OutOfScope: something that may not be probed.
    """
    started = options.started or datetime.now(UTC)
    judging = read_judging(options.registry, options.policy, now=started, warn=warn, rules=options.rules)
    scope = read_scope_of(options)
    wanted = _wanted(options, judging)
    prepared = prepare(wanted, scope, started, seed=_seed(options), shard=parse_shard(options.shard))
    if line := udp_bound(options, prepared, max(1, len(sources_from(options.source)))):
        warn(line)
    limits = _limits(options, prepared, scope)
    size = wave_size_for(fastest(limits, prepared.plan.targets.size))
    plan = in_order(replace(prepared.plan, wave_size=size), options.order, judging.registry)
    sized = replace(prepared, plan=plan)
    return planned(options, started, judging, scope, sized, limits=limits, never=wanted.exclude_ports)


def planned(
    options: ScanOptions,
    started: datetime,
    judging: Judging,
    scope: Scope | None,
    prepared: Prepared,
    *,
    limits: Limits | None = None,
    never: PortSet = PortSet(),
) -> PlannedSweep:
    """Return the planned sweep for a plan that is there already, as a resumed one is."""
    limits = limits or _limits(options, prepared, scope)
    split = split_rate(limits, prepared.plan.ports_per_address, identify=options.identify)
    pacing = _pacing(options, scope)
    return PlannedSweep(options, started, judging, scope, prepared, pacing, limits, split, never)


def read_scope_of(options: ScanOptions) -> Scope | None:
    """Return what the scope permits. Raises InvalidInput with file and line."""
    if options.scope is None or isinstance(options.scope, Scope):
        return options.scope
    from scanner.config.scope import read_scope

    return read_scope(Path(options.scope))


def _wanted(options: ScanOptions, judging: Judging) -> Wanted:
    targets = words_of(options.targets, "TARGET")
    exclude = words_of(options.exclude, "--exclude", split=",")
    return Wanted(
        targets=chain(targets, (word for name in options.target_files for word in file_words(str(name)))),
        exclude=chain(exclude, (word for name in options.exclude_files for word in file_words(str(name)))),
        ports=_ports(options, judging),
        exclude_ports=excluded_ports(options, judging),
        version=_version(options),
    )


def excluded_ports(options: ScanOptions, judging: Judging) -> PortSet:
    """Return the ports that are left out: without a prefix of both transports, whichever are scanned."""
    words = words_of(options.exclude_ports, "--exclude-ports")
    both = (Transport.TCP, Transport.UDP)
    return parse_port_words(words, lambda: judging.registry, both, lambda each: _common(each, judging))


def _version(options: ScanOptions) -> int | None:
    if options.ipv4 and options.ipv6:
        raise InvalidInput("-4 and -6 exclude each other", where="-4/-6", cure="leave both out for all addresses")
    return 4 if options.ipv4 else 6 if options.ipv6 else None


def _ports(options: ScanOptions, judging: Judging) -> PortSet:
    unprefixed = _unprefixed(options)
    named = PortSet()
    if options.ports:
        words = words_of(options.ports, "-p")
        named = parse_port_words(words, lambda: judging.registry, unprefixed, lambda each: _common(each, judging))
    if options.top_ports is not None:
        named |= _top_ports(options.top_ports)
    if options.ports or options.top_ports is not None:
        return named
    tcp = _common(Transport.TCP, judging) if Transport.TCP in unprefixed else ()
    return PortSet(tcp, _common(Transport.UDP, judging) if options.udp else ())


def _common(transport: Transport, judging: Judging) -> tuple[int, ...]:
    """Return the ports that are scanned where none are named; for UDP those that the policy names, too."""
    if transport is Transport.TCP:
        return default_ports().tcp
    return (default_udp_ports() | PortSet(udp=_udp_of_policy(judging.policy))).udp


def _udp_of_policy(policy: Policy | None) -> tuple[int, ...]:
    """Return the UDP ports that a policy names one by one, rather than as wide ranges."""
    entries = policy.entries if policy else ()
    named = [{key.number for key in entry.ports if key.transport is Transport.UDP} for entry in entries]
    return tuple(sorted(set().union(*(ports for ports in named if len(ports) <= _MOST_OF_AN_ENTRY))))


def _unprefixed(options: ScanOptions) -> tuple[Transport, ...]:
    """Return the transports of ports without a prefix: with -sU they are UDP ports, beside a TCP engine both."""
    if not options.udp:
        return (Transport.TCP,)
    return (Transport.UDP,) if options.engine == EngineName.AUTO else (Transport.TCP, Transport.UDP)


def udp_bound(options: ScanOptions, prepared: Prepared, sources: int) -> str:
    """Return how long telling so many UDP ports apart takes from so many addresses; empty where that needs no word."""
    from scanner.core.udp.icmp_bound import seconds_to_tell
    from scanner.engines.udp.engine import PATIENCE

    ports = len(prepared.plan.udp_ports)
    if ports < _MANY_UDP_PORTS or prepared.only_loopback:
        return ""
    patience = PATIENCE if options.udp_patience is None else options.udp_patience
    hours = [seconds_to_tell(ports, version, sources) / 3600 for version in (4, 6)]
    return (
        f"telling closed from silent among {ports:,} UDP ports takes at least {hours[0]:.2g} h for one default Linux "
        f"host by IPv4, {hours[1]:.2g} h by IPv6; after {patience:,.0f} s a host's rest is open|filtered "
        "(--udp-patience)"
    )


def default_udp_ports() -> PortSet:
    """Return the UDP ports that are scanned where none are named: those whose services have a question."""
    from scanner.core.udp.catalogue import Catalogue

    return PortSet(udp=Catalogue().ports)


def _top_ports(count: int) -> PortSet:
    from scanner.registry.common_ports import top_ports

    try:
        return PortSet(tcp=tuple(sorted(top_ports(count))))
    except ValueError as error:
        raise InvalidInput(str(error), where="--top-ports", cure="write 1 to 100") from error


def default_ports() -> PortSet:
    """Return the ports that are scanned where none are named: the system ports, and commonly open ones above."""
    from scanner.registry.common_ports import default_tcp_ports

    return PortSet(tcp=default_tcp_ports())


def _seed(options: ScanOptions) -> int:
    if options.seed is not None:
        return options.seed
    if options.shard != "1/1":
        raise InvalidInput("--shard needs --seed, the same for every shard", where="--shard", cure="add --seed N")
    return secrets.randbits(32)


def _pacing(options: ScanOptions, scope: Scope | None) -> Pacing:
    """Return the user's ceilings, lowered by the scope, and how they are used."""
    rate = _limit(options.rate, None, "--rate")
    if scope is not None and scope.max_rate is not None:
        rate = min(rate or scope.max_rate, scope.max_rate)
    number = USUAL_PACE if options.pace is None else options.pace
    if number not in PACES:
        raise InvalidInput(f"{number} is not a pace", where="--pace", cure="write 0 to 5")
    return Pacing(
        limits=Limits(rate=rate, host_rate=_limit(options.host_rate, None, "--host-rate")),
        max_rate=_limit(options.max_rate, None, "--max-rate"),
        pace=PACES[number],
        adaptive=not options.fixed_rate,
    )


def _limits(options: ScanOptions, prepared: Prepared, scope: Scope | None) -> Limits:
    """Return what was asked for, lowered by the scope; unlimited on loopback unless a rate was asked for."""
    default = UNLIMITED if prepared.only_loopback and options.rate is None else Limits()
    rate = _limit(options.rate, default.rate, "--rate")
    if scope is not None and scope.max_rate is not None:
        rate = min(rate or scope.max_rate, scope.max_rate)
    return Limits(rate=rate, host_rate=_limit(options.host_rate, default.host_rate, "--host-rate"))


def _limit(asked: float | None, default: float | None, where: str) -> float | None:
    if asked is None:
        return default
    if not isfinite(asked) or asked < 0:
        raise InvalidInput(f"{asked} is not a number of probes per second", where=where, cure="0 is unlimited")
    return asked or None
